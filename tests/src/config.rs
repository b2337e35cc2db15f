//! Configurations for the cases: the tutorial's word for word, and small ones made to measure. Both
//! xvrrp and keepalived read them.

use std::{fmt, net::IpAddr};

use crate::lab::{LINK_LOCAL_VIP, ROUTER_INTERFACE, VIP, VIP_V6};

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

/// A configuration made to measure, with one virtual router; its text by `to_string()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the `vrrp_instance`.
    pub name: String,
    /// Its interface.
    pub interface: String,
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
            name: "VI_1".to_owned(),
            interface: ROUTER_INTERFACE.to_owned(),
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

    /// The same with these lines in the instance.
    #[must_use]
    pub fn with_lines(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.instance);
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
        Globals(self).fmt(f)?;
        Instance(self).fmt(f)
    }
}

/// A file with several virtual routers. `global_defs` is as the first one has it.
#[must_use]
pub fn file(routers: &[Settings]) -> String {
    let globals = routers.first().map(|first| Globals(first).to_string());
    let instances = routers.iter().map(|router| Instance(router).to_string());
    globals.into_iter().chain(instances).collect()
}

/// `global_defs`.
struct Globals<'a>(&'a Settings);

impl fmt::Display for Globals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(settings) = self;
        writeln!(f, "global_defs {{")?;
        writeln!(f, "    router_id LAB_{}", settings.priority)?;
        writeln!(f, "    vrrp_version {}", settings.version)?;
        indented(f, &settings.global)?;
        writeln!(f, "}}")
    }
}

/// The block of a virtual router.
struct Instance<'a>(&'a Settings);

impl fmt::Display for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(settings) = self;
        let seconds = f64::from(settings.advert_int_ms) / 1000.0;
        let state = if settings.master { "MASTER" } else { "BACKUP" };
        writeln!(f, "\nvrrp_instance {} {{", settings.name)?;
        writeln!(f, "    state {state}")?;
        writeln!(f, "    interface {}", settings.interface)?;
        writeln!(f, "    virtual_router_id {}", settings.vrid)?;
        writeln!(f, "    priority {}", settings.priority)?;
        writeln!(f, "    advert_int {seconds}")?;
        indented(f, &settings.instance)?;
        writeln!(f, "    virtual_ipaddress {{")?;
        for vip in &settings.vips {
            writeln!(f, "        {vip}")?;
        }
        for line in settings.more_vips.lines() {
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

    #[test]
    fn a_file_of_one_router_is_its_text() {
        let one = Settings::fast(254);
        assert_eq!(file(std::slice::from_ref(&one)), one.to_string());
        let other = Settings {
            name: "VI_2".to_owned(),
            ..Settings::fast(100)
        };
        let both = file(&[one, other]);
        assert_eq!(both.matches("global_defs {").count(), 1);
        for name in ["VI_1", "VI_2"] {
            assert!(
                both.contains(&format!("}}\n\nvrrp_instance {name} {{\n")),
                "{both}"
            );
        }
    }
}
