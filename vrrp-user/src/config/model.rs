//! The configuration as the node uses it: valid by construction, keepalived's defaults filled in.

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
};

use vrrp_ebpf::{
    types::Mac,
    wire::{encode, mac},
};

use super::diag::Place;
use crate::proto::{Family, Settings, Version};

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `global_defs`.
    pub globals: Globals,
    /// Every `vrrp_instance`, in file order.
    pub instances: Vec<Instance>,
}

/// What `global_defs` sets that we act on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Globals {
    /// `router_id`: a label for people.
    pub router_id: Option<String>,
    /// `vrrp_rt_priority`: SCHED_FIFO priority of the engine, 1-99; without it the node chooses the policy.
    pub rt_priority: Option<u8>,
    /// `dynamic_interfaces`: that an interface does not exist is no mistake of the file.
    pub dynamic_interfaces: bool,
    /// `enable_script_security`: no script runs as root that somebody else can change.
    pub script_security: bool,
}

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name, as in `(VI_1) Entering MASTER STATE`.
    pub name: String,
    /// `interface`.
    pub interface: String,
    /// What the election needs to know. Its source address is unspecified: the interface has it.
    pub settings: Settings,
    /// `virtual_ipaddress`, then `virtual_ipaddress_excluded`. The first one is advertised.
    pub vips: Vec<Vip>,
    /// `mcast_src_ip` or `unicast_src_ip`: source of the adverts, if it is not to be the interface's
    /// first address.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: FAULT while the machine does not have that address.
    pub track_source: bool,
    /// `unicast_peer`; `None` for multicast.
    pub unicast: Option<Unicast>,
    /// `use_vmac` without `vmac_xmit_base`: adverts leave from the Virtual Router MAC.
    pub adverts_from_virtual_mac: bool,
    /// `authentication`, v2 only (with `v2_interop` for that half of the adverts).
    pub auth: Option<Auth>,
    /// `accept`; `no_accept` is the contrary, and so is strict mode, but for the address owner.
    pub accept: bool,
    /// `skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `v3_checksum_as_v2`: no pseudo-header in our IPv4 checksums (RFC 9568).
    pub v3_checksum_as_v2: bool,
    /// `notify_*`.
    pub notify: Notify,
    /// Where the `vrrp_instance` keyword stands.
    pub place: Place,
    /// Where its `interface` is given.
    pub interface_place: Place,
    /// Where its `source` is given; without one, where the instance stands.
    pub source_place: Place,
}

impl Instance {
    /// Whether the node owns the virtual IPs (RFC 9568 section 5.2.4): they are its own addresses.
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        self.settings.owner
    }

    /// Family of the adverts and of every virtual IP in them.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.settings.family
    }

    /// The virtual IPs that adverts carry: 1-255 of one family, in configured order.
    pub fn advertised(&self) -> impl Iterator<Item = &Vip> {
        self.vips.iter().filter(|vip| !vip.excluded)
    }

    /// How many of them an advert carries on a link with this MTU; 0 if it has no room for one.
    #[must_use]
    pub fn fitting(&self, mtu: u32) -> usize {
        let room = encode::room(self.narrowest(), self.family(), mtu);
        self.advertised().take(room).count()
    }

    /// The version, of those spoken, whose adverts have the least room.
    #[must_use]
    pub fn narrowest(&self) -> Version {
        match self.settings.departures.also_version_2 {
            Some(_) => Version::V2,
            None => self.settings.version,
        }
    }

    /// Leaves those after the first `most` virtual IPs (at least 1) out of the adverts. Returns how
    /// many adverts would have carried, if that was more.
    pub fn limit_advertised(&mut self, most: usize) -> Option<usize> {
        let before = self.advertised().count();
        let listed = self.vips.iter_mut().filter(|vip| !vip.excluded);
        for vip in listed.skip(most.max(1)) {
            vip.excluded = true;
        }
        (before > most.max(1)).then_some(before)
    }

    /// FAULT while the machine does not have `source`: adverts of unicast peers come to it.
    #[must_use]
    pub fn needs_source(&self) -> bool {
        self.track_source || self.unicast.is_some()
    }

    /// The Virtual Router MAC (RFC 9568 section 7.3), used or not.
    pub(super) fn router_mac(&self) -> Mac {
        mac::of_router(self.family(), self.settings.vrid)
    }

    /// The Virtual Router MAC, if adverts leave from it or a virtual IP is found at it.
    #[must_use]
    pub fn virtual_mac(&self) -> Option<Mac> {
        let used = self.adverts_from_virtual_mac || self.vips.iter().any(|vip| vip.virtual_mac);
        used.then(|| self.router_mac())
    }
}

