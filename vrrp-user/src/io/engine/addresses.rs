//! The address worker: adds and removes virtual IPs, on a real-time thread of its own.
//!
//! The kernel serves netlink under a lock that others hold for as long as they like (a driver
//! reset, a routing daemon loading its table). The engine must go on sending adverts meanwhile, so
//! the requests are made here, all addresses of a router in one buffer.

mod requests;

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender},
    },
};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{
        AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
    },
};
use netlink_sys::Socket;
use nix::{errno::Errno, sys::eventfd::EventFd};
use vrrp_ebpf::abi::{self, vip_state};

use self::requests::{Requests, answers};
use crate::{
    config::{FOREVER, Scope, Vip},
    io::{bpf::shared::VipStates, netlink},
    proto::frame::Mac,
};

/// What the engine wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Every virtual IP of the router on its interface.
    Install,
    /// Every virtual IP of the router gone.
    Remove,
}

/// One order, tagged so that its answer can be told from that of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The router.
    pub router: u32,
    /// What to do.
    pub operation: Operation,
    /// Counts the orders of this router.
    pub generation: u32,
    /// Index in the instance's `vips` of one that is known to be gone from the interface.
    pub lost: Option<u32>,
}

/// What the worker reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The kernel has answered for every virtual IP of the order.
    Done(Order),
    /// The kernel refused one.
    Failed {
        /// The router.
        router: u32,
        /// Index in the instance's `vips`.
        vip: u32,
        /// errno.
        errno: i32,
    },
}

/// One virtual IP and the interface it goes to.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'vip> {
    /// The virtual IP.
    pub vip: &'vip Vip,
    /// Interface index.
    pub ifindex: u32,
    /// MAC of that interface.
    pub mac: Mac,
    /// The address is the interface's own (priority 255): it was there before us and stays.
    pub kept: bool,
}

/// The virtual IPs of one router, as requests that only need to be sent.
#[derive(Debug)]
pub struct AddressSet {
    /// Index in `VIP_STATES` of the first; the others follow.
    first_state: u32,
    /// Whether each is the interface's own.
    kept: Vec<bool>,
    install: Requests,
    remove: Requests,
}

impl AddressSet {
    /// Prepares the requests.
    #[must_use]
    pub fn new(placements: &[Placement<'_>], first_state: u32) -> Self {
        let mut set = Self {
            first_state,
            kept: Vec::new(),
            install: Requests::default(),
            remove: Requests::default(),
        };
        for (vip, placement) in (0..).zip(placements) {
            set.kept.push(placement.kept);
            if placement.kept {
                continue;
            }
            let message = message(placement.vip, placement.ifindex);
            set.install.bytes.extend(netlink::serialize(
                RouteNetlinkMessage::NewAddress(message.clone()),
                NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
                vip,
            ));
            let delete = RouteNetlinkMessage::DelAddress(message);
            set.remove
                .bytes
                .extend(netlink::serialize(delete, NLM_F_ACK, vip));
        }
        set
    }
}

fn message(vip: &Vip, ifindex: u32) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = ifindex;
    message.header.prefix_len = vip.prefix;
    message.header.scope = match vip.scope {
        Scope::Global => AddressScope::Universe,
        Scope::Site => AddressScope::Site,
        Scope::Link => AddressScope::Link,
        Scope::Host => AddressScope::Host,
        Scope::Other(number) => AddressScope::from(number),
    };
    match vip.address {
        IpAddr::V4(_) => {
            message.header.family = AddressFamily::Inet;
            message
                .attributes
                .push(AddressAttribute::Local(vip.address));
        }
        IpAddr::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            //= C65: RFC 4862 section 5.4
            // Duplicate address detection would be answered by the router that we take over from.
            message.header.flags |= AddressHeaderFlags::Nodad;
            message
                .attributes
                .push(AddressAttribute::Flags(AddressFlags::Nodad));
            if vip.preferred_lft != FOREVER {
                let mut lifetimes = CacheInfo::default();
                lifetimes.ifa_preferred = vip.preferred_lft;
                lifetimes.ifa_valid = FOREVER;
                message
                    .attributes
                    .push(AddressAttribute::CacheInfo(lifetimes));
            }
        }
    }
    message
        .attributes
        .push(AddressAttribute::Address(vip.address));
    if let Some(broadcast) = vip.broadcast {
        message
            .attributes
            .push(AddressAttribute::Broadcast(broadcast));
    }
    if let Some(label) = &vip.label {
        message
            .attributes
            .push(AddressAttribute::Label(label.clone()));
    }
    message
}

/// State of a virtual IP while an order is under way: it may be on the interface. What was served
/// before an Install still is, or putting one address back would interrupt the others.
fn bits_before(order: Order, vip: u32, kept: bool, before: u64) -> u64 {
    let ready = match order.operation {
        Operation::Install if kept => vip_state::READY,
        Operation::Install if order.lost != Some(vip) => before & vip_state::READY,
        Operation::Install | Operation::Remove => 0,
    };
    vip_state::INSTALLED | ready
}

/// The worker: `run` is the body of its thread.
#[derive(Debug)]
pub struct AddressWorker {
    socket: Socket,
    sets: Vec<AddressSet>,
    states: Arc<VipStates>,
    reports: SyncSender<Report>,
    wake: Arc<EventFd>,
    /// Sequence number of the next order's first request. The answers to an order that was given up
    /// are not taken for those to a later one.
    sequence: u32,
}

