//! Storms, and what goes wrong in them.

use vrrp_user::io::engine::Command;

use super::Story;
use crate::{chance::Weather, rules::Broken};

impl Story {
    pub(super) fn trouble(&mut self) -> Result<(), Broken> {
        let interval = self.interval();
        self.world.weather = self.storm;
        if self.dice.chance(300) {
            self.world.weather = Weather::FAIR;
        }
        let weather = self.world.weather;
        self.world
            .trace
            .note(self.world.now, || format!("weather: {weather}"));
        for _ in 0..self.dice.range(1, 7) {
            let wait = self.dice.pick(&[interval / 20, interval, interval * 5]);
            let wait = self.dice.range(0, wait);
            self.pass(wait)?;
            self.strike();
        }
        if self.dice.chance(50) {
            self.stranger()?;
        }
        let rest = self.dice.range(0, interval * 8);
        self.pass(rest)?;
        for index in 0..self.world.nodes.len() {
            if self.world.nodes[index].engine.is_none() && self.dice.chance(700) {
                self.world.restart(index);
            }
        }
        if self.running().is_empty() {
            self.world.restart(0);
        }
        self.settle()
    }

    /// A host that is no router claims the address, once or more, and is silent from then on.
    fn stranger(&mut self) -> Result<(), Broken> {
        for _ in 0..self.dice.range(1, 4) {
            let router = self.any_router();
            self.world.claim(router);
            let wait = self.dice.range(0, 2 * self.interval());
            self.pass(wait)?;
        }
        Ok(())
    }

    /// One fault, more often of the Active than of another.
    fn strike(&mut self) {
        let count = self.world.nodes.len();
        let any = self.dice.index(count);
        let router = self.any_router();
        let index = self
            .world
            .active(router)
            .filter(|_| self.dice.chance(500))
            .unwrap_or(any);
        let interval = self.interval();
        match self.dice.range(0, 20) {
            0..=2 => {
                let longest = self.dice.pick(&[interval / 2, interval * 4, interval * 15]);
                let length = self.dice.range(1, longest);
                self.world.stall(index, length);
            }
            3 => self.world.kill(index),
            4 => self.world.crash(index),
            5..=6 => self.world.restart(index),
            7 => self.change_priority(index),
            8 => {
                let (to, cut) = (self.dice.index(count), self.dice.chance(600));
                self.world.cut(index, to, cut);
            }
            9 => {
                let side: Vec<bool> = (0..count).map(|_| self.dice.chance(500)).collect();
                for from in 0..count {
                    (0..count).for_each(|to| self.world.cut(from, to, side[from] != side[to]));
                }
            }
            10 if self.dice.chance(500) => {
                let addressed = !self.world.nodes[index].addressed;
                self.world.address(index, addressed);
            }
            10 => {
                let plugged = !self.world.nodes[index].plugged;
                self.world.plug(index, plugged);
            }
            11..=13 => self.world.command(index, Command::Stop),
            14 => self.world.command(index, Command::StopNow),
            15..=17 => {
                self.reload(index);
            }
            18..=19 => {
                self.relist(index);
            }
            _ => self.world.fence(index),
        }
    }
}
