//! The two ends of the channel between the control plane and the engine thread.
//!
//! Both directions are preallocated rings with an eventfd beside them, so that either side can wait
//! in its own epoll. The engine's side never blocks and never allocates.

use std::{
    cell::Cell,
    io,
    os::fd::{AsFd as _, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
};

use nix::{
    errno::Errno,
    sys::eventfd::{EfdFlags, EventFd},
};
use thiserror::Error;
use vrrp_ebpf::abi;

use super::{Command, Event, retired::Retired};

/// Commands that may wait: enough for every router to change its link several times over, and for every
/// unicast peer to come or go with it.
const COMMANDS: usize = 2048 + abi::MAX_PEERS as usize;
/// Events that may wait: enough for every router to make a whole failover and answer a snapshot.
const EVENTS: usize = 4096;
/// Things given back that may wait: more than commands can replace.
const RETIRED: usize = 2 * COMMANDS;

/// Why the engine could not be talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    /// The thread has ended.
    #[error("the engine thread has ended")]
    Gone,
    /// The thread takes no commands any more.
    #[error("the engine thread does not take commands")]
    Stuck,
}

/// The control plane's end.
#[derive(Debug)]
pub struct EngineHandle {
    /// `None` only while dropping: the channel must be closed before the other end is woken.
    commands: Option<SyncSender<Command>>,
    command_ready: Arc<EventFd>,
    events: Receiver<Event>,
    event_ready: Arc<EventFd>,
    lost: Arc<AtomicU64>,
    retired: Receiver<Retired>,
    /// Commands wait of which the engine knows nothing.
    posted: Cell<bool>,
}

/// The engine's end. Dropping it tells the control plane that the engine has ended.
#[derive(Debug)]
pub struct EngineSide {
    commands: Receiver<Command>,
    command_ready: Arc<EventFd>,
    /// The control plane has gone, and the engine was told.
    orphaned: Cell<bool>,
    /// `None` only while dropping, as in [`EngineHandle`].
    events: Option<SyncSender<Event>>,
    event_ready: Arc<EventFd>,
    lost: Arc<AtomicU64>,
    retired: SyncSender<Retired>,
}

/// Both ends of a fresh channel.
///
/// # Errors
/// When no eventfd can be made.
pub fn pair() -> io::Result<(EngineHandle, EngineSide)> {
    let (command_tx, command_rx) = sync_channel(COMMANDS);
    let (event_tx, event_rx) = sync_channel(EVENTS);
    let (retired_tx, retired_rx) = sync_channel(RETIRED);
    let command_ready = Arc::new(eventfd()?);
    let event_ready = Arc::new(eventfd()?);
    let lost = Arc::new(AtomicU64::new(0));
    let handle = EngineHandle {
        commands: Some(command_tx),
        command_ready: Arc::clone(&command_ready),
        events: event_rx,
        event_ready: Arc::clone(&event_ready),
        lost: Arc::clone(&lost),
        retired: retired_rx,
        posted: Cell::new(false),
    };
    let side = EngineSide {
        commands: command_rx,
        command_ready,
        orphaned: Cell::new(false),
        events: Some(event_tx),
        event_ready,
        lost,
        retired: retired_tx,
    };
    Ok((handle, side))
}

impl EngineHandle {
    /// Hands a command to the engine, and wakes it. Never blocks.
    ///
    /// # Errors
    /// When the engine has ended, or has left thousands of commands unread.
    pub fn command(&self, command: Command) -> Result<(), EngineError> {
        self.post(command)?;
        self.wake();
        Ok(())
    }

    /// Hands a command to the engine, which takes it in one turn with all that come before [`wake`](Self::wake).
    ///
    /// # Errors
    /// As [`command`](Self::command).
    pub fn post(&self, command: Command) -> Result<(), EngineError> {
        self.drop_retired();
        let commands = self.commands.as_ref().ok_or(EngineError::Gone)?;
        commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => EngineError::Stuck,
            TrySendError::Disconnected(_) => EngineError::Gone,
        })?;
        self.posted.set(true);
        Ok(())
    }

    /// Wakes the engine for what was posted.
    pub fn wake(&self) {
        if self.posted.take() {
            raise(&self.command_ready);
        }
    }

    /// Readable while events wait, and when the engine has ended.
    #[must_use]
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.event_ready.as_fd()
    }

    /// The next event; `None` when there is none, after which [`event_fd`](Self::event_fd) is no
    /// longer readable until the next one.
    ///
    /// # Errors
    /// [`EngineError::Gone`] when the engine has ended and every event was taken.
    pub fn try_event(&self) -> Result<Option<Event>, EngineError> {
        take(&self.events, &self.event_ready).map_err(|Ended| EngineError::Gone)
    }

    /// Frees what the engine has given back.
    pub fn drop_retired(&self) {
        self.retired.try_iter().for_each(drop);
    }

    /// How many events did not fit since the last call.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.commands = None;
        raise(&self.command_ready);
    }
}

