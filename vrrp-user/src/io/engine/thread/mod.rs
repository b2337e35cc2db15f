//! The engine's thread: waits for a reason to run, and has its [`Driver`] do a turn.

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

use self::machine::ThreadMachine;
use super::{
    driver::{Driver, End, Progress},
    handle::{self, EngineHandle},
    machine::Machine as _,
    message::Event,
    realtime::{self, Realtime, Thread},
};
use crate::{
    io::{
        bpf::{Tables, shared::Slots, shared::VipStates},
        privilege,
    },
    proto::Instant,
};

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

/// Starts the engine thread and its address worker, without any virtual router. The threads end
/// after [`Event::Stopped`].
///
/// # Errors
/// When a socket, eventfd or thread cannot be made, or another process owns the words.
pub fn spawn(
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
    let engine = Engine::new(resources, control, realtime)?;
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
    driver: Driver,
    machine: ThreadMachine,
    timer: TimerFd,
    /// What the timer is set to.
    armed: Option<Instant>,
    epoll: Epoll,
}

impl Engine {
    fn run(mut self, realtime: Realtime) {
        let scheduling = realtime::enter(Thread::Engine, realtime);
        self.machine.tell(Event::Scheduled(scheduling));
        // Best effort in the two real-time threads; the control plane insists on it for itself.
        privilege::drop_capabilities(false).ok();
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

    fn turn(&mut self) -> Result<(), End> {
        self.wait();
        while self.driver.step(&mut self.machine)? == Progress::Unfinished {}
        self.arm();
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

    /// Sets the timer to the earliest deadline.
    fn arm(&mut self) {
        let (next, woken) = (self.driver.deadline(), self.driver.woken());
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
