//! `v2_interop`.

use std::time::Duration;

use super::*;
use crate::proto::{Departures, Version};

#[test]
fn both_versions_at_once() {
    let pass = "authentication {\n auth_type PASS\n auth_pass 1111\n}\n";
    let text = with(&format!("version 3\nv2_interop\nadvert_int 2\n{pass}"));
    assert_eq!(found(&text), [""; 0]);
    let both = instance(&text);
    assert_eq!(both.settings.version, Version::V3);
    let interval = both.settings.departures.also_version_2;
    assert_eq!(interval, Some(Duration::from_secs(2)));
    assert_eq!(both.auth, Some(Auth::Pass(*b"1111\0\0\0\0")));

    assert_eq!(
        instance(&with("version 3\nv2_interop off"))
            .settings
            .departures,
        Departures::default()
    );
    let text = with("version 3\nv2_interop\nadvert_int 0.01");
    assert_eq!(
        found(&text),
        [
            "k.conf:8: warning: (VI_1) `advert_int` in version 2 is 1 s, which routers of version 2 must have, too; \
             give them lower priorities: they notice a failure later than those of version 3"
        ]
    );
    let interval = instance(&text).settings.departures.also_version_2;
    assert_eq!(interval, Some(Duration::from_secs(1)));
}
