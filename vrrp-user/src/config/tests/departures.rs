//! Departures from the RFC that keepalived has a keyword for.

use std::time::Duration;

use super::*;
use crate::proto::Departures;

#[test]
fn departures_from_the_rfc_are_the_instances_or_the_global_ones() {
    let plain = instance(&with(""));
    assert_eq!(plain.settings.departures, Departures::default());
    let globals = "global_defs {\n vrrp_down_timer_adverts 5\n vrrp_lower_prio_no_advert\n \
                   vrrp_higher_prio_send_advert yes\n vrrp_startup_delay 5.5\n}\n";
    let all = Departures {
        higher_prio_send_advert: true,
        down_timer_adverts: 5,
        lower_prio_no_advert: true,
        startup_delay: Duration::from_millis(5500),
        ..Departures::default()
    };
    assert_eq!(
        instance(&format!("{globals}{}", with("")))
            .settings
            .departures,
        all
    );
    let body = "down_timer_adverts 4\nlower_prio_no_advert off\nhigher_prio_send_advert false";
    assert_eq!(
        instance(&format!("{}{globals}", with(body)))
            .settings
            .departures,
        Departures {
            down_timer_adverts: 4,
            higher_prio_send_advert: false,
            startup_delay: all.startup_delay,
            ..Departures::default()
        }
    );
}

/// In the instance, or for all of them; with the adverts from a virtual MAC only where it is asked for.
#[test]
fn a_deposed_router_sends_one_more_advert_unless_told_otherwise() {
    for (globals, body, sends) in [
        ("", "", true),
        ("", "higher_prio_send_advert false", false),
        ("", "higher_prio_send_advert off", false),
        ("", "higher_prio_send_advert no", false),
        ("", "higher_prio_send_advert", true),
        ("vrrp_higher_prio_send_advert off", "", false),
        (
            "vrrp_higher_prio_send_advert off",
            "higher_prio_send_advert on",
            true,
        ),
        (
            "vrrp_higher_prio_send_advert",
            "higher_prio_send_advert off",
            false,
        ),
        ("", "strict_mode", false),
        ("vrrp_higher_prio_send_advert", "strict_mode", false),
        ("", "use_vmac", false),
        ("", "use_vmac\nhigher_prio_send_advert", true),
        ("vrrp_higher_prio_send_advert", "use_vmac", true),
        ("", "use_vmac\nvmac_xmit_base", true),
    ] {
        let text = format!("global_defs {{\n {globals}\n}}\n{}", with(body));
        let departures = instance(&text).settings.departures;
        assert_eq!(
            departures.higher_prio_send_advert, sends,
            "{globals}; {body}"
        );
    }
}

#[test]
fn strict_mode_leaves_a_worse_router_unanswered() {
    let strict = instance(&with("strict_mode\nhigher_prio_send_advert"));
    assert!(strict.settings.departures.lower_prio_no_advert);
    assert!(!strict.settings.departures.higher_prio_send_advert);
    let shown = found(&with("strict_mode\nhigher_prio_send_advert"));
    assert!(
        shown.contains(
            &"k.conf:8: warning: (VI_1) `higher_prio_send_advert` does not go with strict mode and is ignored"
                .to_owned()
        ),
        "{shown:#?}"
    );
}
