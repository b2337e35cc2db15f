//! The engine's loop: wait, drain, decide, act.

mod commands;
mod machine;
mod setup;

use std::{
    io, process,
    sync::Arc,
    thread::{self, JoinHandle},
};

use aya::maps::{MapData, RingBuf};
use nix::{
    errno::Errno,
    sys::{
        epoll::{Epoll, EpollEvent, EpollTimeout},
        time::TimeSpec,
        timer::{Expiration, TimerSetTimeFlags},
        timerfd::TimerFd,
    },
};
use vrrp_ebpf::{
    abi::{self, EventKind},
    types::address_from,
};

use self::machine::ThreadMachine;
use super::{
    addresses::Report,
    handle::{self, EngineHandle},
    machine::{Machine as _, Superseded},
    member::{Member, Turn},
    message::Event,
    plan::Plan,
    realtime::{self, Realtime, Thread},
};
use crate::{
    io::{
        bpf::{Tables, shared::Slots, shared::VipStates},
        privilege,
    },
    proto::{Advert, Input, Instant, Version},
};

/// Records in a full ring; each has a header of 8 bytes.
const RING_RECORDS: usize = abi::RING_BYTES as usize / (size_of::<abi::Event>() + 8);

/// What of the kernel half the engine works with.
#[expect(missing_debug_implementations, reason = "aya's RingBuf has none")]
pub struct Resources {
    /// Ownership, `last_seen` and follow words.
    pub slots: Arc<Slots>,
    /// States of the virtual IPs.
    pub vip_states: Arc<VipStates>,
    /// Virtual routers and virtual IPs as XDP knows them.
    pub tables: Tables,
    /// The event ring.
    pub events: RingBuf<MapData>,
}

/// Starts the engine thread and its address worker. The threads end after [`Event::Stopped`].
///
/// # Errors
/// When a socket, eventfd or thread cannot be made, or another process owns the words.
pub fn spawn(
    plan: Plan,
    resources: Resources,
    realtime: Realtime,
) -> io::Result<(EngineHandle, JoinHandle<()>)> {
    let (handle, control) = handle::pair()?;
    if realtime != Realtime::Off
        && let Err(errno) = realtime::lock_memory()
    {
        control.send_event(Event::MemoryNotLocked {
            errno: errno as i32,
        });
    }
    let engine = Engine::new(plan, resources, control, realtime)?;
    let body = move || {
        // A node without its engine must not look alive: its lease would only run out.
        let result =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.run(realtime)));
        if result.is_err() {
            process::abort();
        }
    };
    Ok((
        handle,
        thread::Builder::new()
            .name("engine".to_owned())
            .spawn(body)?,
    ))
}

struct Engine {
    members: Vec<Member>,
    machine: ThreadMachine,
    timer: TimerFd,
    /// What the timer is set to.
    armed: Option<Instant>,
    epoll: Epoll,
    stopping: bool,
}

/// Why the loop ended.
enum End {
    Stopped,
    Superseded,
}

impl From<Superseded> for End {
    fn from(Superseded: Superseded) -> Self {
        Self::Superseded
    }
}

impl Engine {
    fn run(mut self, realtime: Realtime) {
        let scheduling = realtime::enter(Thread::Engine, realtime);
        self.machine.tell(Event::Scheduled(scheduling));
        // Best effort in the two real-time threads; the control plane insists on it for itself.
        privilege::drop_capabilities(false).ok();
        let woken = self.machine.now();
        for index in 0..self.members.len() {
            if let Some((member, mut turn)) = self.member_at(index, woken) {
                member.remove_leftovers(&mut turn);
            }
        }
        let end = loop {
            if let Err(end) = self.turn() {
                break end;
            }
        };
        self.machine.tell(match end {
            End::Stopped => Event::Stopped,
            End::Superseded => Event::Superseded,
        });
    }

    /// One turn. Adverts come before timers: a deadline is believed only when nothing that arrived
    /// before it is left unread.
    fn turn(&mut self) -> Result<(), End> {
        self.wait();
        let woken = self.machine.now();
        for member in &self.members {
            member.check_word(&self.machine)?;
        }
        self.drain_ring(woken)?;
        self.drain_timeouts(woken)?;
        self.drain_reports(woken)?;
        self.drain_commands(woken)?;
        self.go_on_announcing()?;
        if self.stopping && self.members.iter().all(Member::is_finished) {
            return Err(End::Stopped);
        }
        self.arm(woken);
        Ok(())
    }

