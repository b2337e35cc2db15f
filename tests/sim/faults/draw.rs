//! What a seed makes of a world: its nodes, and its storms.

use std::{net::IpAddr, time::Duration};

use vrrp_user::proto::{Departures, Family, Garp, InitialState, Lease, Settings, Version};

use crate::{
    chance::{Dice, Weather},
    clock::Clock,
    planted::Plant,
    world::Build,
};

/// One router's settings; the index makes its address.
pub(crate) fn settings(index: usize, interval: Duration, priority: u8) -> Settings {
    Settings {
        vrid: 51,
        version: Version::V3,
        family: Family::V4,
        priority,
        owner: priority == 255,
        advert_interval: interval,
        initial: InitialState::Backup,
        preempt: true,
        preempt_delay: Duration::ZERO,
        lease: Lease::Auto,
        garp: Garp {
            repeat: 1,
            delay: Duration::ZERO,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
        },
        departures: Departures::default(),
        // 1, 62, 123, 184, 5: some octets look negative.
        primary: IpAddr::from([192, 168, 1, number(index)]),
    }
}

/// The same router with IPv6.
pub(crate) fn with_ipv6(index: usize, settings: Settings) -> Settings {
    Settings {
        family: Family::V6,
        primary: IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, number(index).into()]),
        ..settings
    }
}

/// Its address in the network.
fn number(index: usize) -> u8 {
    u8::try_from(60 * (index % 4) + 1 + index).unwrap()
}

/// The nodes and the storms of a world, and the interval that all others are multiples of, if there are others. With a
/// planted fault there is one virtual router.
pub(super) fn draw(
    dice: &mut Dice,
    plant: Option<Plant>,
) -> (Vec<Build>, Weather, Option<Duration>) {
    let count = dice.pick(&[2, 2, 3, 3, 4, 5]);
    let routers = dice.pick(&[1_u8, 1, 1, 2, 3]);
    let routers = if plant.is_some() { 1 } else { routers };
    let (version, interval) = if dice.chance(100) {
        (Version::V2, dice.pick(&[1000, 2000]))
    } else {
        (Version::V3, dice.pick(&[10, 10, 10, 20, 50, 1000]))
    };
    let crowded = dice.chance(150);
    let ipv6 = version == Version::V3 && dice.chance(300);
    // A stamp tells when an advert came, and not what interval it said.
    let loses = plant.is_some_and(Plant::loses_records);
    let mixed = version == Version::V3 && !crowded && dice.chance(300) && !loses;
    let changes = version == Version::V3 && !crowded && !loses;
    let equal = dice.chance(250);
    let preempt = dice.pick(&[Some(true), Some(true), Some(false), None]);
    let lease = if dice.chance(80) {
        Lease::Off
    } else {
        Lease::Auto
    };
    let mut drawn = |index, router| {
        let multiple = if mixed { dice.range(1, 3) } else { 1 };
        let interval = Duration::from_millis(interval * multiple);
        let priority = if equal { 100 } else { priority(dice, index) };
        let settings = Settings {
            vrid: 51 + router,
            version,
            initial: if dice.chance(200) {
                InitialState::Master
            } else {
                InitialState::Backup
            },
            preempt: preempt.unwrap_or_else(|| dice.chance(500)),
            preempt_delay: if dice.chance(50) {
                interval * 5
            } else {
                Duration::ZERO
            },
            lease,
            garp: Garp {
                repeat: 1,
                delay: dice.pick(&[Duration::ZERO, interval * 3]),
                refresh: dice.pick(&[Duration::ZERO, interval * 2]),
                refresh_repeat: 1,
            },
            ..settings(index, interval, priority)
        };
        if ipv6 {
            with_ipv6(index, settings)
        } else {
            settings
        }
    };
    let settings = (0..count).map(|index| {
        let of_the_node = (0..routers).map(|router| drawn(index, router));
        of_the_node.collect()
    });
    let settings = Vec::from_iter(settings);
    let build = |settings| Build {
        settings,
        clock: Clock {
            base: dice.range(1_000_000_000, 1_000_000_000_000),
            ppm: dice.range(0, 600).cast_signed() - 300,
        },
        ring: if crowded {
            dice.pick(&[2, 8, 32])
        } else {
            4096
        },
    };
    let builds = settings.into_iter().map(build).collect();
    let base = Duration::from_millis(interval);
    (
        builds,
        storm(dice, interval * 1_000_000),
        changes.then_some(base),
    )
}

pub(super) fn priority(dice: &mut Dice, index: usize) -> u8 {
    if index == 0 && dice.chance(50) {
        return 255;
    }
    let any = u8::try_from(dice.range(1, 254)).unwrap();
    dice.pick(&[any, any, 254, 253, 100, 1])
}

fn storm(dice: &mut Dice, interval: u64) -> Weather {
    let calm = Weather::FAIR.delay.1;
    Weather {
        loss: dice.pick(&[0, 0, 50, 200, 400]),
        duplication: dice.pick(&[0, 0, 100]),
        delay: (
            20_000,
            dice.pick(&[calm, calm, interval / 5, interval / 2, interval * 3 / 2]),
        ),
        stall: dice.pick(&[0, 0, 2, 20]),
        stall_max: dice.pick(&[interval / 2, interval * 5, interval * 20]),
        refusal: dice.pick(&[0, 0, 50, 500]),
        queueing: dice.pick(&[0, 0, 100, 500]),
        queued_max: dice.pick(&[interval / 10, interval / 2, interval * 2]),
        netlink: 30_000_000,
    }
}
