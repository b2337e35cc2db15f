//! What is not supported: an error where ignoring it is not safe, else a warning.

use super::*;

#[test]
fn what_is_unsafe_to_ignore_is_an_error_and_the_rest_a_warning() {
    check(&[
        (
            "mcast_dst_ip 224.0.0.100",
            &[
                "7: error: `mcast_dst_ip` is not supported yet, and ignoring it is not safe: adverts would go to 224.0.0.18 \
             or ff02::12, and both machines would be master; remove it if that is what you want",
            ],
        ),
        ("mcast_dst_ip 224.0.0.18", &[]),
        ("mcast_dst_ip ff02:0::12", &[]),
        ("virtual_routes {\n}\nvirtual_rules {\n}", &[]),
        (
            "virtual_rules {\n x\n}",
            &[
                "7: error: `virtual_rules` is not supported yet, and ignoring it is not safe: these rules would be \
                 missing on the master; remove it if that is what you want",
            ],
        ),
        (
            "dont_track_primary",
            &[
                "7: warning: `dont_track_primary` is not supported yet, ignored: \
             the instance goes to FAULT when its interface is down",
            ],
        ),
        (
            "vrf red",
            &["7: warning: `vrf` is not supported yet, ignored"],
        ),
        ("accept\ndebug 4", &[]),
        (
            "priorty 5",
            &["7: warning: `priorty` is not a keyword, ignored; did you mean `priority`?"],
        ),
        (
            "auth_type PASS\nauth_pass 1111",
            &[
                "7: warning: `auth_type` has an effect in an `authentication { }` block alone, ignored; move it into that \
                 block of the `vrrp_instance`, on every router",
                "8: warning: `auth_pass` has an effect in an `authentication { }` block alone, ignored; move it into that \
                 block of the `vrrp_instance`, on every router",
            ],
        ),
        (
            "bogus {\n state {\n }\n}",
            &["7: warning: `bogus` is not a keyword, ignored with its block"],
        ),
        (
            "vrrp_garp_interval 1",
            &[
                "7: warning: `vrrp_garp_interval` has no effect in a `vrrp_instance`, ignored; move it to `global_defs`",
            ],
        ),
    ]);
}
