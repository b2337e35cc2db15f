//! What can be done to an advert.

/// One thing about an advert that is not as it should be, or not as usual.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bend {
    None,
    Ttl,
    Version,
    Type,
    Length,
    Checksum,
    Pseudo,
    Plain,
    Count,
    Interval,
    AuthType,
    Password,
    AddressList,
    OwnSource,
    Martian,
    Misdirected,
    Options,
    Fragment,
    Priority,
    Stranger,
    Elsewhere,
    Vlan,
}

/// All of them.
pub(super) const BENDS: [Bend; 22] = [
    Bend::None,
    Bend::Ttl,
    Bend::Version,
    Bend::Type,
    Bend::Length,
    Bend::Checksum,
    Bend::Pseudo,
    Bend::Plain,
    Bend::Count,
    Bend::Interval,
    Bend::AuthType,
    Bend::Password,
    Bend::AddressList,
    Bend::OwnSource,
    Bend::Martian,
    Bend::Misdirected,
    Bend::Options,
    Bend::Fragment,
    Bend::Priority,
    Bend::Stranger,
    Bend::Elsewhere,
    Bend::Vlan,
];
