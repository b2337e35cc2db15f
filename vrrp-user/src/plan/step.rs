//! One step of a difference, and how people are told of it.

use std::{fmt, net::IpAddr};

use vrrp_ebpf::types::{Mac, mac_text};

use super::{desired::DesiredRouter, words::Difference};
use crate::{
    config::Globals,
    ids::{InterfaceId, RouterId},
    status::Effect,
};

/// What is to be done next. Steps are begun in their order. A step about a virtual router ends when the engine says
/// so; the next ones need not wait for that, but for the routers that they name in `after`, and each router does its own
/// steps in order. [`Step::Refuse`] and what follows it wait for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `global_defs` is this from now on.
    Globals {
        /// All of it.
        globals: Globals,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// Attach the programs to an interface.
    Attach {
        /// Which.
        interface: InterfaceId,
        /// Its name.
        name: String,
    },
    /// Mark frames to Virtual Router MACs there as for this host.
    Mark {
        /// Where.
        interface: InterfaceId,
        /// Its name.
        name: String,
    },
    /// Join a multicast group.
    Join {
        /// Where.
        interface: InterfaceId,
        /// Which.
        group: IpAddr,
    },
    /// Have an interface receive frames to a Virtual Router MAC.
    Receive {
        /// Where.
        interface: InterfaceId,
        /// Which.
        mac: Mac,
    },
    /// End a virtual router in good order.
    Remove {
        /// Which.
        router: RouterId,
        /// Its name.
        name: String,
        /// [`Step::Add`] of its successor tells of it.
        restarts: bool,
    },
    /// Change a virtual router in place.
    Change {
        /// Which.
        router: RouterId,
        /// What it is to be.
        to: Box<DesiredRouter>,
        /// What differs.
        differences: Vec<Difference>,
        /// Whose steps have to be done before.
        after: Vec<RouterId>,
    },
    /// Start a virtual router.
    Add {
        /// Its id.
        router: RouterId,
        /// What it is to be.
        to: Box<DesiredRouter>,
        /// If it takes the place of one that was removed: what differs.
        restarted: Option<Vec<Difference>>,
        /// Whose steps have to be done before.
        after: Vec<RouterId>,
    },
    /// The order of the file, in which virtual routers are shown.
    Order(Vec<RouterId>),
    /// Undo [`Step::Receive`].
    Refuse {
        /// Where.
        interface: InterfaceId,
        /// Which.
        mac: Mac,
    },
    /// Undo [`Step::Join`].
    Leave {
        /// Where.
        interface: InterfaceId,
        /// Which.
        group: IpAddr,
    },
    /// Undo [`Step::Mark`].
    Unmark {
        /// Where.
        interface: InterfaceId,
        /// Its name.
        name: String,
    },
    /// Undo [`Step::Attach`].
    Detach {
        /// Which.
        interface: InterfaceId,
        /// Its name.
        name: String,
    },
}

/// What these steps do, for people: what happens to instances, and not what the node does for it.
#[must_use]
pub fn summary(steps: &[Step]) -> Vec<Effect> {
    steps.iter().flat_map(Step::effects).collect()
}

impl Step {
    /// The interface that this step makes ready for virtual routers.
    #[must_use]
    pub fn prepares(&self) -> Option<InterfaceId> {
        match self {
            Self::Attach { interface, .. }
            | Self::Mark { interface, .. }
            | Self::Join { interface, .. }
            | Self::Receive { interface, .. } => Some(*interface),
            _ => None,
        }
    }

    /// Whether this step adds, changes or removes a virtual router.
    #[must_use]
    pub fn is_about_a_router(&self) -> bool {
        matches!(
            self,
            Self::Add { .. } | Self::Change { .. } | Self::Remove { .. }
        )
    }

    /// Whether this step takes something away that no virtual router needs any more.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        matches!(
            self,
            Self::Refuse { .. } | Self::Leave { .. } | Self::Unmark { .. } | Self::Detach { .. }
        )
    }

    /// What takes back what this step does to an interface; of a step about something else, the step itself.
    #[must_use]
    pub fn undo(self) -> Self {
        match self {
            Self::Attach { interface, name } => Self::Detach { interface, name },
            Self::Mark { interface, name } => Self::Unmark { interface, name },
            Self::Join { interface, group } => Self::Leave { interface, group },
            Self::Receive { interface, mac } => Self::Refuse { interface, mac },
            other => other,
        }
    }

    /// What people are told of it; empty if it is done for another step, which tells of it.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        let each = |subject: &str, differences: &[Difference]| {
            let effects = differences.iter().map(|one| Effect {
                subject: subject.to_owned(),
                what: one.what.clone(),
                moves: one.moves,
            });
            effects.collect()
        };
        let one = |subject: &str, what: String, moves| {
            let subject = subject.to_owned();
            vec![Effect {
                subject,
                what,
                moves,
            }]
        };
        match self {
            Self::Globals { differences, .. } => each("global_defs", differences),
            Self::Change {
                to, differences, ..
            } => each(&to.instance.name, differences),
            Self::Remove {
                name,
                restarts: false,
                ..
            } => one(name, "removed".to_owned(), true),
            Self::Add { to, restarted, .. } => {
                let name = &to.instance.name;
                match restarted {
                    None => one(name, "added".to_owned(), false),
                    Some(why) => one(name, format!("restarted ({})", listed(why)), true),
                }
            }
            _ => Vec::new(),
        }
    }
}

fn listed(differences: &[Difference]) -> String {
    let all = differences.iter().map(|one| &*one.what);
    all.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Globals { differences, .. } => write!(f, "global_defs: {}", listed(differences)),
            Self::Attach { name, .. } => write!(f, "attach the programs to {name}"),
            Self::Mark { name, .. } => write!(f, "mark frames to virtual MACs on {name}"),
            Self::Join { interface, group } => write!(f, "join {group} on {interface}"),
            Self::Receive { interface, mac } => {
                write!(f, "receive frames to {} on {interface}", mac_text(*mac))
            }
            Self::Remove { name, .. } => write!(f, "({name}) remove"),
            Self::Change {
                to, differences, ..
            } => write!(f, "({}) change: {}", to.instance.name, listed(differences)),
            Self::Add { to, .. } => write!(f, "({}) add", to.instance.name),
            Self::Order(_) => f.write_str("order of the file"),
            Self::Refuse { interface, mac } => {
                write!(f, "refuse frames to {} on {interface}", mac_text(*mac))
            }
            Self::Leave { interface, group } => write!(f, "leave {group} on {interface}"),
            Self::Unmark { name, .. } => write!(f, "mark no more frames on {name}"),
            Self::Detach { name, .. } => write!(f, "detach the programs from {name}"),
        }
    }
}