/// Adverts to each peer instead of to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unicast {
    /// `unicast_peer`, each once; none that is this router.
    pub peers: Vec<Peer>,
    /// `unicast_ttl`: TTL or Hop Limit of our adverts, 1-255, if it was given.
    pub ttl: Option<u8>,
    /// `check_unicast_src`: nobody but a peer is listened to.
    pub check_source: bool,
}

/// One line of `unicast_peer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl` to `max_ttl`: TTL that its adverts may arrive with.
    pub ttl: Option<RangeInclusive<u8>>,
}

/// One line of `virtual_ipaddress` or `virtual_ipaddress_excluded`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// The virtual IP.
    pub address: IpAddr,
    /// Prefix length; keepalived's default is 32 (IPv6: 128).
    pub prefix: u8,
    /// `brd`; `brd +` and `brd -` are computed from the prefix.
    pub broadcast: Option<Ipv4Addr>,
    /// `dev`, if it is not the instance's interface.
    pub device: Option<String>,
    /// Without that interface the instance is in FAULT; `no_track` is the contrary.
    pub tracked: bool,
    /// `scope`.
    pub scope: Scope,
    /// `label`, at most 15 bytes.
    pub label: Option<String>,
    /// `preferred_lft`: seconds for which the kernel may choose it as the source of what the machine
    /// itself sends; [`FOREVER`], and in IPv6 0 where an address is a virtual one and nothing else.
    pub preferred_lft: u32,
    /// Adverts do not carry it.
    pub excluded: bool,
    /// `use_vmac` or, elsewhere than at the instance's interface, `use_vmac_addr`: it is found at the
    /// Virtual Router MAC.
    pub virtual_mac: bool,
    /// `noprefixroute`: the kernel adds no route to its network.
    pub no_prefix_route: bool,
    /// Where it stands.
    pub place: Place,
}

/// A lifetime without an end, as the kernel has it.
pub const FOREVER: u32 = u32::MAX;

/// Address scope, as `rtm_scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// 0.
    Global,
    /// 200.
    Site,
    /// 253.
    Link,
    /// 254.
    Host,
    /// Any other number.
    Other(u8),
}

/// `authentication`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `auth_type PASS`: the first eight bytes of `auth_pass`, zero-padded.
    Pass([u8; 8]),
}

/// `notify_*`: keepalived runs the specific one first, `notify` after it. What there is of each is a [`Script`], or what
/// has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify<One = Script> {
    /// `notify_master`.
    pub master: Option<One>,
    /// `notify_backup`.
    pub backup: Option<One>,
    /// `notify_fault`.
    pub fault: Option<One>,
    /// `notify_stop`.
    pub stop: Option<One>,
    /// `notify`: gets `INSTANCE NAME STATE PRIORITY` appended.
    pub any: Option<One>,
}

impl<One> Default for Notify<One> {
    fn default() -> Self {
        Self {
            master: None,
            backup: None,
            fault: None,
            stop: None,
            any: None,
        }
    }
}

impl<One> Notify<One> {
    /// Each, in the order above.
    #[must_use]
    pub fn each(&self) -> [Option<&One>; 5] {
        let Self {
            master,
            backup,
            fault,
            stop,
            any,
        } = self;
        [master, backup, fault, stop, any].map(Option::as_ref)
    }

    /// Every script that is given.
    pub fn scripts(&self) -> impl Iterator<Item = &One> {
        self.each().into_iter().flatten()
    }

    /// What becomes of each.
    ///
    /// # Errors
    /// With the first that nothing can become of.
    pub fn try_map<Other, Error>(
        &self,
        become_of: impl Fn(&One) -> Result<Other, Error>,
    ) -> Result<Notify<Other>, Error> {
        let each = |script: &Option<One>| script.as_ref().map(&become_of).transpose();
        Ok(Notify {
            master: each(&self.master)?,
            backup: each(&self.backup)?,
            fault: each(&self.fault)?,
            stop: each(&self.stop)?,
            any: each(&self.any)?,
        })
    }
}

/// A command to run: no shell is involved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Program and arguments, at least one word.
    pub argv: Vec<String>,
    /// User to run as; root if not given.
    pub user: Option<String>,
    /// Group to run as; the user's if not given.
    pub group: Option<String>,
    /// Where its user is named: its own statement or `script_user`.
    pub user_place: Place,
    /// Where its own statement stands.
    pub place: Place,
}
