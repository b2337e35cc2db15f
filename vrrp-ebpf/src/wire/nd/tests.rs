use super::*;

const VIP: [u8; 16] = [
    0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd, 0xef,
];
const GROUP: [u8; 16] = [
    0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xab, 0xcd, 0xef,
];
const ASKER: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const NOBODY: [u8; 16] = [0; 16];
const ASKER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ASKER_OPTION: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 8];
const NONCE: [u8; 8] = [14, 1, 1, 2, 3, 4, 5, 6];

/// An untagged solicitation or advertisement for [`VIP`].
struct Case {
    source: [u8; 16],
    destination: [u8; 16],
    head: [u8; 8],
    target: [u8; 16],
    options: Vec<u8>,
    hop_limit: u8,
}

impl Case {
    fn solicitation(options: &[u8]) -> Self {
        Self {
            source: ASKER,
            destination: GROUP,
            head: [SOLICITATION, 0, 0, 0, 0, 0, 0, 0],
            target: VIP,
            options: options.to_vec(),
            hop_limit: 255,
        }
    }

    fn probe(options: &[u8]) -> Self {
        Self {
            source: NOBODY,
            ..Self::solicitation(options)
        }
    }

    fn advertisement(flags: u8) -> Self {
        Self {
            source: VIP,
            destination: ALL_NODES,
            head: [ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0],
            ..Self::solicitation(&[2, 1, 2, 0, 0, 0, 0, 8])
        }
    }

    fn frame(&self) -> Vec<u8> {
        let length = FIXED + self.options.len();
        let mut frame = vec![0; 6];
        frame.extend(ASKER_MAC);
        frame.extend([0x86, 0xdd]);
        frame.extend([0x60, 0, 0, 0, 0, u8::try_from(length).unwrap()]);
        frame.extend([ICMPV6, self.hop_limit]);
        frame.extend(self.source);
        frame.extend(self.destination);
        frame.extend(self.head);
        frame.extend(self.target);
        frame.extend(&self.options);
        let pseudo_header = Sum::ZERO
            .add_pseudo_v6(&frame[..], 22, u16::try_from(length).unwrap(), ICMPV6)
            .unwrap();
        let (words, _) = frame[54..].as_chunks();
        let sum = words.iter().fold(pseudo_header, |sum, word| {
            sum.add_word(u64::from_be_bytes(*word))
        });
        frame[56..58].copy_from_slice(&sum.checksum().to_be_bytes());
        frame
    }
}

/// MAC and Solicited flag.
fn parse(frame: &[u8]) -> Option<([u8; 6], bool)> {
    let ip = Ipv6::parse(frame, 14)?;
    let sender = Sender::parse(frame, &ip, Kind::read(frame, ip.payload_at())?)?;
    Some((frame.read(sender.mac_at)?, sender.answers))
}

/// keepalived 2.2.7 announces fe80::5.
const KEEPALIVED: [u8; 86] = [
    0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, // Ethernet
    0x60, 0, 0, 0, 0, 0x20, 0x3a, 0xff, // IPv6
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, // from the address
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // to all nodes
    0x88, 0, 0x57, 0x93, 0x20, 0, 0, 0, // advertisement: override
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, // target
    2, 1, 2, 0, 0, 0, 0, 1, // its MAC
];

#[test]
fn advertisement_of_keepalived_is_intact() {
    assert_eq!(parse(&KEEPALIVED), Some((MAC, false)));
}

#[test]
fn a_sender_has_the_mac_of_its_option_or_of_its_frame() {
    let mac = |case: Case| parse(&case.frame()).map(|(mac, _)| mac);
    let told = Some([2, 0, 0, 0, 0, 8]);
    assert_eq!(mac(Case::solicitation(&ASKER_OPTION)), told);
    assert_eq!(mac(Case::solicitation(&[])), Some(ASKER_MAC));
    assert_eq!(mac(Case::solicitation(&NONCE)), Some(ASKER_MAC));
    assert_eq!(mac(Case::probe(&[])), Some(ASKER_MAC));
    assert_eq!(mac(Case::probe(&NONCE)), Some(ASKER_MAC));
    assert_eq!(mac(Case::advertisement(0)), told);
}

