//! What operators do and what befalls: starts and stops, stalls, cables, addresses.

use std::rc::Rc;

use vrrp_ebpf::{types::Mac, wire::encode};
use vrrp_user::io::engine::Command;

use crate::{
    chance::{Chance, Fate, Weather},
    control::Configured,
    hosts::Believed,
    kernel::vip,
    trace::span,
    world::{Event, World},
};

/// MAC of a host that is no router.
const STRANGER: Mac = [2, 0, 0, 0, 1, 0];

impl<C: Chance> World<C> {
    /// The process starts, with this priority of its first virtual router.
    pub(crate) fn start(&mut self, index: usize, priority: u8) {
        self.nodes[index].set_priority(0, priority);
        self.restart(index);
    }

    /// The process starts.
    pub(crate) fn restart(&mut self, index: usize) {
        self.trace.note(self.now, || {
            let file = self.nodes[index].file.iter();
            let priorities = Vec::from_iter(file.map(|router| router.settings.priority));
            format!("node {index} starts with priorities {priorities:?}")
        });
        self.nodes[index].start();
        for watch in &mut self.watches {
            watch.started(index, &self.nodes);
        }
        self.cpus[index].called = None;
        self.cpus[index].asked = false;
        self.go_on(index);
        self.touched(index);
    }

    /// The file says something else of a virtual router, and the process reads it again.
    pub(crate) fn reload(&mut self, index: usize, router: usize, configured: Configured) {
        let node = &mut self.nodes[index];
        self.trace.note(self.now, || {
            let Configured { settings, vips } = &configured;
            format!(
                "router {router} of node {index} is to have priority {}, {:?} adverts, {vips} virtual IPs",
                settings.priority, settings.advert_interval
            )
        });
        node.file[router] = configured;
        self.read_file(index);
    }

    /// The file lists so many virtual routers from now on, and the process reads it again.
    pub(crate) fn relist(&mut self, index: usize, listed: usize) {
        self.trace.note(self.now, || {
            format!("node {index} is to have {listed} virtual routers")
        });
        self.nodes[index].listed = listed;
        self.read_file(index);
    }

    fn read_file(&mut self, index: usize) {
        self.nodes[index].read_file();
        self.go_on(index);
        self.touched(index);
    }

    /// The control plane of a node does what can be done by now.
    pub(crate) fn go_on(&mut self, index: usize) {
        for router in self.nodes[index].go_on() {
            self.watches[router].started(index, &self.nodes);
        }
    }

    /// The process dies; programs and words stay.
    pub(crate) fn kill(&mut self, index: usize) {
        self.trace.note(self.now, || {
            format!("the process of node {index} is killed")
        });
        self.nodes[index].engine = None;
        self.touched(index);
    }

    /// The machine goes off.
    pub(crate) fn crash(&mut self, index: usize) {
        self.trace
            .note(self.now, || format!("node {index} crashes"));
        self.nodes[index].engine = None;
        self.nodes[index].unload();
        self.touched(index);
    }

    pub(crate) fn stall(&mut self, index: usize, length: u64) {
        self.trace.note(self.now, || {
            format!("node {index} stands still for {}", span(length))
        });
        let node = &mut self.nodes[index];
        node.stalled_until = node.stalled_until.max(self.now + length);
        self.touched(index);
    }

    pub(crate) fn command(&mut self, index: usize, command: Command) {
        self.trace
            .note(self.now, || format!("node {index} is told {command:?}"));
        if let Some(engine) = &mut self.nodes[index].engine {
            engine.inbox.commands.push_back(command);
        }
        self.touched(index);
    }

    pub(crate) fn plug(&mut self, index: usize, plugged: bool) {
        if self.nodes[index].plugged == plugged {
            return;
        }
        self.nodes[index].plugged = plugged;
        self.tell_fault(index);
    }

    /// Takes the source address away from a node whose link lives, or gives it back.
    pub(crate) fn address(&mut self, index: usize, addressed: bool) {
        if self.nodes[index].addressed == addressed {
            return;
        }
        self.nodes[index].addressed = addressed;
        self.tell_fault(index);
    }

    fn tell_fault(&mut self, index: usize) {
        for told in self.nodes[index].links() {
            self.command(index, told);
        }
    }

    /// A host that is no router announces that the virtual IP of a virtual router is its own.
    pub(crate) fn claim(&mut self, router: usize) {
        self.trace
            .note(self.now, || "a stranger claims the address".to_owned());
        let hosts = &mut self.watches[router].hosts;
        hosts.announced(self.now, Believed::Stranger);
        let family = self.nodes[0].settings[router].family;
        let vip = vip(family, u8::try_from(router).unwrap(), 0);
        let frame: Rc<[u8]> = Rc::from(encode::announcement(STRANGER, vip, true));
        for to in 0..self.nodes.len() {
            if let Fate::After(delay) | Fate::Twice(delay, _) = self.chance.fate(&self.weather)
                && self.nodes[to].plugged
            {
                let frame = Rc::clone(&frame);
                self.later(self.now + delay, Event::Claim { to, frame });
            }
        }
    }

    /// Another writer takes the word from a process.
    pub(crate) fn fence(&mut self, index: usize) {
        self.trace
            .note(self.now, || format!("node {index} is fenced from beside"));
        self.nodes[index].fence();
        self.touched(index);
    }

    /// Cuts or mends one direction.
    pub(crate) fn cut(&mut self, from: usize, to: usize, cut: bool) {
        if self.cut[from][to] != cut {
            let what = if cut { "no longer reaches" } else { "reaches" };
            self.trace
                .note(self.now, || format!("node {from} {what} node {to}"));
            self.cut[from][to] = cut;
        }
    }

    /// Every link works, nobody stands still, nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.trace
            .note(self.now, || "everything works again".to_owned());
        self.weather = Weather::FAIR;
        self.cut.iter_mut().flatten().for_each(|cut| *cut = false);
        for index in 0..self.nodes.len() {
            self.plug(index, true);
            self.address(index, true);
            self.nodes[index].stalled_until = self.now;
            self.touched(index);
        }
    }
}
