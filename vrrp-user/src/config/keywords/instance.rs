//! Keywords of a `vrrp_instance`, of its `authentication`, and of `global_defs` where both have them.

use std::time::Duration;

use super::{
    super::{common, instance, transport, value},
    Action::{Auth, Common, Own},
    Again, Context, ReadAuth, ReadCommon, ReadOwn, Row,
    Support::{self, Accepted, Ignored, Mail, Refused},
    Takes,
};

pub(super) const ROWS: &[Row] = &[
    both(
        "check_unicast_src",
        "vrrp_check_unicast_src",
        |common, statement, report| {
            common.check_unicast_src = value::flag(statement, report).unwrap_or_default();
        },
    ),
    both(
        "down_timer_adverts",
        "vrrp_down_timer_adverts",
        |common, statement, report| {
            common.down_timer_adverts(statement, report);
        },
    ),
    both(
        "garp_master_delay",
        "vrrp_garp_master_delay",
        |common, statement, report| {
            value::keep(
                &mut common.garp.delay,
                common::whole_seconds(statement, report),
            );
        },
    ),
    both(
        "garp_master_refresh",
        "vrrp_garp_master_refresh",
        |common, statement, report| {
            value::keep(
                &mut common.garp.refresh,
                common::whole_seconds(statement, report),
            );
        },
    ),
    both(
        "garp_master_refresh_repeat",
        "vrrp_garp_master_refresh_repeat",
        |common, statement, report| {
            value::keep(
                &mut common.garp.refresh_repeat,
                common::repeats(statement, report),
            );
        },
    ),
    both(
        "garp_master_repeat",
        "vrrp_garp_master_repeat",
        |common, statement, report| {
            value::keep(&mut common.garp.repeat, common::repeats(statement, report));
        },
    ),
    both(
        "higher_prio_send_advert",
        "vrrp_higher_prio_send_advert",
        |common, statement, report| {
            common.higher_prio_send_advert = value::flag(statement, report);
        },
    ),
    both(
        "lower_prio_no_advert",
        "vrrp_lower_prio_no_advert",
        |common, statement, report| {
            let on = value::flag(statement, report).unwrap_or_default();
            common.departures.lower_prio_no_advert = on;
        },
    ),
    both(
        "skip_check_adv_addr",
        "vrrp_skip_check_adv_addr",
        |common, statement, report| {
            common.skip_check_adv_addr = value::flag(statement, report).unwrap_or_default();
        },
    ),
    both("strict_mode", "vrrp_strict", |common, statement, report| {
        common.strict = value::flag(statement, report).unwrap_or_default();
    }),
    both(
        "v3_checksum_as_v2",
        "v3_checksum_as_v2",
        |common, statement, report| {
            common.v3_checksum_as_v2 = value::flag(statement, report).unwrap_or_default();
        },
    ),
    both("version", "vrrp_version", |common, statement, report| {
        value::keep(&mut common.version, common::version(statement, report));
    }),
    own("accept", |draft, statement, _| {
        draft.accept = Some((true, statement))
    }),
    own("advert_int", |draft, statement, report| {
        let range = instance::MIN_ADVERT_INT..=instance::MAX_ADVERT_INT;
        value::keep(
            &mut draft.advert_int,
            value::seconds(statement, range, report),
        );
    }),
    own("authentication", |draft, statement, report| {
        draft.authentication(statement, report)
    })
    .takes(Takes::Block)
    .again(Again::All),
    auth("auth_pass", |auth, statement, report| {
        auth.pass(statement, report)
    }),
    auth("auth_type", |auth, statement, report| {
        auth.auth_type(statement, report)
    }),
    own("interface", |draft, statement, report| {
        draft.interface(statement, report)
    }),
    own("lease", |draft, statement, report| {
        value::keep(&mut draft.lease, instance::lease(statement, report));
    }),
    own("mcast_src_ip", |draft, statement, report| {
        draft.transport.source(statement, report)
    }),
    own("no_accept", |draft, statement, _| {
        draft.accept = Some((false, statement))
    }),
    own("nopreempt", |draft, statement, _| {
        draft.nopreempt = Some(statement)
    })
    .again(Again::All),
    script("notify_master", |draft, statement, report| {
        draft.script(|notify| &mut notify.master, statement, report);
    }),
    script("notify_backup", |draft, statement, report| {
        draft.script(|notify| &mut notify.backup, statement, report);
    }),
    script("notify_fault", |draft, statement, report| {
        draft.script(|notify| &mut notify.fault, statement, report);
    }),
    script("notify_stop", |draft, statement, report| {
        draft.script(|notify| &mut notify.stop, statement, report);
    }),
    script("notify", |draft, statement, report| {
        draft.script(|notify| &mut notify.any, statement, report);
    }),
    own("old_unicast_checksum", |_, statement, report| {
        transport::old_checksum(statement, report);
    }),
    own("preempt", |draft, _, _| draft.nopreempt = None).again(Again::All),
    own("preempt_delay", |draft, statement, report| {
        let range = Duration::ZERO..=instance::MAX_PREEMPT_DELAY;
        let delay = value::seconds(statement, range, report);
        draft.preempt_delay = delay.map(|delay| (delay, statement));
    }),
    own("priority", |draft, statement, report| {
        //= C6: RFC 9568 section 5.2.4
        let priority = value::number(statement, 1..=255, report);
        draft.priority = priority.or(draft.priority);
    }),
    own("state", |draft, statement, report| {
        draft.state(statement, report)
    })
    .again(Again::Master),
    own("track_src_ip", |draft, statement, report| {
        draft.transport.track_source = value::flag(statement, report).unwrap_or_default();
    }),
    own("unicast_fault_no_peer", |draft, statement, _| {
        draft.transport.fault_without_peer = Some(statement);
    }),
    own("unicast_peer", |draft, statement, report| {
        draft.transport.peers(statement, report)
    })
    .takes(Takes::Block)
    .again(Again::All),
    own("unicast_src_ip", |draft, statement, report| {
        draft.transport.source(statement, report)
    }),
    own("unicast_ttl", |draft, statement, report| {
        draft.transport.ttl = value::number(statement, 1..=255, report);
    }),
    own("use_vmac", |draft, statement, report| {
        draft.virtual_mac.used(statement, report)
    }),
    own("use_vmac_addr", |draft, statement, report| {
        draft.virtual_mac.elsewhere = value::flag(statement, report).unwrap_or_default();
    }),
    own("v2_interop", |draft, statement, report| {
        let on = value::flag(statement, report).unwrap_or_default();
        draft.v2_interop = on.then_some(statement);
    }),
    own("virtual_ipaddress", |draft, statement, report| {
        draft.listed(statement, report)
    })
    .takes(Takes::Block)
    .again(Again::All),
    own("virtual_ipaddress_excluded", |draft, statement, report| {
        draft.excluded(statement, report);
    })
    .takes(Takes::Block)
    .again(Again::All),
    own("virtual_router_id", |draft, statement, report| {
        draft.vrid = value::number(statement, 1..=255, report).or(draft.vrid);
    }),
    own("vmac_xmit_base", |draft, statement, report| {
        let on = value::flag(statement, report).unwrap_or_default();
        draft.virtual_mac.xmit_base = on.then_some(statement);
    }),
    not(
        "auth_hmac",
        Refused("peers would drop our adverts, and both machines would be master"),
    ),
    not("debug", Accepted),
    not(
        "dont_track_primary",
        Ignored("the instance goes to FAULT when its interface is down"),
    ),
    not("linkbeat_use_polling", Accepted),
    not(
        "mcast_dst_ip",
        Refused("adverts would go to 224.0.0.18 or ff02::12, and both machines would be master"),
    )
    .unless(|statement| value::is_one_of(statement, &["224.0.0.18", "ff02::12"])),
    // The virtual addresses decide.
    not("native_ipv6", Accepted),
    // That there is none is said where it is missing.
    not("no_virtual_ipaddress", Accepted),
    not("smtp_alert", Mail),
    not("track_bfd", Ignored("BFD sessions are not tracked")),
    not("track_file", Ignored("files are not tracked")),
    not(
        "track_interface",
        Ignored("only the instance's own interface is tracked"),
    ),
    not("track_process", Ignored("processes are not tracked")),
    not(
        "track_script",
        Ignored("scripts are not tracked, the priority stays as it is"),
    ),
    not("use_ipvlan", Ignored("the interface itself is used")),
    not(
        "virtual_routes",
        Refused("these routes would be missing on the master"),
    ),
    not(
        "virtual_rules",
        Refused("these rules would be missing on the master"),
    ),
];

const fn own(keyword: &'static str, read: ReadOwn) -> Row {
    Row::new(keyword, Own(read))
}

const fn script(keyword: &'static str, read: ReadOwn) -> Row {
    own(keyword, read).takes(Takes::Command).again(Again::First)
}

const fn auth(keyword: &'static str, read: ReadAuth) -> Row {
    Row::new(keyword, Auth(read))
}

const fn both(keyword: &'static str, global: &'static str, read: ReadCommon) -> Row {
    Row::new(keyword, Common { global, read })
}

const fn not(keyword: &'static str, support: Support) -> Row {
    Row::unsupported(Context::Instance, keyword, support)
}