    fn wait(&self) {
        let mut ready = [EpollEvent::empty(); 4];
        match self.epoll.wait(&mut ready, EpollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            // Only a closed or foreign epoll fd could say anything else.
            Err(errno) => broken("wait", errno),
        }
    }

    /// Reads at least what the ring held when the engine woke up. What a flood adds meanwhile is
    /// left to the next turn, or timers and commands would starve; a record that wakes makes the
    /// ring fd readable again, and a quiet one may wait for whatever wakes the engine next.
    fn drain_ring(&mut self, woken: Instant) -> Result<(), Superseded> {
        for _ in 0..RING_RECORDS {
            let Some(event) = self.machine.next_record() else {
                break;
            };
            self.ring_event(event, woken)?;
        }
        Ok(())
    }

    fn ring_event(&mut self, event: abi::Event, woken: Instant) -> Result<(), Superseded> {
        let Some((member, mut turn)) = self.member(event.slot, woken) else {
            return Ok(());
        };
        let source = |family| address_from(family, event.source);
        match event.kind {
            kind if kind == EventKind::Advert as u8 => {
                let advert = Advert {
                    arrived: Instant(event.stamp),
                    source: source(member.family()),
                    version: Version::from_number(event.version),
                    priority: event.priority,
                    interval_cs: event.interval_cs,
                };
                member.advert(advert, event.flags, &mut turn)
            }
            kind if kind == EventKind::Conflict as u8 => {
                let source = source(member.vip_family(event.vip));
                let arrived = Instant(event.stamp);
                member.conflict(event.vip, event.mac, source, arrived, &mut turn)
            }
            kind if kind == EventKind::SuccessorAnnounced as u8 => {
                member.feed(Input::SuccessorAnnounced, &mut turn)
            }
            _ => Ok(()),
        }
    }

    fn drain_timeouts(&mut self, woken: Instant) -> Result<(), Superseded> {
        for index in 0..self.members.len() {
            let Some((member, mut turn)) = self.member_at(index, woken) else {
                continue;
            };
            if member.deadline().is_some_and(|deadline| deadline <= woken) {
                member.timeout(&mut turn)?;
            }
        }
        Ok(())
    }

    /// Announcements that had to wait, those of virtual IPs that nobody has heard of before the repeats.
    fn go_on_announcing(&mut self) -> Result<(), Superseded> {
        let now = self.machine.now();
        for first in [true, false] {
            for index in 0..self.members.len() {
                if let Some((member, mut turn)) = self.member_at(index, now)
                    && member.waits_to_be_found() == first
                {
                    member.go_on_announcing(&mut turn)?;
                }
            }
        }
        Ok(())
    }

    fn drain_reports(&mut self, woken: Instant) -> Result<(), Superseded> {
        while let Some(report) = self.machine.next_report() {
            match report {
                Report::Done(order) => {
                    if let Some((member, mut turn)) = self.member(order.router, woken) {
                        member.addresses_done(order, &mut turn)?;
                    }
                }
                Report::Told(event) => self.machine.tell(event),
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        router: u32,
        woken: Instant,
    ) -> Option<(&mut Member, Turn<'_, ThreadMachine>)> {
        self.member_at(router as usize, woken)
    }

    fn member_at(
        &mut self,
        index: usize,
        woken: Instant,
    ) -> Option<(&mut Member, Turn<'_, ThreadMachine>)> {
        let member = self.members.get_mut(index)?;
        let turn = Turn {
            machine: &mut self.machine,
            woken,
        };
        Some((member, turn))
    }

    /// Sets the timer to the earliest deadline.
    fn arm(&mut self, woken: Instant) {
        let next = self.members.iter().filter_map(Member::deadline).min();
        // A timer that has fired stays readable until it is set again.
        if next == self.armed && self.armed.is_none_or(|armed| armed > woken) {
            return;
        }
        self.armed = next;
        let set = match next {
            Some(Instant(at)) => {
                // All-zero would disarm.
                let at = TimeSpec::from_duration(std::time::Duration::from_nanos(at.max(1)));
                self.timer.set(
                    Expiration::OneShot(at),
                    TimerSetTimeFlags::TFD_TIMER_ABSTIME,
                )
            }
            None => self.timer.unset(),
        };
        if let Err(errno) = set {
            broken("set its timer", errno);
        }
    }
}

/// Ends the node.
#[expect(clippy::panic, reason = "what follows tells the Backups")]
fn broken(what: &str, errno: Errno) -> ! {
    panic!("the engine cannot {what}: {errno}")
}
