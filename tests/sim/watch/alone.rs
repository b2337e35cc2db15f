//! What each node does by itself, after each event.

use std::time::Duration;

use vrrp_ebpf::ownership;
use vrrp_user::proto::{Instant, Lease, State};

use super::Watch;
use crate::{node::Node, rules::Invariant};

impl Watch {
    /// After each event.
    pub(crate) fn look(&mut self, now: u64, index: usize, node: &Node) {
        let local = node.clock.local(now);
        let answers = node.answers(self.router, now);
        let (settings, word) = (&node.settings[self.router], node.word(self.router));
        let state = node.state(self.router);
        let life = &mut self.lives[index];
        if answers && !life.answers {
            life.since = now;
        }
        life.answers = answers;
        let interval = settings.advert_interval;
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap();
        let first = nanos(life.rose_with).div_euclid(4).max(1_000_000);
        let leased = 3 * nanos(life.leased);
        let recent = life.left.is_some_and(|left| local.0 <= left.0 + leased)
            || life
                .promoted
                .is_some_and(|promoted| local.0 <= promoted.0 + first);
        let active = word.state() == ownership::State::Active;
        let silent = answers && active && settings.lease != Lease::Off && !recent;
        let slack = self.slack;
        let idle = node.engine.as_ref().is_some_and(|engine| !engine.is_busy())
            && now > node.stalled_until + slack;
        let overdue = life.unsaid || local.0 > life.due.0 + slack;
        let mute = idle && state == State::Active && overdue;
        let late = idle
            && state == State::Backup
            && life
                .oracle
                .as_ref()
                .is_some_and(|oracle| local.0 > oracle.deadline().0.saturating_add(slack));
        let served_since = node.clock.local(life.since);
        let late_news =
            |since: &Instant| *since >= served_since && local.0 > since.0 + nanos(interval) + slack;
        let unannounced = idle && answers && active && life.fresh.values().any(late_news);
        if unannounced {
            let what = format!("node {index} announces no virtual IP that it got");
            self.broke(Invariant::AsConfigured, now, what);
        }
        if word.epoch() != node.epochs[self.router] && word.0 != 0 {
            self.broke(
                Invariant::Superseded,
                now,
                format!("node {index} writes on"),
            );
        }
        if idle && self.lives[index].resigns {
            let what = format!("node {index} has left without a word");
            self.broke(Invariant::Resigns, now, what);
        }
        if silent || mute {
            let what = format!("node {index} sends no adverts");
            self.broke(Invariant::NoActiveWithoutAdverts, now, what);
        }
        if late {
            self.broke(
                Invariant::InTime,
                now,
                format!("node {index} is still Backup"),
            );
        }
    }
}
