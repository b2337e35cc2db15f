//! The frames of one virtual router, built when its interface is known, sent as they are.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::{
    types::Mac,
    wire::encode::{self, EncodeError, Format, Message},
};

use crate::{ids::InterfaceId, proto::Settings};

/// What a virtual router's frames are made of, beside its settings.
#[derive(Clone, Debug)]
pub struct FrameSpec {
    /// Version, with its password or its form of checksum.
    pub format: Format,
    /// The form in which each advert is sent once more, and the interval that it says.
    pub second_format: Option<(Format, Duration)>,
    /// The virtual IPs that adverts carry, in configured order: of the family of the source address.
    pub advertised: Vec<IpAddr>,
    /// Every virtual IP, of either family, in configured order.
    pub vips: Vec<IpAddr>,
    /// For each, the interface and MAC that it lives at if that is not where the adverts leave
    /// (`dev`).
    pub elsewhere: Vec<Option<(InterfaceId, Mac)>>,
    /// For each, the Virtual Router MAC if that is the MAC that it is found at.
    pub virtual_macs: Vec<Option<Mac>>,
    /// The Virtual Router MAC, if multicast adverts leave from it.
    pub advert_mac: Option<Mac>,
    /// Unicast peers; none for multicast.
    pub peers: Vec<IpAddr>,
    /// TTL of adverts to unicast peers.
    pub ttl: u8,
}

impl FrameSpec {
    /// Another interface than that of the adverts has this MAC. Tells whether a virtual IP is there that was
    /// found at another.
    pub fn set_mac_elsewhere(&mut self, interface: InterfaceId, mac: Mac) -> bool {
        let mut is_new = false;
        for (place, known) in self.elsewhere.iter_mut().flatten() {
            if *place == interface && *known != mac {
                *known = mac;
                is_new = true;
            }
        }
        is_new
    }

    /// Interface and MAC of each virtual IP, while the interface of the adverts is this one, with this
    /// MAC.
    pub fn places(
        &self,
        interface: InterfaceId,
        mac: Mac,
    ) -> impl Iterator<Item = (InterfaceId, Mac)> {
        let places = self.elsewhere.iter().zip(&self.virtual_macs);
        places.map(move |(elsewhere, virtual_mac)| {
            let (interface, mac) = elsewhere.unwrap_or((interface, mac));
            (interface, virtual_mac.unwrap_or(mac))
        })
    }
}

/// Prebuilt frames.
#[derive(Debug, Default)]
pub struct Frames {
    /// One frame to the group, or an IP packet to each peer; in two versions twice as many.
    adverts: Vec<Vec<u8>>,
    resignations: Vec<Vec<u8>>,
    /// Tells unicast peers where our source address is.
    source_announcement: Option<Vec<u8>>,
    /// One gratuitous ARP or unsolicited NA per virtual IP, by interface.
    announcements: Vec<(InterfaceId, Vec<Vec<u8>>)>,
}

impl Frames {
    /// Builds every frame for this source address, interface and MAC.
    ///
    /// # Errors
    /// When the settings cannot be expressed on the wire, which the configuration rules out.
    pub fn build(
        spec: &FrameSpec,
        settings: &Settings,
        interface: InterfaceId,
        mac: Mac,
    ) -> Result<Self, EncodeError> {
        // An owner's virtual IP is announced by who owns it.
        let tells_source = !spec.peers.is_empty() && !spec.vips.contains(&settings.primary);
        let mut announcements = Vec::<(InterfaceId, Vec<Vec<u8>>)>::new();
        for (vip, (interface, mac)) in spec.vips.iter().zip(spec.places(interface, mac)) {
            let frame = encode::announcement(mac, *vip, true);
            match announcements
                .iter_mut()
                .find(|(known, _)| *known == interface)
            {
                Some((_, frames)) => frames.push(frame),
                None => announcements.push((interface, vec![frame])),
            }
        }
        Ok(Self {
            adverts: adverts(spec, settings, mac, settings.priority)?,
            resignations: Self::resignations(spec, settings, mac)?,
            source_announcement: tells_source
                .then(|| encode::announcement(mac, settings.primary, true)),
            announcements,
        })
    }

    /// The adverts with priority 0 alone, as [`build`](Self::build) makes them.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn resignations(
        spec: &FrameSpec,
        settings: &Settings,
        mac: Mac,
    ) -> Result<Vec<Vec<u8>>, EncodeError> {
        adverts(spec, settings, mac, 0)
    }

    /// The advert with our priority, or with priority 0: one frame to the group, or an IP packet to
    /// each peer in the order of [`FrameSpec::peers`]; then the same in the second format.
    pub fn adverts(&self, priority: u8) -> impl Iterator<Item = &[u8]> {
        let frames = if priority == 0 {
            &self.resignations
        } else {
            &self.adverts
        };
        frames.iter().map(Vec::as_slice)
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
}

/// Adverts with this priority, in the order of [`Frames::adverts`].
fn adverts(
    spec: &FrameSpec,
    settings: &Settings,
    mac: Mac,
    priority: u8,
) -> Result<Vec<Vec<u8>>, EncodeError> {
    let first = (spec.format, settings.advert_interval);
    let mut frames = Vec::new();
    for (format, interval) in std::iter::once(first).chain(spec.second_format) {
        let message = Message {
            format,
            vrid: settings.vrid,
            priority,
            interval,
            addresses: &spec.advertised,
            source: settings.primary,
        };
        if spec.peers.is_empty() {
            //= C3: RFC 9568 section 7.2
            let source = spec.advert_mac.unwrap_or(mac);
            frames.push(encode::advert(source, &message)?);
        }
        for peer in &spec.peers {
            frames.push(encode::unicast(&message, *peer, spec.ttl)?);
        }
    }
    Ok(frames)
}
