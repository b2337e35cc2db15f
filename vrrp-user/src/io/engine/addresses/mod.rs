//! The address worker: adds and removes virtual IPs, on a real-time thread of its own.
//!
//! The kernel serves netlink under a lock that others hold for as long as they like (a driver
//! reset, a routing daemon loading its table). The engine must go on sending adverts meanwhile, so
//! the requests are made here, all addresses of a router in one buffer, which the kernel is given in
//! pieces: it may not let go of the CPU, which may be the engine's, before it has dealt with one.

mod change;
mod job;
mod look;
mod message;
mod owner;
mod remove;
mod requests;
mod retries;
mod set;
#[cfg(test)]
mod testing;
mod trial;
mod waiting;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

use netlink_sys::Socket;
use nix::sys::{
    eventfd::EventFd,
    socket::{setsockopt, sockopt},
    time::TimeVal,
};
use vrrp_ebpf::abi::{self, vip_state};

use self::{
    job::bits_before,
    requests::{Answer, Requests, answers},
    retries::Retries,
    trial::Refusal,
    waiting::Waiting,
};
pub use self::{
    job::{Job, Operation, Order, Report},
    set::{AddressSet, Placement},
};
use crate::{
    ids::{RouterId, VipId},
    io::{
        bpf::shared::{Slots, VipStates},
        clock,
        engine::{message::Event, realtime::Scheduling},
        netlink::{self, present},
    },
    proto::Instant,
};

/// RTNLGRP_IPV6_IFADDR: which IPv6 addresses come and go.
const IPV6_ADDRESSES: u32 = 9;
/// How long the kernel may take to make an IPv6 address usable that it has acknowledged.
const PATIENCE: TimeVal = TimeVal::new(1, 0);
/// Room for the answers to the longest order, two messages per virtual IP; the kernel drops what has
/// none.
const RECEIVE_BUFFER: usize = abi::MAX_VIPS as usize * 2048;

/// How long the same thing is not told again.
const QUIET: Duration = Duration::from_secs(60);
/// What is told, where there is no errno.
const MISSING: i32 = -1;
const STRAY: i32 = -2;

/// The worker: `run` is the body of its thread.
#[derive(Debug)]
pub struct AddressWorker {
    socket: Socket,
    sets: BTreeMap<RouterId, Box<AddressSet>>,
    /// Virtual IPs of every router that is no owner, by interface.
    virtual_ips: BTreeSet<(u32, IpAddr)>,
    slots: Arc<Slots>,
    states: Arc<VipStates>,
    reports: SyncSender<Report>,
    wake: Arc<EventFd>,
    /// Sequence number of the next order's first request. The answers to an order that was given up
    /// are not taken for those to a later one.
    sequence: u32,
    retries: Retries,
    /// What every router last wanted, by router.
    standing: BTreeMap<RouterId, Order>,
    /// What the kernel refuses for longer than a moment, or did, by router.
    refusals: BTreeMap<RouterId, Refusal>,
    /// Interfaces that did not exist any more at the last look. Whether a router can do without is the control plane's
    /// to say (`no_track`), and it waits for none to come back: another one of that name has another index.
    absent: BTreeSet<u32>,
    /// When what was last told.
    told: BTreeMap<(RouterId, Option<VipId>, i32), Instant>,
}

