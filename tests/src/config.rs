//! Configurations for the cases: the tutorial's word for word, and small ones made to measure. Both
//! xvrrp and keepalived read them.

use std::{fmt, net::IpAddr};

use crate::lab::{LINK_LOCAL_VIP, VIP, VIP_V6};

/// The primary's `keepalived.conf` as every tutorial has it, two stray words and a blank after a
/// brace included.
pub const TUTORIAL_PRIMARY: &str = "\
global_defs {
   notification_email {
     root@localhost.localdomain
   }
   notification_email_from root  root@localhost.localdomain
   smtp_server 127.0.0.1
   smtp_connect_timeout 30
   router_id HA_TEST_R1
}

vrrp_instance VI_1 {
    state MASTER
    interface ens33
    virtual_router_id 1
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress { 
        192.168.1.254
    }
}
";

/// The tutorial's standby number `number` (from 1): the same but for three words. A second standby
/// has one less in priority, and so on.
#[must_use]
pub fn tutorial_standby(number: u8) -> String {
    TUTORIAL_PRIMARY
        .replace("HA_TEST_R1", &format!("HA_TEST_R{}", number + 1))
        .replace("state MASTER", "state BACKUP")
        .replace(
            "priority 100",
            &format!("priority {}", 100 - u32::from(number)),
        )
}

/// A configuration made to measure; its text by `to_string()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 2 or 3.
    pub version: u8,
    /// Virtual router id.
    pub vrid: u8,
    /// Priority, 1-255.
    pub priority: u8,
    /// Advertisement interval in milliseconds; below 1000 only whole centiseconds of version 3.
    pub advert_int_ms: u32,
    /// Whether it starts as `state MASTER`.
    pub master: bool,
    /// Virtual IPs, all of one family.
    pub vips: Vec<IpAddr>,
    /// More lines for `virtual_ipaddress`, such as `10.77.0.254 dev ens34`.
    pub more_vips: String,
    /// More lines for `global_defs`.
    pub global: String,
    /// More lines for the instance.
    pub instance: String,
}

impl Settings {
    /// Version 3, VRID 51, 10 ms, the tutorial's VIP.
    #[must_use]
    pub fn fast(priority: u8) -> Self {
        Self {
            version: 3,
            vrid: 51,
            priority,
            advert_int_ms: 10,
            master: priority == 254,
            vips: vec![VIP.into()],
            more_vips: String::new(),
            global: String::new(),
            instance: String::new(),
        }
    }

    /// The same with an advert every so many milliseconds.
    #[must_use]
    pub fn every(mut self, advert_int_ms: u32) -> Self {
        self.advert_int_ms = advert_int_ms;
        self
    }

    /// The same over IPv6: the link-local virtual IP, and the one that clients ask for.
    #[must_use]
    pub fn fast_v6(priority: u8) -> Self {
        Self {
            vips: vec![LINK_LOCAL_VIP.into(), VIP_V6.into()],
            ..Self::fast(priority)
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = f64::from(self.advert_int_ms) / 1000.0;
        let state = if self.master { "MASTER" } else { "BACKUP" };
        writeln!(f, "global_defs {{")?;
        writeln!(f, "    router_id LAB_{}", self.priority)?;
        writeln!(f, "    vrrp_version {}", self.version)?;
        indented(f, &self.global)?;
        writeln!(f, "}}\n\nvrrp_instance VI_1 {{")?;
        writeln!(f, "    state {state}")?;
        writeln!(f, "    interface ens33")?;
        writeln!(f, "    virtual_router_id {}", self.vrid)?;
        writeln!(f, "    priority {}", self.priority)?;
        writeln!(f, "    advert_int {seconds}")?;
        indented(f, &self.instance)?;
        writeln!(f, "    virtual_ipaddress {{")?;
        for vip in &self.vips {
            writeln!(f, "        {vip}")?;
        }
        for line in self.more_vips.lines() {
            writeln!(f, "        {line}")?;
        }
        writeln!(f, "    }}\n}}")
    }
}

fn indented(f: &mut fmt::Formatter<'_>, lines: &str) -> fmt::Result {
    lines.lines().try_for_each(|line| writeln!(f, "    {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_differs_in_three_lines() {
        let standby = tutorial_standby(1);
        let differing: Vec<_> = TUTORIAL_PRIMARY
            .lines()
            .zip(standby.lines())
            .filter(|(primary, standby)| primary != standby)
            .map(|(_, standby)| standby.trim())
            .collect();
        assert_eq!(
            differing,
            ["router_id HA_TEST_R2", "state BACKUP", "priority 99"]
        );
    }

    #[test]
    fn fractions_of_a_second_are_written() {
        let text = Settings::fast(254).to_string();
        assert!(text.contains("advert_int 0.01\n"), "{text}");
        assert!(text.contains("vrrp_version 3\n"), "{text}");
    }
}
