//! The frames of one virtual router, built when its interface is known, sent as they are.

use std::net::IpAddr;

use crate::proto::{
    Settings,
    advert::{EncodeError, Format, Message},
    frame,
};

/// What a virtual router's frames are made of, beside its settings.
#[derive(Clone, Debug)]
pub struct FrameSpec {
    /// Version, with its password or its form of checksum.
    pub format: Format,
    /// The virtual IPs, in configured order.
    pub vips: Vec<IpAddr>,
}

/// Prebuilt frames.
#[derive(Debug, Default)]
pub struct Frames {
    advert: Vec<u8>,
    resignation: Vec<u8>,
    /// One gratuitous ARP or unsolicited NA per virtual IP.
    announcements: Vec<Vec<u8>>,
}

impl Frames {
    /// Builds every frame for this source address and MAC.
    ///
    /// # Errors
    /// When the settings cannot be expressed on the wire, which the configuration rules out.
    pub fn build(
        spec: &FrameSpec,
        settings: &Settings,
        mac: frame::Mac,
    ) -> Result<Self, EncodeError> {
        let advert = |priority| {
            let message = Message {
                format: spec.format,
                vrid: settings.vrid,
                priority,
                interval: settings.advert_interval,
                addresses: &spec.vips,
                source: settings.primary,
            };
            frame::advert(mac, &message)
        };
        let announcement = |vip: &IpAddr| frame::announcement(mac, *vip, true);
        Ok(Self {
            advert: advert(settings.priority)?,
            resignation: advert(0)?,
            announcements: spec.vips.iter().map(announcement).collect(),
        })
    }

    /// The advert with our priority, or with priority 0.
    #[must_use]
    pub fn advert(&self, priority: u8) -> &[u8] {
        if priority == 0 {
            &self.resignation
        } else {
            &self.advert
        }
    }

    /// Every announcement, `repeat` times: each virtual IP once before any a second time, so that
    /// the last one does not wait for the repeats of the first.
    pub fn announcements(&self, repeat: u8) -> impl Iterator<Item = &[u8]> {
        (0..repeat).flat_map(|_| self.announcements.iter().map(Vec::as_slice))
    }
}
