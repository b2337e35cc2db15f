//! Everything that was measured so far.

use std::collections::BTreeMap;

use anyhow::Result;
use vrrp_tests::{
    contender::Contender,
    failover::{Cell, Event, Measurement, Timing, efforts, summarise},
    report::{Config, Machine, Made, NodeInfo, Report, Trace},
    stats::Summary,
};

use super::{
    args::Load,
    plan::{Plan, Session},
};

/// Adverts, load and number of the node.
type Key = (u32, Load, usize);

pub(super) struct Results {
    machine: Machine,
    nodes: Vec<NodeInfo>,
    measured: BTreeMap<Key, (Timing, Vec<Measurement>)>,
    failures: Vec<String>,
    /// Packets per second of each flood.
    floods: Vec<f64>,
}

impl Results {
    /// Nothing yet, but for the nodes that cannot take part.
    pub(super) fn new(contenders: &[Contender], absent: Vec<String>, plan: &Plan) -> Result<Self> {
        let nodes = contenders.iter().map(|contender| info(contender, plan));
        Ok(Self {
            machine: Machine::here(),
            nodes: nodes.collect::<Result<_>>()?,
            measured: BTreeMap::new(),
            failures: absent,
            floods: Vec::new(),
        })
    }

    /// Takes what the node of that number showed in a session.
    pub(super) fn add(&mut self, session: &Session, node: usize, measurements: Vec<Measurement>) {
        let key = (session.timing.advert_int_ms, session.load, node);
        let (_, all) = self
            .measured
            .entry(key)
            .or_insert((session.timing, Vec::new()));
        all.extend(measurements);
    }

    /// Takes how many packets per second a flood had.
    pub(super) fn flooded(&mut self, per_second: f64) {
        self.floods.push(per_second);
    }

    /// Takes that a node could not go on.
    pub(super) fn failed(&mut self, session: &Session, node: usize, error: &anyhow::Error) {
        self.failures.push(format!(
            "{} at {} ms, {}: {error:#}",
            self.nodes[node].name,
            session.timing.advert_int_ms,
            session.load.name()
        ));
    }

    /// All of it, in figures.
    pub(super) fn report(&self, made: Made) -> Report {
        let mut report = Report {
            machine: self.machine.clone(),
            made: Some(made),
            nodes: self.nodes.clone(),
            failures: self.failures.clone(),
            flood_per_s: Summary::of(&self.floods),
            ..Report::default()
        };
        for (cell, all) in self.cells() {
            report.runs.extend(summarise(cell, all));
            if cell.event == Event::Calm {
                report.efforts.extend(efforts(cell, all));
            }
        }
        report
    }

    /// Every single failover.
    pub(super) fn traces(&self) -> Vec<Trace> {
        let mut traces = Vec::new();
        for (cell, all) in self.cells() {
            let of = all.iter().filter(|one| one.event == cell.event);
            for (number, one) in of.enumerate() {
                if let Some(wider) = &one.wider {
                    traces.push(Trace {
                        node: cell.node.to_owned(),
                        load: cell.load.to_owned(),
                        number,
                        ..wider.trace.clone()
                    });
                }
            }
        }
        traces
    }

    /// Every cell, empty ones too, in the order of the report.
    fn cells(&self) -> impl Iterator<Item = (Cell<'_>, &[Measurement])> {
        self.measured
            .iter()
            .flat_map(move |((_, load, node), (timing, all))| {
                Event::ALL.into_iter().map(move |event| {
                    let cell = Cell {
                        node: &self.nodes[*node].name,
                        load: load.name(),
                        timing: *timing,
                        event,
                    };
                    (cell, all.as_slice())
                })
            })
    }
}

fn info(contender: &Contender, plan: &Plan) -> Result<NodeInfo> {
    let mut speeches: Vec<_> = plan.all_sessions().iter().map(Session::speech).collect();
    speeches.dedup();
    let configs = speeches.iter().map(|speech| {
        let [better, other] = contender.configs(speech);
        Config {
            advert_int_ms: speech.advert_int_ms,
            better,
            other,
        }
    });
    Ok(NodeInfo {
        name: contender.name.clone(),
        version: contender.version()?,
        tuning: contender.tuning().to_owned(),
        configs: configs.collect(),
    })
}