#[test]
fn only_advertisements_are_solicited() {
    let answers = |case: Case| parse(&case.frame()).map(|(_, answers)| answers);
    let mut solicitation = Case::solicitation(&[]);
    solicitation.head[4] = 0xff;
    assert_eq!(answers(solicitation), Some(false));
    assert_eq!(answers(Case::advertisement(ROUTER | OVERRIDE)), Some(false));
    let mut answer = Case::advertisement(SOLICITED);
    assert_eq!(answers(Case::advertisement(SOLICITED)), None, "to a group");
    answer.destination = ASKER;
    assert_eq!(answers(answer), Some(true));
}

#[test]
fn what_rfc_4861_calls_invalid_has_no_sender() {
    let bent = |bend: fn(&mut Case)| {
        let mut case = Case::solicitation(&ASKER_OPTION);
        bend(&mut case);
        parse(&case.frame())
    };
    assert!(bent(|_| ()).is_some());
    assert_eq!(bent(|case| case.hop_limit = 254), None);
    assert_eq!(bent(|case| case.head[1] = 1), None);
    assert_eq!(bent(|case| case.target = GROUP), None);
    assert_eq!(bent(|case| case.source = ALL_NODES), None);
    assert_eq!(bent(|case| case.options[1] = 0), None);
    assert_eq!(bent(|case| case.options[1] = 2), None);
    assert_eq!(bent(|case| case.source = NOBODY), None, "probe with a MAC");
    let mut elsewhere = Case::probe(&[]);
    elsewhere.destination[15] ^= 1;
    assert_eq!(parse(&elsewhere.frame()), None);
    elsewhere.destination = VIP;
    assert_eq!(parse(&elsewhere.frame()), None);
}

#[test]
fn what_is_corrupt_or_cut_short_has_no_sender() {
    let frame = Case::solicitation(&ASKER_OPTION).frame();
    for length in 0..frame.len() {
        assert_eq!(parse(&frame[..length]), None, "{length} bytes");
    }
    for at in 14 + 8..frame.len() {
        let mut frame = frame.clone();
        frame[at] ^= 0x10;
        assert_eq!(parse(&frame), None, "byte {at}");
    }
}

#[test]
fn longer_messages_are_not_read() {
    let two = [ASKER_OPTION, NONCE].concat();
    assert_eq!(parse(&Case::solicitation(&two).frame()), None);
}

#[test]
fn answers_go_to_the_asker_or_to_everybody() {
    for (case, mac, destination, flags) in [
        (Case::solicitation(&ASKER_OPTION), ASKER_MAC, ASKER, 0xe0),
        (Case::solicitation(&[]), ASKER_MAC, ASKER, 0xe0),
        (Case::probe(&[]), [0x33, 0x33, 0, 0, 0, 1], ALL_NODES, 0xa0),
        (
            Case::probe(&NONCE),
            [0x33, 0x33, 0, 0, 0, 1],
            ALL_NODES,
            0xa0,
        ),
    ] {
        let mut frame = case.frame();
        let answer = Answer {
            at: 14,
            mac: MAC,
            asker_mac_at: ethernet::SOURCE_AT,
        };
        frame.resize(answer.frame_length(), 0);
        answer.write(&mut frame[..]).unwrap();

        let mut expected = [mac, MAC].concat();
        expected.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]);
        expected.extend(VIP);
        expected.extend(destination);
        expected.extend([136, 0, frame[56], frame[57], flags, 0, 0, 0]);
        expected.extend(VIP);
        expected.extend([2, 1]);
        expected.extend(MAC);
        assert_eq!(frame, expected);
        let answers = flags == 0xe0;
        assert_eq!(parse(&frame), Some((MAC, answers)));
    }
}

#[test]
fn an_answer_needs_its_room() {
    let mut frame = Case::solicitation(&[]).frame();
    let answer = Answer {
        at: 14,
        mac: MAC,
        asker_mac_at: ethernet::SOURCE_AT,
    };
    assert_eq!(answer.write(&mut frame[..]), None);
}
