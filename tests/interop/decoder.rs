//! The third opinion: tcpdump writes down the adverts that leave our router, over IPv6 also the
//! Neighbour Advertisements, and tshark, which shares no line with us, decodes them.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use vrrp_tests::{lab::Lab, process::Process, run};

use crate::row::Family;

/// Time limit for tcpdump's start and end.
const LIMIT: Duration = Duration::from_secs(20);

/// What tshark is asked of each advert over IPv4, in this order.
const ADVERT: [&str; 9] = [
    "ip.dst",
    "ip.ttl",
    "vrrp.version",
    "vrrp.type",
    "vrrp.checksum.status",
    "vrrp.ip_addr",
    "_ws.expert.message",
    "_ws.malformed",
    "ip.checksum.status",
];
/// The same over IPv6, whose header has no checksum.
const ADVERT_V6: [&str; 8] = [
    "ipv6.dst",
    "ipv6.hlim",
    "vrrp.version",
    "vrrp.type",
    "vrrp.checksum.status",
    "vrrp.ipv6_addr",
    "_ws.expert.message",
    "_ws.malformed",
];
/// What it is asked of each Neighbour Advertisement, in this order.
const NEIGHBOUR: [&str; 11] = [
    "icmpv6.nd.na.target_address",
    "ipv6.dst",
    "eth.src",
    "ipv6.hlim",
    "icmpv6.checksum.status",
    "icmpv6.nd.na.flag.r",
    "icmpv6.nd.na.flag.s",
    "icmpv6.nd.na.flag.o",
    "icmpv6.opt.linkaddr",
    "_ws.expert.message",
    "_ws.malformed",
];
/// tshark's word for a checksum that is right, and for a flag that is set.
const GOOD: &str = "1";

/// A capture of what one router says.
#[derive(Debug)]
pub(crate) struct Decoder {
    tcpdump: Process,
    file: PathBuf,
    _folder: TempDir,
}

impl Decoder {
    /// Starts to capture what router `number` sends.
    pub(crate) fn start(lab: &Lab, number: u8, family: Family) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the capture")?;
        let file = folder.path().join("adverts.pcap");
        let port = format!("to-r{number}");
        let mut command = lab.switch.netns().command("tcpdump");
        // As root to the end: another user may not write into the folder.
        command.args(["-Z", "root", "-U", "-Q", "in", "-i", &port, "-w"]);
        command.arg(&file).arg(match family {
            Family::V4 => "ip proto 112",
            // Byte 40 of a packet without extension headers: the type.
            Family::V6 => "ip6 proto 112 or (ip6 proto 58 and ip6[40] == 136)",
        });
        let tcpdump = Process::start(command)?;
        tcpdump.log().wait("listening on", LIMIT)?;
        Ok(Self {
            tcpdump,
            file,
            _folder: folder,
        })
    }

    /// Ends the capture and returns how many adverts there are, none of which tshark finds fault
    /// with.
    pub(crate) fn stop(mut self, expected: &Expected) -> Result<usize> {
        self.tcpdump.signal(Signal::SIGINT)?;
        self.tcpdump.wait(LIMIT)?;
        let adverts = expected.judge_adverts(&self.file)?;
        ensure!(adverts > 0, "no advert of ours was captured");
        if expected.family == Family::V6 {
            let answers = expected.judge_neighbours(&self.file)?;
            ensure!(
                answers > 0,
                "no Neighbour Advertisement of ours was captured"
            );
        }
        Ok(adverts)
    }
}

/// What our router is to say.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) version: u8,
    pub(crate) family: Family,
    /// Where adverts may go.
    pub(crate) destinations: Vec<IpAddr>,
    /// Of its interface.
    pub(crate) mac: [u8; 6],
}

impl Expected {
    /// How many adverts a capture has; refuses one that is not as it must be.
    fn judge_adverts(&self, capture: &Path) -> Result<usize> {
        let (filter, fields) = match self.family {
            Family::V4 => ("ip.proto == 112", &ADVERT[..]),
            Family::V6 => ("ipv6.nxt == 112", &ADVERT_V6[..]),
        };
        let version = self.version.to_string();
        let vips = self.family.vips().map(|vip| vip.to_string()).join(",");
        let expected = ["255", &version, "1", GOOD, &vips, "", "", GOOD];
        let adverts = decoded(capture, filter, fields)?;
        for (number, advert) in (1..).zip(adverts.lines()) {
            let (destination, rest) = advert.split_once('\t').unwrap_or((advert, ""));
            let mut allowed = self.destinations.iter().map(IpAddr::to_string);
            ensure!(
                allowed.any(|one| one == destination),
                "advert {number} of ours was sent to {destination:?}"
            );
            demand(&fields[1..], rest, &expected)
                .with_context(|| format!("advert {number} of ours, as tshark decodes it"))?;
        }
        Ok(adverts.lines().count())
    }

    /// How many Neighbour Advertisements for virtual IPs a capture has; refuses one that is not as it
    /// must be. The kernel's own, for the router's own addresses, are none of ours.
    fn judge_neighbours(&self, capture: &Path) -> Result<usize> {
        let vips = self.family.vips().map(|vip| vip.to_string());
        let mac = self.mac.map(|byte| format!("{byte:02x}")).join(":");
        let told = decoded(capture, "ipv6.nxt == 58", &NEIGHBOUR)?;
        let mut count = 0;
        for line in told.lines() {
            let mut found = line.splitn(3, '\t');
            let [target, destination, rest] = [(); 3].map(|()| found.next().unwrap_or_default());
            if !vips.iter().any(|vip| vip == target) {
                continue;
            }
            count += 1;
            // To everybody it answers nobody.
            let solicited = if destination == "ff02::1" { "0" } else { "1" };
            let expected = [mac.as_str(), "255", GOOD, "1", solicited, "1", &mac, "", ""];
            demand(&NEIGHBOUR[2..], rest, &expected).with_context(|| {
                format!("our advertisement {count} of {target}, as tshark decodes it")
            })?;
        }
        Ok(count)
    }
}