impl AddressWorker {
    /// A worker for these routers; `wake` is signalled after each report.
    ///
    /// # Errors
    /// When no netlink socket can be opened.
    pub fn new(
        sets: Vec<AddressSet>,
        states: Arc<VipStates>,
        reports: SyncSender<Report>,
        wake: Arc<EventFd>,
    ) -> io::Result<Self> {
        Ok(Self {
            socket: netlink::open()?,
            sets,
            states,
            reports,
            wake,
            sequence: 0,
        })
    }

    /// Carries orders out until the engine hangs up.
    pub fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            self.carry_out(order);
            if self.reports.send(Report::Done(order)).is_err() || self.wake.write(1).is_err() {
                return;
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        let Some(set) = self.sets.get_mut(order.router as usize) else {
            return;
        };
        let first = set.first_state;
        let vips = u32::try_from(set.kept.len()).unwrap_or(abi::MAX_VIPS);
        let requests = match order.operation {
            Operation::Install => &mut set.install,
            Operation::Remove => &mut set.remove,
        };
        let base = self.sequence;
        requests.renumber(base);
        self.sequence = base.wrapping_add(vips);
        let mut outstanding = 0;
        for (vip, is_kept) in (0..).zip(&set.kept) {
            let before = self.states.get(first + vip);
            let bits = bits_before(order, vip, *is_kept, before);
            self.states.set(first + vip, bits);
            outstanding += u32::from(!is_kept);
        }
        if outstanding == 0 {
            return;
        }
        if let Err(error) = self.socket.send(&requests.bytes, 0) {
            self.fail(order.router, 0, &error);
            return;
        }
        while outstanding > 0 {
            match self.socket.recv_from_full() {
                Ok((bytes, _)) => {
                    for (sequence, errno) in answers(&bytes) {
                        let vip = sequence.wrapping_sub(base);
                        if vip < vips {
                            self.settle(order, first, vip, errno);
                            outstanding = outstanding.saturating_sub(1);
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fail(order.router, 0, &error);
                    return;
                }
            }
        }
    }

    fn settle(&self, order: Order, first: u32, vip: u32, errno: i32) {
        let bits = match (order.operation, Errno::from_raw(errno)) {
            (Operation::Install, _) if errno == 0 => vip_state::INSTALLED | vip_state::READY,
            // It is there already: as good as ours.
            (Operation::Install, Errno::EEXIST) => vip_state::INSTALLED | vip_state::READY,
            (Operation::Remove, _) if errno == 0 => 0,
            // It is gone already; or its interface is, or IPv6 on it.
            (Operation::Remove, Errno::EADDRNOTAVAIL | Errno::ENODEV | Errno::ENXIO) => 0,
            _ => {
                self.fail(order.router, vip, &io::Error::from_raw_os_error(errno));
                return;
            }
        };
        self.states.set(first + vip, bits);
    }

    fn fail(&self, router: u32, vip: u32, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        // A full or closed channel means that nobody listens any more.
        if self
            .reports
            .try_send(Report::Failed { router, vip, errno })
            .is_ok()
        {
            self.wake.write(1).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: u64 = vip_state::INSTALLED;
    const SERVED: u64 = vip_state::INSTALLED | vip_state::READY;

    fn order(operation: Operation, lost: Option<u32>) -> Order {
        Order {
            router: 0,
            operation,
            generation: 1,
            lost,
        }
    }

    #[test]
    fn putting_one_address_back_leaves_the_others_served() {
        let install = order(Operation::Install, Some(1));
        assert_eq!(bits_before(install, 0, false, SERVED), SERVED);
        assert_eq!(bits_before(install, 1, false, SERVED), INSTALLED);
        assert_eq!(bits_before(install, 2, false, INSTALLED), INSTALLED);
        assert_eq!(bits_before(install, 3, false, 0), INSTALLED);
        assert_eq!(bits_before(install, 4, true, 0), SERVED);
    }

    fn attributes(line: &str) -> Vec<AddressAttribute> {
        let text = format!(
            "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  10.0.0.1\n }}\n \
             virtual_ipaddress_excluded {{\n  {line}\n }}\n}}\n"
        );
        let config = crate::config::parse("k.conf", text.as_bytes()).config;
        let instance = config.unwrap().instances.remove(0);
        message(&instance.vips[1], 2).attributes
    }

    //= C65: proof
    #[test]
    fn ipv6_addresses_are_installed_without_detection() {
        let no_detection = AddressAttribute::Flags(AddressFlags::Nodad);
        assert!(attributes("fe80::51").contains(&no_detection));
        assert!(attributes("2001:db8::fe/64").contains(&no_detection));
    }

    //= C4: refusal
    #[test]
    fn what_is_only_virtual_is_no_source_of_the_machine() {
        let preferred = |line| {
            let lifetimes = attributes(line)
                .into_iter()
                .find_map(|attribute| match attribute {
                    AddressAttribute::CacheInfo(lifetimes) => Some(lifetimes),
                    _ => None,
                });
            lifetimes.map(|lifetimes| (lifetimes.ifa_preferred, lifetimes.ifa_valid))
        };
        assert_eq!(preferred("fe80::51"), Some((0, u32::MAX)));
        assert_eq!(preferred("fe80::51/64"), Some((0, u32::MAX)));
        assert_eq!(preferred("2001:db8::fe"), Some((0, u32::MAX)));
        assert_eq!(preferred("2001:db8::fe/64"), None);
        assert_eq!(preferred("2001:db8::fe preferred_lft forever"), None);
        assert_eq!(preferred("192.168.1.254"), None);
    }

    #[test]
    fn nothing_is_served_from_a_remove_on() {
        let remove = order(Operation::Remove, None);
        assert_eq!(bits_before(remove, 0, false, SERVED), INSTALLED);
        assert_eq!(bits_before(remove, 1, true, SERVED), INSTALLED);
    }
}