impl EngineSide {
    /// Readable while commands wait.
    #[must_use]
    pub fn command_fd(&self) -> BorrowedFd<'_> {
        self.command_ready.as_fd()
    }

    /// The next command; `None` when there is none, after which
    /// [`command_fd`](Self::command_fd) is no longer readable until the next one. A control plane
    /// that has gone reads as one last [`Command::StopNow`]: nobody is left who could stop us.
    #[must_use]
    pub fn try_command(&self) -> Option<Command> {
        match take(&self.commands, &self.command_ready) {
            Ok(command) => command,
            Err(Ended) if self.orphaned.replace(true) => None,
            Err(Ended) => Some(Command::StopNow),
        }
    }

    /// Gives something back. If there is no room for it, it is freed here.
    pub(super) fn retire(&self, retired: Retired) {
        drop(self.retired.try_send(retired));
    }

    /// As if there had been no room for an event.
    #[cfg(test)]
    pub(in crate::io) fn lose_event(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        raise(&self.event_ready);
    }

    /// Hands an event to the control plane. Never blocks: an event that does not fit is counted and
    /// dropped.
    pub fn send_event(&self, event: Event) {
        let sent = match &self.events {
            Some(events) => events.try_send(event).is_ok(),
            None => false,
        };
        if sent {
            raise(&self.event_ready);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for EngineSide {
    fn drop(&mut self) {
        self.events = None;
        raise(&self.event_ready);
    }
}

/// The other end was dropped and the channel is empty.
pub(super) struct Ended;

/// Takes one message. The eventfd is cleared only when the channel was found empty, and the channel
/// looked at once more after that, so that no wake-up is lost.
pub(super) fn take<T>(channel: &Receiver<T>, ready: &EventFd) -> Result<Option<T>, Ended> {
    match channel.try_recv() {
        Ok(message) => return Ok(Some(message)),
        Err(TryRecvError::Disconnected) => {
            lower(ready);
            return Err(Ended);
        }
        Err(TryRecvError::Empty) => lower(ready),
    }
    match channel.try_recv() {
        Ok(message) => {
            raise(ready);
            Ok(Some(message))
        }
        Err(TryRecvError::Disconnected) => Err(Ended),
        Err(TryRecvError::Empty) => Ok(None),
    }
}

fn eventfd() -> io::Result<EventFd> {
    let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
    Ok(EventFd::from_flags(flags)?)
}

/// EAGAIN means that the counter is at its limit, so that the fd is readable already.
fn raise(ready: &EventFd) {
    let written = ready.write(1);
    debug_assert!(matches!(written, Ok(_) | Err(Errno::EAGAIN)));
}

/// EAGAIN means that it was not readable.
fn lower(ready: &EventFd) {
    let read = ready.read();
    debug_assert!(matches!(read, Ok(_) | Err(Errno::EAGAIN)));
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn readable(fd: BorrowedFd<'_>) -> bool {
        let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn commands_arrive_in_order_and_clear_the_fd() {
        let (handle, side) = pair().unwrap();
        assert!(!readable(side.command_fd()));
        handle.command(Command::Ping).unwrap();
        handle.command(Command::Stop).unwrap();
        assert!(readable(side.command_fd()));
        assert!(matches!(side.try_command(), Some(Command::Ping)));
        assert!(readable(side.command_fd()), "one command still waits");
        assert!(matches!(side.try_command(), Some(Command::Stop)));
        assert!(side.try_command().is_none());
        assert!(!readable(side.command_fd()));
    }

    #[test]
    fn posted_commands_wait_for_one_another() {
        let (handle, side) = pair().unwrap();
        handle.post(Command::Ping).unwrap();
        handle.post(Command::Stop).unwrap();
        assert!(!readable(side.command_fd()));
        handle.wake();
        assert!(readable(side.command_fd()));
        assert!(matches!(side.try_command(), Some(Command::Ping)));
        assert!(matches!(side.try_command(), Some(Command::Stop)));
        assert!(side.try_command().is_none());
        handle.wake();
        assert!(!readable(side.command_fd()), "nothing is new");
    }

    #[test]
    fn full_channel_counts_and_does_not_block() {
        let (handle, side) = pair().unwrap();
        for _ in 0..EVENTS + 3 {
            side.send_event(Event::Stopped);
        }
        assert_eq!(handle.take_lost(), 3);
        assert_eq!(handle.take_lost(), 0);
        let mut taken = 0;
        while handle.try_event().unwrap().is_some() {
            taken += 1;
        }
        assert_eq!(taken, EVENTS);
    }

    #[test]
    fn end_of_the_engine_is_seen_after_its_last_event() {
        let (handle, side) = pair().unwrap();
        side.send_event(Event::Superseded);
        drop(side);
        assert!(readable(handle.event_fd()));
        assert_eq!(handle.try_event(), Ok(Some(Event::Superseded)));
        assert_eq!(handle.try_event(), Err(EngineError::Gone));
        assert_eq!(handle.command(Command::Stop), Err(EngineError::Gone));
    }

    #[test]
    fn end_of_the_control_plane_stops_the_engine() {
        let (handle, side) = pair().unwrap();
        handle.command(Command::Stop).unwrap();
        drop(handle);
        assert!(readable(side.command_fd()));
        assert!(matches!(side.try_command(), Some(Command::Stop)));
        assert!(matches!(side.try_command(), Some(Command::StopNow)));
        assert!(side.try_command().is_none());
        assert!(!readable(side.command_fd()), "does not spin");
    }
}
