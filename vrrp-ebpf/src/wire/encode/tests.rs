//! Against frames captured from keepalived 2.2.7 (veth, `tcpdump -w`).

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use super::{EncodeError, Format, Message, advert, announcement, room, unicast};
use crate::types::{Family, Mac, Version};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 1));

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn v4(last: u8) -> IpAddr {
    IpAddr::from([192, 168, 1, last])
}

fn v6(address: &str) -> IpAddr {
    IpAddr::V6(address.parse::<Ipv6Addr>().unwrap())
}

/// The tutorial's `auth_type PASS`, `auth_pass 1111`.
fn version_2(addresses: &[IpAddr]) -> Message<'_> {
    Message {
        format: Format::V2 {
            password: Some(*b"1111\0\0\0\0"),
        },
        vrid: 1,
        priority: 100,
        interval: Duration::from_secs(1),
        addresses,
        source: SOURCE,
    }
}

fn version_3(addresses: &[IpAddr], pseudo_header: bool) -> Message<'_> {
    Message {
        format: Format::V3 { pseudo_header },
        vrid: 51,
        priority: 254,
        interval: Duration::from_millis(100),
        addresses,
        source: SOURCE,
    }
}

//= C8: proof
#[test]
fn c8_version_2_with_password() {
    assert_eq!(
        version_2(&[v4(254)]).encode().unwrap(),
        hex("21 01 64 01 01 01 54 f3 c0 a8 01 fe 31 31 31 31 00 00 00 00")
    );
}

/// RFC 3768 section 5.3.6: eight bytes follow even without authentication. Without the password
/// (2 x 3131) and the Auth Type (0100) the sum is 6362 less, its complement 6362 more.
#[test]
fn c8_version_2_without_password() {
    let addresses = [v4(254)];
    let message = Message {
        format: Format::V2 { password: None },
        ..version_2(&addresses)
    };
    assert_eq!(
        message.encode().unwrap(),
        hex("21 01 64 01 00 01 b8 55 c0 a8 01 fe 00 00 00 00 00 00 00 00")
    );
}

//= C8, C79: proof
#[test]
fn c8_version_3_with_pseudo_header() {
    assert_eq!(
        version_3(&[v4(200), v4(201)], true).encode().unwrap(),
        hex("31 33 fe 02 00 0a a9 a0 c0 a8 01 c8 c0 a8 01 c9")
    );
}

/// keepalived's `v3_checksum_as_v2`, which 2.2.7 has not; its frame with a pseudo-header has 6c0c.
/// By hand: 3134 + fe01 + 000a + c0a8 + 01d2 = 1f1b9, folded f1ba, complement 0e45.
//= C8: proof
#[test]
fn c8_version_3_without_pseudo_header() {
    let addresses = [v4(210)];
    let message = Message {
        vrid: 52,
        ..version_3(&addresses, false)
    };
    assert_eq!(
        message.encode().unwrap(),
        hex("31 34 fe 01 00 0a 0e 45 c0 a8 01 d2")
    );
}

