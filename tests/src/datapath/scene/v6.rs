//! Frames of IPv6.

use vrrp_ebpf::{abi::Counter, ownership::State};

use super::{Scene, XDP_TX};
use crate::{
    datapath::{
        v6::{SLOT, VIP, VIP_GLOBAL, world},
        world::{VRID, following},
    },
    frames::v6::{Advert, Neighbour, PEER, Packet},
};

const ELSEWHERE: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

pub(super) fn scenes() -> Vec<Scene> {
    let active = world().with_state(SLOT, State::Active);
    let question = Neighbour::who_has(VIP).build();
    let transit = Packet::to(ELSEWHERE).build();
    let mut followed = world();
    followed.slot(SLOT).follow = following(PEER).pack();
    vec![
        Scene::ingress("IPv6 transit", world(), transit.clone()),
        Scene {
            returned: XDP_TX,
            ..Scene::ingress("NS answered (owner)", active, question.clone())
                .counted(SLOT, &[Counter::NdAnswered])
                .written_anew()
        },
        Scene::ingress("NS ignored (not owner)", world(), question)
            .dropped(Counter::NdIgnored)
            .counted(SLOT, &[Counter::NdIgnored]),
        Scene::ingress(
            "IPv6 advert accepted, as followed",
            followed,
            Advert::v3(VRID, &[VIP, VIP_GLOBAL]).build(),
        )
        .counted(SLOT, &[Counter::AdvertAccepted])
        .recorded(),
        Scene::egress("sent: IPv6 transit", world(), transit),
    ]
}
