//! What the engine does not need any more. It gives it back, since to free memory may take as long as to get some.

use super::{
    addition::Addition, addresses::AddressSet, member::Member, parts::Parts, socket::Kind,
};

/// See the module. It is to be dropped by another thread.
#[derive(Debug)]
pub struct Retired(#[expect(dead_code, reason = "it is dropped, and not looked at")] Thing);

#[derive(Debug)]
#[expect(dead_code, reason = "they are dropped, and not looked at")]
enum Thing {
    Parts(Box<Parts>),
    Member(Box<Member>),
    Addition(Addition),
    Addresses(Box<AddressSet>),
    Socket(Kind),
}

impl From<Box<Parts>> for Retired {
    fn from(parts: Box<Parts>) -> Self {
        Self(Thing::Parts(parts))
    }
}

impl From<Box<Member>> for Retired {
    fn from(member: Box<Member>) -> Self {
        Self(Thing::Member(member))
    }
}

impl From<Addition> for Retired {
    fn from(addition: Addition) -> Self {
        Self(Thing::Addition(addition))
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
