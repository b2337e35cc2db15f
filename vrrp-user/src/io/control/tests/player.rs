//! An engine that only says what one would.

use std::{
    collections::BTreeMap,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vrrp_ebpf::wire::encode::EncodeError;

use super::transition;
use crate::{
    ids::RouterId,
    io::{
        clock,
        engine::{Command, Event, RouterSnapshot, Stats, handle::EngineSide},
    },
    proto::{Cause, History, State},
};

/// Plays the engine: starts routers, answers snapshots, stops.
pub(super) struct Player {
    side: EngineSide,
    /// Of each router that is not in Initialize.
    states: BTreeMap<RouterId, State>,
    /// Ends of steps that the control plane does not hear of.
    pub(super) losses: usize,
    /// Changes that it cannot take.
    pub(super) failures: usize,
    /// The first virtual IPs find no room at the address worker. Those that came after.
    pub(super) refused: Option<mpsc::Sender<()>>,
    /// Routers that are to go, and are not let go before there is a second one.
    pub(super) kept: Option<Vec<RouterId>>,
}

impl Player {
    fn play(&mut self) -> bool {
        while let Some(command) = self.side.try_command() {
            if !self.take(command) {
                return false;
            }
        }
        true
    }

    fn take(&mut self, command: Command) -> bool {
        match command {
            Command::LinkUp(router) | Command::Fault { router, .. } => {
                self.enter(router, State::Backup, Cause::Startup);
            }
            // The first ones end no step.
            Command::Parts { router, parts } => {
                if let (Some(refused), Some(_)) = (&self.refused, &parts.addresses) {
                    refused.send(()).unwrap();
                }
                let revision = parts.revision;
                if revision > 1 && self.failures > 0 {
                    self.failures -= 1;
                    let error = EncodeError::Count(0).into();
                    self.side
                        .send_event(Event::InterfaceFailed { router, error });
                    return true;
                }
                self.end(revision > 1, Event::Changed { router, revision });
            }
            Command::Remove(router) => {
                if let Some(kept) = &mut self.kept {
                    kept.push(router);
                    if kept.len() < 2 {
                        return true;
                    }
                }
                let all = self.kept.take().unwrap_or_else(|| vec![router]);
                for router in all {
                    self.enter(router, State::Initialize, Cause::Shutdown);
                    self.end(true, Event::Removed { router });
                }
            }
            Command::Ping => self.side.send_event(Event::Alive),
            Command::Snapshot { router } => self.side.send_event(Event::Snapshot {
                router,
                snapshot: RouterSnapshot {
                    state: self.state(router),
                    stats: Stats {
                        adverts_sent: 7,
                        ..Stats::default()
                    },
                    history: History {
                        up_since: (self.state(router) != State::Initialize).then(clock::now),
                        ..History::default()
                    },
                    ..RouterSnapshot::default()
                },
            }),
            Command::Stop | Command::StopNow => {
                self.side.send_event(Event::Stopped);
                return false;
            }
            Command::Add(_) => {
                if self.refused.is_some() {
                    let (router, errno) = (RouterId::first(0), libc::EAGAIN);
                    self.side.send_event(Event::OrderFailed { router, errno });
                }
            }
            Command::Open(_) | Command::Close(_) | Command::AddressLost { .. } => {}
        }
        true
    }

    fn state(&self, router: RouterId) -> State {
        let known = self.states.get(&router).copied();
        known.unwrap_or(State::Initialize)
    }

    fn enter(&mut self, router: RouterId, state: State, cause: Cause) {
        let before = self.state(router);
        self.states.insert(router, state);
        if before != state {
            self.side.send_event(Event::Transition {
                router,
                transition: transition(before, state, cause),
                priority: 100,
            });
        }
    }

    fn end(&mut self, may_be_lost: bool, event: Event) {
        if may_be_lost && self.losses > 0 {
            self.losses -= 1;
            self.side.lose_event();
        } else {
            self.side.send_event(event);
        }
    }
}

/// Begins to play, with ways of its own.
pub(super) fn engine_thread(side: EngineSide, play: impl FnOnce(&mut Player)) -> JoinHandle<()> {
    let mut player = Player {
        side,
        states: BTreeMap::new(),
        losses: 0,
        failures: 0,
        refused: None,
        kept: None,
    };
    play(&mut player);
    thread::spawn(move || {
        loop {
            let mut fds = [PollFd::new(player.side.command_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::NONE).unwrap();
            if !player.play() {
                return;
            }
        }
    })
}