/// The fields of the frames of a capture that pass tshark's filter: a line each, separated by tabs.
fn decoded(capture: &Path, filter: &str, fields: &[&str]) -> Result<String> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture).args(["-Y", filter]);
    tshark.args(["-o", "ip.check_checksum:TRUE", "-T", "fields"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    run::run(&mut tshark)
}

/// Compares fields, as many as there are names, with what they must be.
fn demand(names: &[&str], found: &str, expected: &[&str]) -> Result<()> {
    let mut found = found.split('\t');
    for (name, expected) in names.iter().zip(expected) {
        let found = found.next().unwrap_or_default();
        ensure!(found == *expected, "{name} is {found:?}, not {expected:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use vrrp_tests::{
        frames::v6::{Advert, Neighbour},
        lab::{LINK_LOCAL_VIP, VIP_V6},
    };

    use super::*;

    /// An advert of version 3 for 192.168.1.254 and 192.168.1.253, priority 200, as captured but for
    /// the second address.
    const FRAME: [u8; 50] = [
        0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x33, 0x08, 0x00, //
        0x45, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18, 0xed, //
        0xc0, 0xa8, 0x01, 0x01, 0xe0, 0x00, 0x00, 0x12, //
        0x31, 0x33, 0xc8, 0x02, 0x00, 0x64, 0xde, 0xdc, //
        0xc0, 0xa8, 0x01, 0xfe, 0xc0, 0xa8, 0x01, 0xfd,
    ];
    const OURS: [u8; 6] = [2, 0, 0, 0, 0, 2];

    fn expected(family: Family) -> Expected {
        Expected {
            version: 3,
            family,
            destinations: vec![family.group()],
            mac: OURS,
        }
    }

    /// A capture of one frame.
    fn captured(frame: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.pcap");
        let length = u32::try_from(frame.len()).unwrap();
        // The file's header, Ethernet, and the frame's.
        let words = [
            0xa1b2_c3d4,
            0x0004_0002,
            0,
            0,
            65535,
            1,
            1,
            0,
            length,
            length,
        ];
        let header = words.iter().flat_map(|word: &u32| word.to_le_bytes());
        let bytes: Vec<u8> = header.chain(frame.iter().copied()).collect();
        fs::write(&file, bytes).unwrap();
        (folder, file)
    }

    /// What tshark makes of an advert in a capture.
    fn judged(family: Family, frame: &[u8]) -> Result<usize> {
        let (_folder, file) = captured(frame);
        expected(family).judge_adverts(&file)
    }

    #[test]
    fn tshark_finds_the_fault() {
        assert_eq!(judged(Family::V4, &FRAME).unwrap(), 1);
        let with = |index: usize, value: u8| {
            let mut frame = FRAME;
            frame[index] = value;
            format!("{:#}", judged(Family::V4, &frame).unwrap_err())
        };
        assert!(with(36, 201).contains("checksum.status"));
        assert!(with(22, 64).contains("ip.ttl"));
        assert!(with(34, 0x21).contains("vrrp.version"));
        assert!(with(33, 0x13).contains("sent to \"224.0.0.19\""));
        judged(Family::V4, &FRAME[..40]).unwrap_err();
    }

    #[test]
    fn tshark_finds_the_fault_over_ipv6() {
        let vips = [LINK_LOCAL_VIP.octets(), VIP_V6.octets()];
        let good = Advert::v3(51, &vips);
        assert_eq!(judged(Family::V6, &good.build()).unwrap(), 1);
        let fault = |bend: &dyn Fn(&mut Advert)| {
            let mut advert = good.clone();
            bend(&mut advert);
            format!("{:#}", judged(Family::V6, &advert.build()).unwrap_err())
        };
        assert!(fault(&|advert| advert.addresses.reverse()).contains("vrrp.ipv6_addr"));
        assert!(fault(&|advert| advert.ip.hop_limit = 64).contains("ipv6.hlim"));
        assert!(fault(&|advert| advert.ip.destination[15] = 1).contains("sent to \"ff02::1\""));
        let frame = good.build();
        judged(Family::V6, &frame[..frame.len() - 16]).unwrap_err();
    }

    #[test]
    fn tshark_finds_the_fault_in_an_announcement() {
        let judged = |told: &Neighbour| {
            let (_folder, file) = captured(&told.build());
            expected(Family::V6).judge_neighbours(&file)
        };
        let good = Neighbour::announcement(VIP_V6.octets());
        assert_eq!(judged(&good).unwrap(), 1);
        let fault = |bend: &dyn Fn(&mut Neighbour)| {
            let mut told = good.clone();
            bend(&mut told);
            format!("{:#}", judged(&told).unwrap_err())
        };
        assert!(fault(&|told| told.flags = 0xe0).contains("flag.s"));
        assert!(fault(&|told| told.flags = 0x80).contains("flag.o"));
        assert!(fault(&|told| told.corrupt = true).contains("checksum.status"));
        assert!(fault(&|told| told.options.clear()).contains("linkaddr"));
        // Somebody's own address.
        let other = Neighbour::announcement(LINK_LOCAL_VIP.octets().map(|byte| byte ^ 1));
        assert_eq!(judged(&other).unwrap(), 0);
    }
}
