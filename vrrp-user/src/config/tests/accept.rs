//! `accept`, `no_accept`, and what strict mode makes of them.

use super::*;

//= C56: refusal
#[test]
fn packets_are_accepted_unless_told_otherwise() {
    let dropped = "packets to its virtual IPs are dropped, pings among them";
    let second = format!(
        "k.conf:1: warning: (VI_1) in strict mode {dropped}; \
         remove `vrrp_strict` and `strict_mode` if they are to be answered"
    );
    let third = format!(
        "k.conf:1: warning: (VI_1) in strict mode {dropped}; write `accept` if they are to be answered"
    );
    let ignored = format!(
        "k.conf:8: warning: (VI_1) `accept` does not go with strict mode and version 2 and is ignored: {dropped}; \
         remove `vrrp_strict` and `strict_mode` if they are to be answered"
    );
    let owner =
        "k.conf:8: warning: (VI_1) `no_accept` does not go with priority 255 and is ignored";
    let rows: [(&str, bool, &[&str]); 12] = [
        ("", true, &[]),
        ("accept", true, &[]),
        ("no_accept", false, &[]),
        ("no_accept\naccept", true, &[]),
        ("accept\nno_accept", false, &[]),
        ("strict_mode off", true, &[]),
        ("strict_mode", false, &[second.as_str()]),
        ("version 3\nstrict_mode", false, &[third.as_str()]),
        ("strict_mode\naccept", false, &[ignored.as_str()]),
        ("version 3\nstrict_mode\naccept", true, &[]),
        ("strict_mode\npriority 255", true, &[]),
        ("priority 255\nno_accept", true, &[owner]),
    ];
    for (body, accept, said) in rows {
        let text = with(body);
        assert_eq!(instance(&text).accept, accept, "{body}");
        assert_eq!(found(&text), said, "{body}");
    }
}
