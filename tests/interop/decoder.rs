//! The third opinion: tcpdump writes down the adverts that leave our router, and tshark, which
//! shares no line with us, decodes them.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use vrrp_tests::{lab::Lab, process::Process, run};

/// Time limit for tcpdump's start and end.
const LIMIT: Duration = Duration::from_secs(20);

/// What tshark is asked of each advert, in this order.
const FIELDS: [&str; 8] = [
    "ip.dst",
    "ip.ttl",
    "ip.checksum.status",
    "vrrp.version",
    "vrrp.type",
    "vrrp.checksum.status",
    "_ws.expert.message",
    "_ws.malformed",
];
/// tshark's word for a checksum that is right.
const GOOD: &str = "1";

/// A capture of the adverts that one router sends.
#[derive(Debug)]
pub(crate) struct Decoder {
    tcpdump: Process,
    file: PathBuf,
    _folder: TempDir,
}

impl Decoder {
    /// Starts to capture what router `number` sends.
    pub(crate) fn start(lab: &Lab, number: u8) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the capture")?;
        let file = folder.path().join("adverts.pcap");
        let port = format!("to-r{number}");
        let mut command = lab.switch.netns().command("tcpdump");
        // As root to the end: another user may not write into the folder.
        command.args(["-Z", "root", "-U", "-Q", "in", "-i", &port, "-w"]);
        command.arg(&file).args(["ip", "proto", "112"]);
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
    pub(crate) fn stop(mut self, version: u8, destinations: &[Ipv4Addr]) -> Result<usize> {
        self.tcpdump.signal(Signal::SIGINT)?;
        self.tcpdump.wait(LIMIT)?;
        let count = judge_file(&self.file, version, destinations)?;
        ensure!(count > 0, "no advert of ours was captured");
        Ok(count)
    }
}

fn judge_file(capture: &Path, version: u8, destinations: &[Ipv4Addr]) -> Result<usize> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture);
    tshark.args(["-o", "ip.check_checksum:TRUE", "-T", "fields"]);
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    let adverts = run::run(&mut tshark)?;
    for (number, advert) in (1..).zip(adverts.lines()) {
        judge(advert, version, destinations)
            .with_context(|| format!("advert {number} of ours, as tshark decodes it"))?;
    }
    Ok(adverts.lines().count())
}

/// Refuses what tshark says of an advert that is not as it must be.
fn judge(advert: &str, version: u8, destinations: &[Ipv4Addr]) -> Result<()> {
    let mut found = advert.split('\t');
    let destination = found.next().unwrap_or_default();
    ensure!(
        destinations
            .iter()
            .any(|one| one.to_string() == destination),
        "sent to {destination}"
    );
    let version = version.to_string();
    let expected = ["255", GOOD, &version, "1", GOOD, "", ""];
    for (name, expected) in FIELDS.into_iter().skip(1).zip(expected) {
        let found = found.next().unwrap_or_default();
        ensure!(found == expected, "{name} is {found:?}, not {expected:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
    /// An advert of version 3 for 192.168.1.254, priority 200, as captured.
    const ADVERT: [u8; 46] = [
        0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x33, 0x08, 0x00, //
        0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18, 0xf1, //
        0xc0, 0xa8, 0x01, 0x01, 0xe0, 0x00, 0x00, 0x12, //
        0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0xa1, 0x87, 0xc0, 0xa8, 0x01, 0xfe,
    ];

    /// What tshark makes of a frame in a capture.
    fn judged(frame: &[u8]) -> Result<usize> {
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
        judge_file(&file, 3, &[GROUP])
    }

    #[test]
    fn tshark_finds_the_fault() {
        assert_eq!(judged(&ADVERT).unwrap(), 1);
        let with = |index: usize, value: u8| {
            let mut frame = ADVERT;
            frame[index] = value;
            format!("{:#}", judged(&frame).unwrap_err())
        };
        assert!(with(36, 201).contains("checksum.status"));
        assert!(with(22, 64).contains("ip.ttl"));
        assert!(with(34, 0x21).contains("vrrp.version"));
        assert!(with(33, 0x13).contains("sent to 224.0.0.19"));
        judged(&ADVERT[..40]).unwrap_err();
    }
}
