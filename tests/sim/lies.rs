//! What a machine with a planted fault remembers of its lies.

use vrrp_ebpf::ownership::Ownership;
use vrrp_user::proto::Instant;

/// See the module.
#[derive(Debug)]
pub(crate) struct Lies {
    pub(crate) routers: Vec<RouterLies>,
    /// When the time of the last advert was read.
    pub(crate) dated: Option<Instant>,
    /// The same, of one that was handed over and renewed no lease yet.
    pub(crate) unrenewed: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct RouterLies {
    /// The word that was written, and the one that the driver believes it has written.
    pub(crate) words: Option<(Ownership, Ownership)>,
    /// It has had an advert sent since it rose.
    pub(crate) spoken: bool,
    /// When the driver was last told of a conflict that it could answer.
    pub(crate) defended: Option<Instant>,
}

impl Lies {
    /// Of a node with so many virtual routers.
    pub(crate) fn new(routers: usize) -> Self {
        Self {
            routers: vec![RouterLies::default(); routers],
            dated: None,
            unrenewed: None,
        }
    }
}
