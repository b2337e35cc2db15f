//! What happens in a row, scene by scene.

use crate::row::Kind;

/// Who takes part, from `r1` on, and what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Play {
    /// The peer has the better priority: we begin as its Backup. It is stopped, comes back, is killed
    /// and comes back.
    PeerIsBetter(Kind),
    /// We have the better priority, and the same happens to us.
    WeAreBetter(Kind),
    /// Equal priorities, ours the lower address. Two halves of a network meet, each with an Active;
    /// and who comes back to a serving equal displaces nobody.
    PeerIsHigher(Kind),
    /// The same with ours the higher address.
    WeAreHigher(Kind),
    /// Three routers, the best one first: it is stopped, the next one is killed, and they come back
    /// the other way round.
    Three([Kind; 3]),
}

/// What happens, and who is to serve then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) column: Column,
    pub(crate) acts: Vec<Act>,
    /// Number of the router.
    pub(crate) owner: u8,
}

/// Something that is done to the router with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Start(u8),
    /// In good order.
    Stop(u8),
    /// By SIGKILL to all its processes.
    Kill(u8),
    /// Removes what it left when it was killed, as its service manager would.
    ClearUp(u8),
    /// Its port of the switch forwards nothing.
    Silence(u8),
    /// It does again.
    Heal(u8),
    /// Waits until it takes itself for the Active.
    AwaitActive(u8),
}

/// A column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    /// All start.
    Elected,
    /// Two Actives that did not hear each other do again: the higher address stays.
    Meeting,
    /// The Active is stopped in good order.
    Stop,
    /// It is started again.
    Return,
    /// The Active is killed.
    Crash,
    /// What it left is cleared up, and it is started again.
    Recovery,
    /// What tshark says of our adverts.
    Decoded,
}

impl Column {
    /// All, in the order of the matrix.
    pub(crate) const ALL: [Self; 7] = [
        Self::Elected,
        Self::Meeting,
        Self::Stop,
        Self::Return,
        Self::Crash,
        Self::Recovery,
        Self::Decoded,
    ];

    /// Its title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Elected => "elected",
            Self::Meeting => "meeting",
            Self::Stop => "stop",
            Self::Return => "return",
            Self::Crash => "crash",
            Self::Recovery => "recovery",
            Self::Decoded => "tshark",
        }
    }
}

impl Play {
    /// The nodes; index 0 is that of `r1`.
    pub(crate) fn kinds(self) -> Vec<Kind> {
        match self {
            Self::PeerIsBetter(peer) | Self::WeAreHigher(peer) => vec![peer, Kind::Xvrrp],
            Self::WeAreBetter(peer) | Self::PeerIsHigher(peer) => vec![Kind::Xvrrp, peer],
            Self::Three(kinds) => kinds.to_vec(),
        }
    }

    /// The kind of the node on router `number`.
    pub(crate) fn kind(self, number: u8) -> Kind {
        self.kinds()[usize::from(number) - 1]
    }

    /// The priority of router `number`, 1 to 3. No two routers start as `state MASTER`.
    pub(crate) fn priority(self, number: u8) -> u8 {
        match self {
            Self::PeerIsHigher(_) | Self::WeAreHigher(_) => 100,
            Self::PeerIsBetter(_) | Self::WeAreBetter(_) | Self::Three(_) => 250 - 50 * number,
        }
    }

    /// Who stands beside us.
    pub(crate) fn peer(self) -> String {
        let kinds = self.kinds();
        let peers = kinds.iter().filter(|kind| **kind != Kind::Xvrrp);
        peers
            .map(|kind| kind.name())
            .collect::<Vec<_>>()
            .join(", then ")
    }

    /// What we are to them.
    pub(crate) fn part(self) -> String {
        let position = self.kinds().iter().position(|kind| *kind == Kind::Xvrrp);
        match self {
            Self::PeerIsBetter(_) => "Backup".to_owned(),
            Self::WeAreBetter(_) => "Active".to_owned(),
            Self::PeerIsHigher(_) => "equal, lower address".to_owned(),
            Self::WeAreHigher(_) => "equal, higher address".to_owned(),
            Self::Three(_) => format!("number {} of three", position.unwrap_or_default() + 1),
        }
    }

    /// What happens, in order.
    pub(crate) fn scenes(self) -> Vec<Scene> {
        use Act::{AwaitActive, ClearUp, Heal, Kill, Silence, Start, Stop};
        use Column::{Crash, Elected, Meeting, Recovery, Return};

        let scene = |column, acts: &[Act], owner| Scene {
            column,
            acts: acts.to_vec(),
            owner,
        };
        match self {
            Self::PeerIsBetter(_) | Self::WeAreBetter(_) => vec![
                scene(Elected, &[Start(1), Start(2)], 1),
                scene(Column::Stop, &[Stop(1)], 2),
                scene(Return, &[Start(1)], 1),
                scene(Crash, &[Kill(1)], 2),
                scene(Recovery, &[ClearUp(1), Start(1)], 1),
            ],
            Self::PeerIsHigher(_) | Self::WeAreHigher(_) => vec![
                scene(Elected, &[Start(1), AwaitActive(1), Start(2)], 1),
                scene(Meeting, &[Silence(1), AwaitActive(2), Heal(1)], 2),
                scene(Column::Stop, &[Stop(2)], 1),
                scene(Return, &[Start(2)], 1),
                scene(Crash, &[Kill(1)], 2),
                scene(Recovery, &[ClearUp(1), Start(1)], 2),
            ],
            Self::Three(_) => vec![
                scene(Elected, &[Start(1), Start(2), Start(3)], 1),
                scene(Column::Stop, &[Stop(1)], 2),
                scene(Crash, &[Kill(2)], 3),
                scene(Recovery, &[ClearUp(2), Start(2)], 2),
                scene(Return, &[Start(1)], 1),
            ],
        }
    }
}