impl AddressWorker {
    /// A worker without routers; `wake` is signalled after each report.
    ///
    /// # Errors
    /// When no netlink socket can be opened.
    pub fn new(
        slots: Arc<Slots>,
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
            sets: BTreeMap::new(),
            virtual_ips: BTreeSet::new(),
            slots,
            states,
            reports,
            wake,
            sequence: 0,
            retries: Retries::default(),
            standing: BTreeMap::new(),
            refusals: BTreeMap::new(),
            absent: BTreeSet::new(),
            told: BTreeMap::new(),
        })
    }

    /// The virtual IPs of a router, before `run`.
    pub fn insert(&mut self, router: RouterId, set: Box<AddressSet>) {
        self.sets.insert(router, set);
        self.note_virtual_ips();
    }

    /// Does one job after the other until the engine hangs up, after telling what its thread runs under.
    pub fn run(mut self, jobs: &Receiver<Job>, scheduling: Scheduling) {
        self.tell(Event::Scheduled(scheduling));
        let mut look = clock::now() + look::PERIOD;
        loop {
            let again = self.retries.next();
            let at = again.map_or(look, |(_, at)| at.min(look));
            match jobs.recv_timeout(at.since(clock::now())) {
                Ok(job) => {
                    if self.work(job).is_none() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => match again {
                    Some((order, due)) if due <= look => self.carry_out(order),
                    _ => {
                        self.look();
                        look = clock::now() + look::PERIOD;
                    }
                },
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Does a job and reports. Nothing if nobody listens any more.
    fn work(&mut self, job: Job) -> Option<()> {
        let retired = match job {
            Job::Order(order) => {
                self.stand(order);
                self.carry_out(order);
                self.answer(Report::Done(order))?;
                None
            }
            Job::Change { order, set } => {
                let before = self.change(order, set);
                self.answer(Report::Done(order))?;
                before
            }
            Job::Forget(router) => self.forget(router),
        };
        retired.map_or(Some(()), |set| self.answer(Report::Retired(set)))
    }

    /// From now on this is what the router wants.
    fn stand(&mut self, order: Order) {
        self.retries.forget(order.router);
        let lost = None;
        self.standing.insert(order.router, Order { lost, ..order });
    }

    fn answer(&self, report: Report) -> Option<()> {
        self.reports.send(report).ok()?;
        self.wake.write(1).ok().map(drop)
    }

    /// Whether the writer that gave an order still has the router's ownership word. It does not after
    /// `cleanup --fence`, nor after the start of another node: the addresses are theirs then, and neither
    /// installed nor removed here. The engine ends for the same reason, but after a stop of the whole process
    /// this thread may run first.
    fn is_in_force(&self, order: Order) -> bool {
        self.slots.ownership(order.router.slot()).epoch() == order.epoch
    }

    fn carry_out(&mut self, order: Order) {
        if !self.is_in_force(order) {
            return self.retries.forget(order.router);
        }
        let mut sets = std::mem::take(&mut self.sets);
        if let Some(set) = sets.get_mut(&order.router) {
            for (vip, id) in set.ids() {
                let before = self.states.get(id.state());
                let bits = bits_before(order, id, set.is_hosts(vip), before);
                self.states.set(id.state(), bits);
            }
            match (order.operation, set.is_owners()) {
                (Operation::Install, false) => self.install(order, set),
                (Operation::Remove, false) => self.remove_all(order, set),
                (Operation::Install, true) => self.install_as_owner(order, set),
                (Operation::Remove, true) => self.remove_as_owner(order, set),
                (Operation::Try, _) => self.try_again(order, set),
            }
            self.judge(order, set);
        }
        self.sets = sets;
    }

    /// Every virtual IP; or the one that is lost, or a flush of many would ask for all of them as often.
    fn install(&mut self, order: Order, set: &mut AddressSet) {
        if let Some(lost) = order.lost.and_then(|lost| set.position(lost)) {
            let requests = set.renewals(&[(lost, None)]);
            self.send(order, set, requests, |vip| vip == lost);
        } else {
            let requests = std::mem::take(&mut set.install);
            set.install = self.send(order, set, requests, |_| true);
        }
    }

    /// Sends requests for the virtual IPs that are `wanted`, waits for the answers, and gives the
    /// requests back.
    fn send(
        &mut self,
        order: Order,
        set: &mut AddressSet,
        mut requests: Requests,
        wanted: impl Fn(u32) -> bool,
    ) -> Requests {
        let base = self.sequence;
        requests.renumber(base);
        self.sequence = base.wrapping_add(set.count());
        let mut waiting = Waiting::for_answers((0..set.count()).map(&wanted));
        if waiting.is_over() {
            return requests;
        }
        let watches = order.operation == Operation::Install && set.ipv6().any(&wanted);
        // Without the group an address counts from the acknowledgement on.
        if watches && self.socket.add_membership(IPV6_ADDRESSES).is_ok() {
            set.ipv6().for_each(|vip| waiting.for_address(vip));
        }
        let done = requests
            .batches()
            .take_while(|_| self.is_in_force(order))
            .try_for_each(|batch| self.socket.send(batch, 0).map(drop))
            .and_then(|()| {
                // What was not sent is not answered.
                if self.is_in_force(order) {
                    self.wait(order, set, base, waiting)
                } else {
                    Ok(())
                }
            });
        if let Err(error) = done {
            self.fail(order.router, None, &error);
        }
        if watches {
            self.socket.drop_membership(IPV6_ADDRESSES).ok();
            let mut scrap = Vec::new();
            while self.socket.recv(&mut scrap, libc::MSG_DONTWAIT).is_ok() {
                scrap.clear();
            }
        }
        requests
    }

    /// Reads until the kernel has answered every request, and said of each new IPv6 address that it
    /// can be used: it acknowledges these before it has a route for them, and until then would
    /// forward what comes for them.
    fn wait(
        &mut self,
        order: Order,
        set: &mut AddressSet,
        base: u32,
        mut waiting: Waiting,
    ) -> io::Result<()> {
        while !waiting.is_over() {
            let bytes = match self.socket.recv_from_full() {
                Ok((bytes, _)) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    for vip in waiting.give_up_addresses() {
                        self.settle(order, set, vip, 0);
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
                            self.settle(order, set, vip, errno);
                        }
                    }
                    Answer::Usable { ifindex, address } => {
                        if let Some(vip) = set.at(ifindex, address)
                            && waiting.usable(vip)
                        {
                            self.settle(order, set, vip, 0);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, order: Order, set: &mut AddressSet, vip: u32, errno: i32) {
        let error = io::Error::from_raw_os_error(errno);
        let bits = match order.operation {
            Operation::Install | Operation::Try if errno == 0 => {
                set.installed(vip);
                vip_state::INSTALLED | vip_state::READY
            }
            // It is there already: as good as ours.
            Operation::Install | Operation::Try if errno == libc::EEXIST => {
                vip_state::INSTALLED | vip_state::READY
            }
            Operation::Remove if errno == 0 || present::is_gone(&error) => {
                set.removed(vip);
                0
            }
            _ => {
                self.fail(order.router, Some(set.id(vip)), &error);
                // It may be there, but is not what was asked for.
                vip_state::INSTALLED
            }
        };
        self.states.set(set.state(vip), bits);
    }

    /// `vip`: the virtual IP that could not be dealt with, nothing if that is all of them.
    fn fail(&mut self, router: RouterId, vip: Option<VipId>, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        self.tell(match vip {
            Some(vip) => Event::AddressFailed { router, vip, errno },
            None => Event::OrderFailed { router, errno },
        });
    }

    /// Tells the control plane; the same thing once a minute, however often it happens.
    fn tell(&mut self, event: Event) {
        let key = match event {
            Event::OrderFailed { router, errno } => (router, None, errno),
            Event::AddressFailed { router, vip, errno } => (router, Some(vip), errno),
            Event::AddressMissing { router, vip } => (router, Some(vip), MISSING),
            Event::AddressStray { router, vip, .. } => (router, Some(vip), STRAY),
            _ => return self.report(Report::Told(event)),
        };
        let now = clock::now();
        let last = self.told.get(&key);
        if last.is_none_or(|last| now.since(*last) >= QUIET) {
            self.told.insert(key, now);
            self.report(Report::Told(event));
        }
    }

    fn report(&self, report: Report) {
        // A full or closed channel means that nobody listens any more.
        if self.reports.try_send(report).is_ok() {
            self.wake.write(1).ok();
        }
    }
}