//= C1, C2: proof
#[test]
fn c1_c2_version_3_over_ipv6() {
    let addresses = [v6("fe80::5"), v6("2001:db8::5")];
    for pseudo_header in [true, false] {
        let message = Message {
            format: Format::V3 { pseudo_header },
            vrid: 53,
            priority: 100,
            interval: Duration::from_secs(1),
            addresses: &addresses,
            source: v6("fe80::1234"),
        };
        let mut expected = hex("33 33 00 00 00 12 02 00 00 00 00 01 86 dd 6c 06
             fe 5f 00 28 70 ff fe 80 00 00 00 00 00 00 00 00
             00 00 00 00 12 34 ff 02 00 00 00 00 00 00 00 00
             00 00 00 00 00 12 31 35 64 02 00 64 2d be fe 80
             00 00 00 00 00 00 00 00 00 00 00 00 00 05 20 01
             0d b8 00 00 00 00 00 00 00 00 00 00 00 05");
        // The flow label, which that kernel made up.
        expected[15] &= 0xf0;
        expected[16..18].fill(0);
        assert_eq!(advert(MAC, &message).unwrap(), expected);
    }
}

//= C1, C2: proof
#[test]
fn c1_c2_frame_over_ipv4() {
    let mut expected = hex("01 00 5e 00 00 12 02 00 00 00 00 01 08 00 45 c0
         00 28 00 01 00 00 ff 70 18 e9 c0 a8 01 01 e0 00
         00 12 21 01 64 01 01 01 54 f3 c0 a8 01 fe 31 31
         31 31 00 00 00 00");
    // keepalived counts its datagrams; ours say DF instead: 4000 for 0001, the checksum 3fff less.
    expected[18..22].copy_from_slice(&[0, 0, 0x40, 0]);
    expected[24..26].copy_from_slice(&[0xd8, 0xe9]);
    assert_eq!(advert(MAC, &version_2(&[v4(254)])).unwrap(), expected);
}

/// The message with a pseudo-header from above: in its sum, c0a8 + 0102 stand for e000 + 0012.
//= C9: proof
#[test]
fn c9_a_unicast_peer_gets_a_packet_of_its_own() {
    let addresses = [v4(200), v4(201)];
    let message = version_3(&addresses, true);
    assert_eq!(
        unicast(&message, v4(2), 64).unwrap(),
        hex("45 c0 00 24 00 00 40 00 40 70 b6 56 c0 a8 01 01
             c0 a8 01 02 31 33 fe 02 00 0a c8 08 c0 a8 01 c8
             c0 a8 01 c9")
    );
    // Without a pseudo-header the message does not know where it goes.
    for message in [version_3(&addresses, false), version_2(&addresses)] {
        assert_eq!(message.encode_to(v4(2)), message.encode());
        let packet = unicast(&message, v4(2), 255).unwrap();
        assert_eq!(packet[20..], message.encode().unwrap());
        assert_eq!((packet[8], &packet[16..20]), (255, &[192, 168, 1, 2][..]));
    }
    let elsewhere = v6("fe80::2");
    let error = Err(EncodeError::Family(elsewhere));
    assert_eq!(unicast(&message, elsewhere, 255), error);
}

/// The message to the group from above: in its sum, 2001 + 0db8 + 0002 stand for ff02 + 0012, so that
/// the checksum, 2dbe, grows by d159.
//= C9: proof
#[test]
fn c9_a_unicast_peer_of_ipv6_gets_a_packet_of_its_own() {
    let addresses = [v6("fe80::5"), v6("2001:db8::5")];
    let message = Message {
        format: Format::V3 {
            pseudo_header: true,
        },
        vrid: 53,
        priority: 100,
        interval: Duration::from_secs(1),
        addresses: &addresses,
        source: v6("fe80::1234"),
    };
    let peer = v6("2001:db8::2");
    let expected = hex("6c 00 00 00 00 28 70 40 fe 80 00 00 00 00 00 00
         00 00 00 00 00 00 12 34 20 01 0d b8 00 00 00 00
         00 00 00 00 00 00 00 02 31 35 64 02 00 64 ff 17
         fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 05
         20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 05");
    assert_eq!(unicast(&message, peer, 64), Ok(expected));
    let error = Err(EncodeError::Family(v4(2)));
    assert_eq!(unicast(&message, v4(2), 64), error);
}

//= C61: proof
#[test]
fn c61_gratuitous_arp() {
    let expected = hex("ff ff ff ff ff ff 02 00 00 00 00 01 08 06 00 01
         08 00 06 04 00 01 02 00 00 00 00 01 c0 a8 01 c8
         ff ff ff ff ff ff c0 a8 01 c8");
    assert_eq!(announcement(MAC, v4(200), true), expected);
}

//= C61: proof
#[test]
fn c61_gratuitous_arp_of_a_virtual_mac() {
    let expected = hex("ff ff ff ff ff ff 00 00 5e 00 01 33 08 06 00 01
         08 00 06 04 00 01 00 00 5e 00 01 33 c0 a8 01 c8
         00 00 5e 00 01 33 c0 a8 01 c8");
    let mac = [0x00, 0x00, 0x5e, 0x00, 0x01, 0x33];
    assert_eq!(announcement(mac, v4(200), true), expected);
}

//= C31, C34: proof
#[test]
fn c34_unsolicited_neighbour_advertisement() {
    let mut expected = hex("33 33 00 00 00 01 02 00 00 00 00 01 86 dd 60 00
         00 00 00 20 3a ff fe 80 00 00 00 00 00 00 00 00
         00 00 00 00 00 05 ff 02 00 00 00 00 00 00 00 00
         00 00 00 00 00 01 88 00 57 93 20 00 00 00 fe 80
         00 00 00 00 00 00 00 00 00 00 00 00 00 05 02 01
         02 00 00 00 00 01");
    assert_eq!(announcement(MAC, v6("fe80::5"), false), expected);
    // R set: 8000 more in the sum, 8000 less in the checksum, with the borrow carried round.
    expected[58] = 0xa0;
    expected[56..58].copy_from_slice(&[0xd7, 0x92]);
    assert_eq!(announcement(MAC, v6("fe80::5"), true), expected);
}

//= C5, C7, C28: refusal
#[test]
fn refuses_what_has_no_encoding() {
    let one = [v4(254)];
    let many = [v4(1); 256];
    let other_family = [v6("fe80::5")];
    let cases = [
        (version_3(&[], true), EncodeError::Count(0)),
        (version_3(&many, true), EncodeError::Count(256)),
        (
            version_3(&other_family, true),
            EncodeError::Family(v6("fe80::5")),
        ),
        (
            Message {
                interval: Duration::from_millis(9),
                ..version_3(&one, true)
            },
            EncodeError::Interval(Duration::from_millis(9)),
        ),
        (
            Message {
                interval: Duration::from_millis(40_960),
                ..version_3(&one, true)
            },
            EncodeError::Interval(Duration::from_millis(40_960)),
        ),
        (
            Message {
                interval: Duration::from_millis(400),
                ..version_2(&one)
            },
            EncodeError::Interval(Duration::from_millis(400)),
        ),
        (
            Message {
                source: v6("fe80::1"),
                ..version_2(&one)
            },
            EncodeError::Version2OverIpv6,
        ),
    ];
    for (message, error) in cases {
        assert_eq!(message.encode(), Err(error));
        assert_eq!(advert(MAC, &message), Err(error));
    }
}

/// keepalived's figures: it moves the others to the excluded ones.
#[test]
fn an_advert_is_one_frame() {
    let rows = [
        (Version::V3, Family::V6, 1500, 89),
        (Version::V3, Family::V6, 1280, 76),
        (Version::V3, Family::V6, 9000, 255),
        (Version::V3, Family::V4, 1500, 255),
        (Version::V3, Family::V4, 576, 133),
        (Version::V2, Family::V4, 576, 131),
        (Version::V2, Family::V4, 20, 0),
    ];
    for (version, family, mtu, expected) in rows {
        assert_eq!(room(version, family, mtu), expected, "{mtu}");
    }
}

//= C7, C28: proof
#[test]
fn takes_the_longest_list() {
    let message = version_3(&[v4(1); 255], true).encode().unwrap();
    assert_eq!(message.len(), 8 + 4 * 255);
    let one = [v4(1)];
    let slowest = Message {
        interval: Duration::from_millis(40_950),
        ..version_3(&one, true)
    };
    assert_eq!(slowest.encode().unwrap()[4..6], [0x0f, 0xff]);
}
