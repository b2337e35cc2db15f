//! The address worker: adds and removes virtual IPs, on a real-time thread of its own.
//!
//! The kernel serves netlink under a lock that others hold for as long as they like (a driver
//! reset, a routing daemon loading its table). The engine must go on sending adverts meanwhile, so
//! the requests are made here, all addresses of a router in one buffer, which the kernel is given in
//! pieces: it may not let go of the CPU, which may be the engine's, before it has dealt with one.

mod message;
mod present;
mod requests;
mod waiting;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender},
    },
};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{RouteNetlinkMessage, address::AddressMessage};
use netlink_sys::Socket;
use nix::{
    errno::Errno,
    sys::{
        eventfd::EventFd,
        socket::{setsockopt, sockopt},
        time::TimeVal,
    },
};
use vrrp_ebpf::abi::{self, vip_state};

use self::{
    message::message,
    requests::{Answer, Requests, answers},
    waiting::Waiting,
};
use crate::{
    config::Vip,
    io::{bpf::shared::VipStates, netlink},
    proto::frame::Mac,
};

/// RTNLGRP_IPV6_IFADDR: which IPv6 addresses come and go.
const IPV6_ADDRESSES: u32 = 9;
/// How long the kernel may take to make an IPv6 address usable that it has acknowledged.
const PATIENCE: TimeVal = TimeVal::new(1, 0);
/// Room for the answers to the longest order, two messages per virtual IP; the kernel drops what has
/// none.
const RECEIVE_BUFFER: usize = abi::MAX_VIPS as usize * 2048;

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
    /// Those that are not, by interface.
    ours: BTreeMap<(u32, IpAddr), u32>,
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
            ours: BTreeMap::new(),
            install: Requests::default(),
            remove: Requests::default(),
        };
        for (vip, placement) in (0..).zip(placements) {
            set.kept.push(placement.kept);
            if placement.kept {
                continue;
            }
            let place = (placement.ifindex, placement.vip.address);
            set.ours.insert(place, vip);
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

    /// Those of IPv6 that are not the interface's own.
    fn ipv6(&self) -> impl Iterator<Item = u32> {
        let ours = self.ours.iter();
        ours.filter(|((_, address), _)| address.is_ipv6())
            .map(|(_, vip)| *vip)
    }
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

/// Whether an address cannot be removed because it is not there; or its interface is not, or IPv6 on it.
fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EADDRNOTAVAIL | Errno::ENODEV | Errno::ENXIO)
    )
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
        let socket = netlink::open()?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &PATIENCE)?;
        // Refused without CAP_NET_ADMIN; then a very long order fails, and says so.
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).ok();
        Ok(Self {
            socket,
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
        let requests = match order.operation {
            Operation::Install => &mut set.install,
            Operation::Remove => &mut set.remove,
        };
        let base = self.sequence;
        requests.renumber(base);
        let vips = u32::try_from(set.kept.len()).unwrap_or(abi::MAX_VIPS);
        self.sequence = base.wrapping_add(vips);
        if let Some(set) = self.sets.get(order.router as usize) {
            self.send(order, set, base);
            if order.operation == Operation::Remove {
                self.remove_strays(order.router, set);
            }
        }
    }

    fn send(&self, order: Order, set: &AddressSet, base: u32) {
        for (vip, is_kept) in (0..).zip(&set.kept) {
            let state = set.first_state + vip;
            let bits = bits_before(order, vip, *is_kept, self.states.get(state));
            self.states.set(state, bits);
        }
        let mut waiting = Waiting::for_answers(set.kept.iter().map(|is_kept| !is_kept));
        if waiting.is_over() {
            return;
        }
        let watches = order.operation == Operation::Install && set.ipv6().next().is_some();
        // Without the group an address counts from the acknowledgement on.
        if watches && self.socket.add_membership(IPV6_ADDRESSES).is_ok() {
            set.ipv6().for_each(|vip| waiting.for_address(vip));
        }
        let requests = match order.operation {
            Operation::Install => &set.install,
            Operation::Remove => &set.remove,
        };
        let done = requests
            .batches()
            .try_for_each(|batch| self.socket.send(batch, 0).map(drop))
            .and_then(|()| self.wait(order, set, base, waiting));
        if let Err(error) = done {
            self.fail(order.router, 0, &error);
        }
        if watches {
            self.socket.drop_membership(IPV6_ADDRESSES).ok();
            let mut scrap = Vec::new();
            while self.socket.recv(&mut scrap, libc::MSG_DONTWAIT).is_ok() {
                scrap.clear();
            }
        }
    }

    /// Reads until the kernel has answered every request, and said of each new IPv6 address that it
    /// can be used: it acknowledges these before it has a route for them, and until then would
    /// forward what comes for them.
    fn wait(
        &self,
        order: Order,
        set: &AddressSet,
        base: u32,
        mut waiting: Waiting,
    ) -> io::Result<()> {
        while !waiting.is_over() {
            let bytes = match self.socket.recv_from_full() {
                Ok((bytes, _)) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    for vip in waiting.give_up_addresses() {
                        self.settle(order, set.first_state, vip, 0);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            for answer in answers(&bytes) {
                match answer {
                    Answer::Acknowledged { sequence, errno } => {
                        let vip = sequence.wrapping_sub(base);
                        if waiting.answered(vip, errno) {
                            self.settle(order, set.first_state, vip, errno);
                        }
                    }
                    Answer::Usable { ifindex, address } => {
                        if let Some(vip) = set.ours.get(&(ifindex, address))
                            && waiting.usable(*vip)
                        {
                            self.settle(order, set.first_state, *vip, 0);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes what a request did not name: the same address with another prefix length or label, as
    /// keepalived or another configuration may have left it.
    //= C50: RFC 9568 section 6.4.2
    fn remove_strays(&self, router: u32, set: &AddressSet) {
        let interfaces: BTreeSet<u32> = set.ours.keys().map(|(ifindex, _)| *ifindex).collect();
        for ifindex in interfaces {
            let found = match present::addresses(ifindex) {
                Ok(found) => found,
                Err(error) if is_gone(&error) => continue,
                Err(error) => {
                    self.fail(router, 0, &error);
                    continue;
                }
            };
            for message in found {
                let place = present::address(&message).map(|address| (ifindex, address));
                if let Some(vip) = place.and_then(|place| set.ours.get(&place)) {
                    self.remove_stray(router, set.first_state, *vip, message);
                }
            }
        }
    }

    fn remove_stray(&self, router: u32, first: u32, vip: u32, stray: AddressMessage) {
        self.states.set(first + vip, vip_state::INSTALLED);
        match present::remove(stray) {
            Err(error) if !is_gone(&error) => self.fail(router, vip, &error),
            _ => self.states.set(first + vip, 0),
        }
    }

    fn settle(&self, order: Order, first: u32, vip: u32, errno: i32) {
        let bits = match (order.operation, Errno::from_raw(errno)) {
            (Operation::Install, _) if errno == 0 => vip_state::INSTALLED | vip_state::READY,
            // It is there already: as good as ours.
            (Operation::Install, Errno::EEXIST) => vip_state::INSTALLED | vip_state::READY,
            (Operation::Remove, _) if errno == 0 => 0,
            (Operation::Remove, _) if is_gone(&io::Error::from_raw_os_error(errno)) => 0,
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

    #[test]
    fn nothing_is_served_from_a_remove_on() {
        let remove = order(Operation::Remove, None);
        assert_eq!(bits_before(remove, 0, false, SERVED), INSTALLED);
        assert_eq!(bits_before(remove, 1, true, SERVED), INSTALLED);
    }
}
