//! Puts the engine together: sockets, channels, descriptors, and the address worker.

use std::{
    io,
    sync::{Arc, mpsc::sync_channel},
    thread,
};

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags},
    eventfd::{EfdFlags, EventFd},
    timerfd::{ClockId, TimerFd, TimerFlags},
};
use vrrp_ebpf::abi;

use super::{Engine, Resources, ThreadMachine};
use crate::io::{
    engine::{
        addresses::AddressWorker,
        driver::Driver,
        handle::EngineSide,
        realtime::{self, Realtime, Thread},
    },
    privilege,
};

/// Interfaces for whose senders there is room without asking for memory.
const INTERFACES: usize = 512;

impl Engine {
    pub(super) fn new(
        resources: Resources,
        control: EngineSide,
        realtime: Realtime,
    ) -> io::Result<Self> {
        let Resources {
            slots,
            vip_states,
            tables,
            events,
        } = resources;
        let report_ready = Arc::new(EventFd::from_flags(
            EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
        )?);
        // Room for every order and report that can be under way: one at a time per router, and a
        // loss and a refusal per virtual IP.
        let (jobs, job_queue) =
            sync_channel(4 * abi::MAX_ROUTERS as usize + abi::MAX_VIPS as usize);
        let (report_sender, reports) = sync_channel(2 * abi::MAX_VIPS as usize);
        let worker = AddressWorker::new(
            Arc::clone(&slots),
            vip_states,
            report_sender,
            Arc::clone(&report_ready),
        )?;
        thread::Builder::new()
            .name("addresses".to_owned())
            .spawn(move || {
                let scheduling = realtime::enter(Thread::Addresses, realtime);
                privilege::drop_capabilities(false).ok();
                worker.run(&job_queue, scheduling);
            })?;
        let mut machine = ThreadMachine {
            slots,
            tables,
            events,
            senders: Vec::with_capacity(INTERFACES),
            unicast: Vec::new(),
            jobs,
            reports,
            report_ready,
            control,
        };
        machine
            .unicast
            .resize_with(abi::MAX_ROUTERS as usize, || None);
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        // Every turn looks at everything, so that it does not matter which of them was ready.
        let readable = EpollEvent::new(EpollFlags::EPOLLIN, 0);
        epoll.add(&timer, readable)?;
        epoll.add(&machine.events, readable)?;
        epoll.add(machine.control.command_fd(), readable)?;
        epoll.add(&*machine.report_ready, readable)?;
        Ok(Self {
            driver: Driver::new(),
            machine,
            timer,
            armed: None,
            epoll,
        })
    }
}
