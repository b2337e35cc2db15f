//! The frames of one virtual router, built when its interface is known, sent as they are.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::{
    types::Mac,
    wire::encode::{self, EncodeError, Format, Message},
};

use crate::{ids::InterfaceId, proto::Settings};

/// What a virtual router's frames are made of, beside its settings.
#[derive(Clone, Debug)]
pub(super) struct FrameSpec<'a> {
    /// The settings, with the source address.
    pub(super) settings: &'a Settings,
    /// The priority that adverts say.
    pub(super) priority: u8,
    /// Version, with its password or its form of checksum.
    pub(super) format: Format,
    /// The form in which each advert is sent once more, and the interval that it says.
    pub(super) second_format: Option<(Format, Duration)>,
    /// The virtual IPs that adverts carry, in configured order: of the family of the source address.
    pub(super) advertised: &'a [IpAddr],
    /// Every virtual IP, of either family, in configured order, with the interface that it is on, and the MAC that it
    /// is found at.
    pub(super) vips: Vec<(IpAddr, InterfaceId, Mac)>,
    /// MAC of the interface that adverts leave by.
    pub(super) mac: Mac,
    /// The Virtual Router MAC, if multicast adverts leave from it.
    pub(super) advert_mac: Option<Mac>,
    /// Unicast peers; none for multicast.
    pub(super) peers: Option<Vec<IpAddr>>,
    /// TTL of adverts to unicast peers.
    pub(super) ttl: u8,
}

/// One gratuitous ARP or unsolicited NA per virtual IP, by interface.
pub(super) type Announcements = Vec<(InterfaceId, Vec<Vec<u8>>)>;

/// Prebuilt frames.
#[derive(Debug, Default)]
pub struct Frames {
    /// One frame to the group, or an IP packet to each peer; in two versions twice as many.
    adverts: Vec<Vec<u8>>,
    resignations: Vec<Vec<u8>>,
    /// Where packets go, in turn; none for multicast.
    peers: Option<Vec<IpAddr>>,
    /// Tells unicast peers where our source address is.
    source_announcement: Option<Vec<u8>>,
    announcements: Announcements,
    /// Of `announcements` those that neighbours have not heard from the router, which may serve already.
    fresh: Announcements,
}

impl Frames {
    /// Builds every frame. `known` has the announcements that neighbours may have heard already.
    ///
    /// # Errors
    /// When the settings cannot be expressed on the wire, which the configuration rules out.
    pub(super) fn build(spec: FrameSpec<'_>, known: &Announcements) -> Result<Self, EncodeError> {
        let FrameSpec {
            settings,
            vips,
            mac,
            ..
        } = &spec;
        // An owner's virtual IP is announced by who owns it.
        let mut addresses = vips.iter().map(|(vip, ..)| *vip);
        let is_virtual = addresses.any(|vip| vip == settings.primary);
        let tells_source = spec.peers.is_some() && !is_virtual;
        let frames = vips.iter().map(|(vip, interface, mac)| {
            let frame = encode::announcement(*mac, *vip, true);
            (*interface, frame)
        });
        let announcements = grouped(frames);
        let fresh = announcements.iter().flat_map(|(interface, frames)| {
            let heard = known.iter().find(|(known, _)| known == interface);
            let heard = heard.map_or(&[][..], |(_, heard)| heard);
            let fresh = frames.iter().filter(|frame| !heard.contains(frame));
            fresh.map(|frame| (*interface, frame.clone()))
        });
        Ok(Self {
            adverts: adverts(&spec, spec.priority)?,
            resignations: adverts(&spec, 0)?,
            source_announcement: tells_source
                .then(|| encode::announcement(*mac, settings.primary, true)),
            fresh: grouped(fresh),
            announcements,
            peers: spec.peers,
        })
    }

    /// The advert with our priority, or with priority 0: one frame to the group, or an IP packet to
    /// each of [`peers`](Self::peers) in turn; then the same in the second format.
    pub fn adverts(&self, priority: u8) -> impl Iterator<Item = &[u8]> {
        let frames = if priority == 0 {
            &self.resignations
        } else {
            &self.adverts
        };
        frames.iter().map(Vec::as_slice)
    }

    /// Where packets go, in turn; none for multicast.
    #[must_use]
    pub fn peers(&self) -> Option<&[IpAddr]> {
        self.peers.as_deref()
    }

    /// The announcement of our own source address, of a router with unicast peers.
    #[must_use]
    pub fn source_announcement(&self) -> Option<&[u8]> {
        self.source_announcement.as_deref()
    }

    /// By interface one announcement per virtual IP.
    #[must_use]
    pub fn announcements(&self) -> &[(InterfaceId, Vec<Vec<u8>>)] {
        &self.announcements
    }

    /// Those of virtual IPs that are new, or are found at another MAC than before.
    #[must_use]
    pub fn fresh(&self) -> &[(InterfaceId, Vec<Vec<u8>>)] {
        &self.fresh
    }
}

fn grouped(frames: impl Iterator<Item = (InterfaceId, Vec<u8>)>) -> Announcements {
    let mut groups = Announcements::new();
    for (interface, frame) in frames {
        match groups.iter_mut().find(|(known, _)| *known == interface) {
            Some((_, frames)) => frames.push(frame),
            None => groups.push((interface, vec![frame])),
        }
    }
    groups
}

/// Adverts with this priority, in the order of [`Frames::adverts`].
fn adverts(spec: &FrameSpec<'_>, priority: u8) -> Result<Vec<Vec<u8>>, EncodeError> {
    let settings = spec.settings;
    let first = (spec.format, settings.advert_interval);
    let mut frames = Vec::new();
    for (format, interval) in std::iter::once(first).chain(spec.second_format) {
        let message = Message {
            format,
            vrid: settings.vrid,
            priority,
            interval,
            addresses: spec.advertised,
            source: settings.primary,
        };
        let Some(peers) = &spec.peers else {
            //= C3: RFC 9568 section 7.2
            let source = spec.advert_mac.unwrap_or(spec.mac);
            frames.push(encode::advert(source, &message)?);
            continue;
        };
        for peer in peers {
            frames.push(encode::unicast(&message, *peer, spec.ttl)?);
        }
    }
    Ok(frames)
}
