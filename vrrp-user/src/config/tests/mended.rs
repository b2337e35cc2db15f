//! What keepalived takes in another way than it is written.

use std::time::Duration;

use super::*;
use crate::proto::InitialState;

//= C79: refusal
#[test]
fn what_keepalived_mends_is_mended_the_same_way() {
    check(&[
        (
            "state SLAVE",
            &["7: warning: `state SLAVE`: neither MASTER nor BACKUP, BACKUP is used"],
        ),
        (
            "state MASTER",
            &[
                "7: warning: (VI_1) is `state MASTER` without a `priority`, 255 (address owner) is used; add `priority`",
            ],
        ),
        (
            "priority 5 # c\npriority 6",
            &["8: warning: `priority` was given in line 7 already, the last one counts"],
        ),
        (
            "notify /a\nnotify /b",
            &["8: warning: `notify` was given in line 7 already, the first one counts"],
        ),
        (
            "priority 5 now",
            &["7: warning: `priority` takes one parameter, `now` and what follows is ignored"],
        ),
        (
            "state MASTER\npriority 9\nnopreempt",
            &[
                "9: warning: (VI_1) `nopreempt` does not go with state MASTER and is ignored, the instance preempts; \
             use `state BACKUP` and a priority below 255 with `nopreempt`",
            ],
        ),
        (
            "nopreempt\npreempt_delay 5",
            &["8: warning: (VI_1) `preempt_delay` does not go with nopreempt and is ignored"],
        ),
        (
            "advert_int 0.5",
            &[
                "7: warning: (VI_1) `advert_int` of 0.5 s is not possible with version 2, 1 s is used; \
             set `version 3` on every router for fractions of a second",
            ],
        ),
        (
            "garp_master_repeat 0",
            &["7: warning: `garp_master_repeat` must be greater than 0, 1 is used"],
        ),
        (
            "lease 4",
            &[
                "7: warning: (VI_1) `lease` outlasts 3 adverts: a stalled Active may serve beside its successor; \
             write `lease auto`",
            ],
        ),
        ("down_timer_adverts 5\nlease 4", &[]),
        (
            "down_timer_adverts 2\nlease 2.5",
            &[
                "8: warning: (VI_1) `lease` outlasts 2 adverts: a stalled Active may serve beside its successor; \
             write `lease auto`",
            ],
        ),
        (
            "down_timer_adverts 1",
            &[
                "7: warning: with `down_timer_adverts 1` every late advert makes a second master; \
             write 2 or more, the same on every router",
            ],
        ),
        ("strict_mode off\nhigher_prio_send_advert", &[]),
        (
            "version 3\nauthentication {\n auth_type PASS\n auth_pass x\n}",
            &[
                "8: warning: (VI_1) version 3 has no authentication, ignored as keepalived does; remove `authentication`",
            ],
        ),
        (
            "authentication {\n auth_type PASS\n}",
            &["7: warning: (VI_1) `auth_type` without `auth_pass`, authentication is ignored"],
        ),
    ]);
    let strict = instance(&with(
        "strict_mode\nstate MASTER\npriority 9\npreempt_delay 5\nauthentication {\n auth_type PASS\n auth_pass x\n}",
    ));
    assert_eq!(
        (strict.settings.initial, strict.auth),
        (InitialState::Backup, None)
    );
    assert_eq!(strict.settings.preempt_delay, Duration::ZERO);
    let owner = instance(&with("state MASTER"));
    assert_eq!(
        (owner.settings.priority, owner.settings.initial),
        (255, InitialState::Master)
    );
    let owner = instance(&with("priority 255"));
    assert_eq!(
        (owner.settings.priority, owner.settings.initial),
        (255, InitialState::Master)
    );
    let plain = instance(&with(""));
    assert_eq!(
        (plain.settings.priority, plain.settings.initial),
        (100, InitialState::Backup)
    );
    assert_eq!(
        instance(&with("priority 5\npriority 6")).settings.priority,
        6
    );
    assert!(
        instance(&with("state MASTER\npriority 9\nnopreempt"))
            .settings
            .preempt
    );
    assert!(!instance(&with("nopreempt")).settings.preempt);
    assert!(instance(&with("nopreempt\npreempt")).settings.preempt);
    assert_eq!(
        instance(&with("nopreempt\npreempt_delay 5"))
            .settings
            .preempt_delay,
        Duration::ZERO
    );
    assert_eq!(
        instance(&with(
            "version 3\nauthentication {\n auth_type PASS\n auth_pass x\n}"
        ))
        .auth,
        None
    );
    assert!(!instance(&with("skip_check_adv_addr off")).skip_check_adv_addr);
    assert!(instance(&with("v3_checksum_as_v2")).v3_checksum_as_v2);
}
