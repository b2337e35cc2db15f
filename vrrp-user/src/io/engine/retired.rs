//! What the engine does not need any more. It gives it back, since to free memory may take as long as to get some.

use super::{addresses::AddressSet, member::Member, parts::Parts, socket::Kind};
use crate::proto::node::Place;

/// See the module. It is to be dropped by another thread.
#[derive(Debug)]
pub struct Retired(#[expect(dead_code, reason = "it is dropped, and not looked at")] Thing);

#[derive(Debug)]
#[expect(dead_code, reason = "they are dropped, and not looked at")]
enum Thing {
    Parts(Box<Parts>),
    Router(Box<Place<Member>>),
    Addresses(Box<AddressSet>),
    Socket(Kind),
}

impl From<Box<Parts>> for Retired {
    fn from(parts: Box<Parts>) -> Self {
        Self(Thing::Parts(parts))
    }
}

impl From<Box<Place<Member>>> for Retired {
    fn from(router: Box<Place<Member>>) -> Self {
        Self(Thing::Router(router))
    }
}

impl From<Box<AddressSet>> for Retired {
    fn from(addresses: Box<AddressSet>) -> Self {
        Self(Thing::Addresses(addresses))
    }
}

impl From<Kind> for Retired {
    fn from(socket: Kind) -> Self {
        Self(Thing::Socket(socket))
    }
}
