//! XDP or tc: what received frames are to be judged by, and what they came to be judged by.

use std::fmt;

use crate::io::bpf::device::VlanTags;

/// What received frames are judged by, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// XDP in the driver, frames over several buffers included (jumbo MTU).
    NativeFrags,
    /// XDP in the driver.
    Native,
    /// tc, after the driver made an skb of the frame.
    Tc,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NativeFrags => "native+frags",
            Self::Native => "native",
            Self::Tc => "tc",
        })
    }
}

/// What received frames are to be judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// XDP where its answers are sure to arrive, else tc.
    #[default]
    Auto,
    /// XDP in the driver, or not at all.
    Native,
    /// tc.
    Tc,
}

/// What received frames came to be judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Where they are.
    pub mode: Mode,
    /// Why not by XDP, if they are not.
    pub reason: Option<String>,
    /// Whether their VLAN tags are seen.
    pub vlan_tags: VlanTags,
}
