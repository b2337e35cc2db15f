//! How a virtual router sends its adverts, and what the programs demand of others.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::{
    abi::{self, RouterEntry, router_flags},
    types::address_bytes,
    wire::encode::Format,
};

use crate::{
    config::{Auth, Instance},
    proto::{Settings, Version},
};

/// Of adverts.
pub(super) fn format(instance: &Instance) -> Format {
    match instance.settings.version {
        Version::V2 => version_2(instance),
        Version::V3 => Format::V3 {
            pseudo_header: !instance.v3_checksum_as_v2,
        },
    }
}

/// The form in which each advert is sent once more, and the interval that it says.
pub(super) fn second_format(instance: &Instance) -> Option<(Format, Duration)> {
    //= C68: RFC 9568 section 8.4.2
    let interval = instance.settings.departures.also_version_2?;
    Some((version_2(instance), interval))
}

fn version_2(instance: &Instance) -> Format {
    Format::V2 {
        password: instance.auth.map(|Auth::Pass(password)| password),
    }
}

fn digest(advertised: &[IpAddr]) -> u32 {
    advertised.iter().fold(0, |digest, vip| match vip {
        IpAddr::V4(address) => abi::address_digest(digest, address.octets()),
        IpAddr::V6(address) => abi::address_digest_v6(digest, address.to_bits()),
    })
}

/// The receive checks.
pub(super) fn entry(
    instance: &Instance,
    slot: u32,
    settings: &Settings,
    priority: u8,
    advertised: &[IpAddr],
) -> RouterEntry {
    let version = match settings.version {
        Version::V2 => router_flags::ACCEPT_V2,
        Version::V3 if settings.departures.also_version_2.is_some() => {
            router_flags::ACCEPT_V2 | router_flags::ACCEPT_V3
        }
        Version::V3 => router_flags::ACCEPT_V3,
    };
    let check = if instance.skip_check_adv_addr {
        router_flags::SKIP_ADDRESS_CHECK
    } else {
        0
    };
    let transport = match &instance.unicast {
        None => 0,
        Some(unicast) if unicast.check_source => router_flags::UNICAST | router_flags::CHECK_SOURCE,
        Some(_) => router_flags::UNICAST,
    };
    let (auth_type, auth_data) = match instance.auth {
        Some(Auth::Pass(password)) => (1, password),
        None => (0, [0; 8]),
    };
    RouterEntry {
        slot,
        flags: version | check | transport,
        primary: address_bytes(settings.primary),
        address_digest: digest(advertised),
        address_count: u16::try_from(advertised.len()).unwrap_or(u16::MAX),
        interval_cs: u16::try_from(settings.advert_interval.as_millis() / 10).unwrap_or(u16::MAX),
        auth_type,
        priority,
        _pad: [0; 2],
        auth_data,
    }
}
