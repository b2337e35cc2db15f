//! What became of a row.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::{
    known,
    play::{Column, Scene},
    row::{Kind, Row},
    stage::Stage,
};

/// A row with what was found.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) row: Row,
    /// As far as the row got.
    pub(crate) cells: BTreeMap<Column, Cell>,
    /// How many of our adverts tshark found no fault with.
    pub(crate) adverts: usize,
}

/// A cell of the matrix.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// As it must be, but for what the peers are known to do.
    Ok(BTreeSet<&'static str>),
    /// Why not, and what the nodes said.
    Failed(String),
}

impl Outcome {
    /// Plays a row, up to the first cell that fails.
    pub(crate) fn of(row: Row) -> Self {
        let mut outcome = Self {
            row,
            cells: BTreeMap::new(),
            adverts: 0,
        };
        outcome.play();
        outcome
    }

    fn play(&mut self) {
        let mut stage = match Stage::new(self.row) {
            Ok(stage) => stage,
            Err(error) => {
                self.fail(Column::Elected, format!("{error:#}"));
                return;
            }
        };
        for scene in self.row.play.scenes() {
            match self.watch(&scene, &mut stage) {
                Ok(known) => drop(self.cells.insert(scene.column, Cell::Ok(known))),
                Err(error) => {
                    let reason = format!("{error:#}\n{}", stage.evidence());
                    self.fail(scene.column, reason);
                    return;
                }
            }
        }
        match stage.decode() {
            Ok(adverts) => {
                self.adverts = adverts;
                self.cells
                    .insert(Column::Decoded, Cell::Ok(BTreeSet::new()));
            }
            Err(error) => self.fail(Column::Decoded, format!("{error:#}")),
        }
    }

    fn watch(&self, scene: &Scene, stage: &mut Stage) -> Result<BTreeSet<&'static str>> {
        for act in &scene.acts {
            stage.act(*act)?;
        }
        let mut known = stage.settle(scene.owner)?;
        if scene.column == Column::Stop && self.row.play.kind(scene.owner) == Kind::Xvrrp {
            let cause = stage.last_cause()?;
            if cause == "preempt" && self.frr_hurries(scene.owner) {
                known.insert(known::FRR_SKEW);
            } else {
                ensure!(
                    cause == "priority_zero",
                    "we took over because of {cause}, not of priority 0"
                );
            }
        }
        Ok(known)
    }

    /// Whether an FRR that is worse than the router `owner` takes over without a skew.
    fn frr_hurries(&self, owner: u8) -> bool {
        let kinds = self.row.play.kinds();
        let mut worse = kinds.iter().skip(owner.into());
        let centisecond = Duration::from_millis(10);
        self.row.speech.interval() <= centisecond && worse.any(|kind| *kind == Kind::Frr)
    }

    fn fail(&mut self, column: Column, reason: String) {
        self.cells.insert(column, Cell::Failed(reason));
    }

    /// Whether a cell failed.
    pub(crate) fn failed(&self) -> bool {
        self.failure().is_some()
    }

    /// The cell that failed, and why.
    pub(crate) fn failure(&self) -> Option<(Column, &str)> {
        self.cells.iter().find_map(|(column, cell)| match cell {
            Cell::Failed(reason) => Some((*column, reason.as_str())),
            Cell::Ok(_) => None,
        })
    }

    /// What the peers were seen to do.
    pub(crate) fn known(&self) -> BTreeSet<&'static str> {
        let cells = self.cells.values();
        cells
            .filter_map(|cell| match cell {
                Cell::Ok(known) => Some(known),
                Cell::Failed(_) => None,
            })
            .flatten()
            .copied()
            .collect()
    }
}
