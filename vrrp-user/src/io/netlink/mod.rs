//! rtnetlink: what its messages say of interfaces and addresses, and blocking requests for the few callers that are not on the
//! tokio side.

pub(super) mod address;
pub(super) mod link;
pub(super) mod present;
pub(super) mod secondaries;

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::TimeVal,
};

/// How long the kernel may take for the next piece of a list.
const PATIENCE: TimeVal = TimeVal::new(1, 0);

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

/// One request for a list. Kernels before 4.20 disregard what it is restricted to.
///
/// # Errors
/// The kernel's errno, or `WouldBlock` if it does not come to an end.
pub fn list(message: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    let socket = open()?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &PATIENCE)?;
    socket.set_netlink_get_strict_chk(true).ok();
    socket.send(&serialize(message, NLM_F_DUMP, 1), 0)?;
    let mut found = Vec::new();
    loop {
        let bytes = match socket.recv_from_full() {
            Ok((bytes, _)) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = bytes.as_slice();
        while let Some(length) = rest.first_chunk::<4>() {
            let length = (u32::from_ne_bytes(*length) as usize).next_multiple_of(4);
            match NetlinkMessage::deserialize(rest).map(|message| message.payload) {
                Ok(NetlinkPayload::InnerMessage(message)) => found.push(message),
                Ok(NetlinkPayload::Done(done)) if done.code == 0 => return Ok(found),
                Ok(NetlinkPayload::Done(done)) => {
                    return Err(io::Error::from_raw_os_error(-done.code));
                }
                Ok(NetlinkPayload::Error(error)) => return Err(error.to_io()),
                // What is not understood is not what was asked for.
                _ => {}
            }
            rest = rest.get(length.max(4)..).unwrap_or_default();
        }
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
