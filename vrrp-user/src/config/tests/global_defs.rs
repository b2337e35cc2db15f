//! Defaults for the instances, in `global_defs`.

use std::time::Duration;

use super::*;
use crate::proto::{Lease, Version};

#[test]
fn defaults_of_the_whole_file_hold_wherever_they_stand() {
    let globals = "global_defs {\n vrrp_version 3\n vrrp_garp_master_repeat 2\n vrrp_garp_master_refresh 60\n \
                   vrrp_rt_priority 60\n script_user nobody nogroup\n}\n";
    let body = "garp_master_repeat 3\nnotify_master \"/bin/a 'b c' d\"\nnotify \"/bin/e\" root wheel\nlease off";
    for text in [
        format!("{globals}{}", with(body)),
        format!("{}{globals}", with(body)),
    ] {
        let instance = instance(&text);
        assert_eq!(
            (instance.settings.version, instance.settings.garp.repeat),
            (Version::V3, 3)
        );
        assert_eq!(instance.settings.garp.refresh, Duration::from_secs(60));
        assert_eq!(instance.settings.lease, Lease::Off);
        let line_of = |word: &str| {
            let before = &text[..text.find(word).expect("it is there")];
            1 + before.matches('\n').count()
        };
        let (globals_line, any_line) = (line_of("script_user"), line_of("/bin/e"));
        let script = |argv: &[&str], user: &str, group: &str, line: usize| {
            Some(Script {
                argv: argv.iter().map(ToString::to_string).collect(),
                user: Some(user.to_owned()),
                group: Some(group.to_owned()),
                user_place: Place::new("k.conf", line),
                place: Place::new("k.conf", line_of(argv[0])),
            })
        };
        assert_eq!(
            instance.notify.master,
            script(&["/bin/a", "b c", "d"], "nobody", "nogroup", globals_line)
        );
        assert_eq!(
            instance.notify.any,
            script(&["/bin/e"], "root", "wheel", any_line)
        );
        let config = parse("k.conf", text.as_bytes()).config.expect("no error");
        assert_eq!(config.globals.rt_priority, Some(60));
        assert!(!config.globals.script_security);
    }
    let text = format!("global_defs {{\n enable_script_security\n}}\n{}", with(""));
    let parsed = parse("k.conf", text.as_bytes());
    assert_eq!(parsed.diagnostics, []);
    assert!(parsed.config.unwrap().globals.script_security);
}
