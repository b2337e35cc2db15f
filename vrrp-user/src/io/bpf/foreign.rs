//! Names the program of somebody else that is in our way.

use aya::programs::loaded_programs;
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, LinkXdp},
};

use crate::io::netlink;

/// `name (id N)` of the XDP program on an interface, as far as the kernel tells.
pub(super) fn xdp_program(interface: &str) -> String {
    let Some(id) = xdp_program_id(interface) else {
        return "of unknown name".to_owned();
    };
    let program = loaded_programs()
        .filter_map(Result::ok)
        .find(|program| program.id() == id);
    let name = program
        .as_ref()
        .and_then(|program| program.name_as_str())
        .unwrap_or_default();
    if name.is_empty() {
        format!("with id {id}")
    } else {
        format!("\"{name}\" (id {id})")
    }
}

fn xdp_program_id(interface: &str) -> Option<u32> {
    let mut request = LinkMessage::default();
    request
        .attributes
        .push(LinkAttribute::IfName(interface.to_owned()));
    let answer = netlink::request_one(RouteNetlinkMessage::GetLink(request)).ok()?;
    let RouteNetlinkMessage::NewLink(link) = answer else {
        return None;
    };
    link.attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::Xdp(xdp) => xdp.into_iter().find_map(|xdp| match xdp {
                LinkXdp::ProgId(id) => Some(id),
                _ => None,
            }),
            _ => None,
        })
}
