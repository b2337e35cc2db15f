//! Blocking rtnetlink, for the few callers that are not on the tokio side.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// A connected rtnetlink socket.
///
/// # Errors
/// errno of socket, bind or connect.
pub fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

/// A request as bytes, to be sent as it is. Errors are always answered; success only with `flags`
/// holding `NLM_F_ACK`.
#[must_use]
pub fn serialize(message: RouteNetlinkMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// One request, one answer (not an acknowledgement).
///
/// # Errors
/// The kernel's errno, or `InvalidData` for an answer that is none.
pub fn request_one(message: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
    match exchange(message, 0)? {
        NetlinkPayload::InnerMessage(answer) => Ok(answer),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// One request that the kernel carries out or refuses.
///
/// # Errors
/// The kernel's errno, or `InvalidData` for an answer that is none.
pub fn acknowledged(message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
    match exchange(message, flags | NLM_F_ACK)? {
        NetlinkPayload::Error(error) if error.code.is_none() => Ok(()),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn exchange(
    message: RouteNetlinkMessage,
    flags: u16,
) -> io::Result<NetlinkPayload<RouteNetlinkMessage>> {
    let socket = open()?;
    socket.send(&serialize(message, flags, 1), 0)?;
    let (bytes, _) = socket.recv_from_full()?;
    NetlinkMessage::deserialize(&bytes)
        .map(|answer| answer.payload)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
