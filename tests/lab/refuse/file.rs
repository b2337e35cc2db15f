//! For its configuration file.

use std::fs;

use vrrp_tests::config::TUTORIAL_PRIMARY;

use super::{CONFIG, Place, assert_failed, said, xvrrp};

//= C6, C28: refusal
#[test]
fn errors_of_the_configuration_are_told_with_their_line() {
    let cases = [
        ("virtual_router_id 1\n", "", 11, "virtual"),
        (
            "virtual_router_id 1\n",
            "virtual_router_id 256\n",
            14,
            "256",
        ),
        ("interface ens33\n", "", 11, "interface"),
        ("priority 100\n", "priority 0\n", 15, "1 to 255"),
        ("priority 100\n", "priority 256\n", 15, "1 to 255"),
        ("advert_int 1\n", "advert_int 0\n", 16, "`advert_int 0`"),
        ("advert_int 1\n", "advert_int 256\n", 16, "`advert_int 256`"),
        (
            "192.168.1.254\n",
            "192.168.1.254.7\n",
            22,
            "192.168.1.254.7",
        ),
    ];
    for (from, to, line, says) in cases {
        let config = TUTORIAL_PRIMARY.replace(from, to);
        assert_ne!(config, TUTORIAL_PRIMARY);
        let place = Place::new(&config);
        let file = format!("{}:{line}: error: ", place.file().display());
        place.assert_misconfigured(&[&file, says, "nothing is started"]);
    }
}

#[test]
fn a_virtual_router_that_is_there_twice_is_an_error() {
    let twin = TUTORIAL_PRIMARY
        .split_once("vrrp_instance")
        .map(|(_, body)| format!("{TUTORIAL_PRIMARY}\nvrrp_instance{body}"))
        .unwrap();
    let twin = twin.replacen("vrrp_instance VI_1", "vrrp_instance VI_0", 1);
    let place = Place::new(&twin);
    place.assert_misconfigured(&["VI_0", "VI_1", "nothing is started"]);
}

#[test]
fn a_missing_interface_is_told_with_its_line() {
    let config = TUTORIAL_PRIMARY
        .replace("interface ens33", "interface ens33@if7")
        .replace(
            "192.168.1.254\n",
            "192.168.1.254\n192.168.1.253 dev ens34\n",
        );
    let place = Place::new(&config);
    let file = place.file().display().to_string();
    let told = place.check();
    let faulted = "FAULT until there is one";
    let name = format!("{file}:13: warning: (VI_1) there is no interface ens33@if7: {faulted}");
    let device = format!("{file}:23: warning: (VI_1) there is no interface ens34: {faulted}");
    assert_failed(&told, 0, &[&name, "did you mean `ens33`?", &device]);
    fs::write(place.file(), TUTORIAL_PRIMARY).unwrap();
    let told = place.check();
    assert_failed(&told, 0, &[]);
    assert!(!said(&told).contains("there is no interface"));
}

#[test]
fn an_unknown_script_user_is_told_before_anything_is_started() {
    let config = TUTORIAL_PRIMARY.replace(
        "    state",
        "    notify /bin/true nobody_of_that_name\n    state",
    );
    let place = Place::new(&config);
    let line = format!("{}:12: ", place.file().display());
    let says = "(VI_1) script /bin/true: there is no user nobody_of_that_name";
    place.assert_misconfigured(&[&format!("{line}error: {says}"), "nothing is started"]);
    assert_failed(&place.check(), 0, &[&format!("{line}warning: {says}")]);
}

/// What the interface has is its own: the only address, and one whose removal takes others along.
#[test]
fn an_interfaces_own_address_is_no_virtual_ip() {
    for (vip, more, own) in [
        ("192.168.1.1", "", "192.168.1.1/24"),
        ("192.168.1.1/24", "", "192.168.1.1/24"),
        ("192.168.1.1/24", "192.168.1.9/24", "192.168.1.1/24"),
        (
            "10.7.7.7",
            "10.7.7.7/8 valid_lft 600 preferred_lft 600",
            "10.7.7.7/8",
        ),
    ] {
        let place = Place::new(&TUTORIAL_PRIMARY.replace("192.168.1.254", vip));
        if !more.is_empty() {
            let add = format!("addr add {more} dev ens33");
            place.router().netns.ip(&add).unwrap();
        }
        let told = format!("(VI_1) virtual IP {own} is ens33's own address");
        let error = format!("{}:22: error: {told}", place.file().display());
        place.assert_misconfigured(&[&error, "priority 255", "nothing is started"]);

        let warning = format!("{}:22: warning: {told}", place.file().display());
        assert_failed(&place.check(), 0, &[&warning]);
    }
}

#[test]
fn a_missing_file_is_told() {
    let place = Place::new(TUTORIAL_PRIMARY);
    fs::remove_file(place.file()).unwrap();
    place.assert_misconfigured(&["keepalived.conf", "No such file"]);
}

#[test]
fn check_tells_good_from_bad() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keepalived.conf");
    let name = file.to_str().unwrap();

    fs::write(&file, TUTORIAL_PRIMARY).unwrap();
    let told = xvrrp(&["check", "-f", name]);
    assert!(told.status.success(), "{}", said(&told));
    assert!(said(&told).contains("(VI_1) ens33 VRID 1, priority 100, 1 virtual IPs"));

    let unknown = TUTORIAL_PRIMARY.replace("state MASTER", "sttae MASTER");
    fs::write(&file, unknown).unwrap();
    let told = xvrrp(&["check", "-f", name]);
    assert!(told.status.success(), "{}", said(&told));
    let warning = format!("{name}:12: warning: ");
    assert!(said(&told).contains(&warning), "{}", said(&told));

    fs::write(&file, TUTORIAL_PRIMARY.replace("id 1\n", "id 0\n")).unwrap();
    let error = format!("{name}:14: error: ");
    assert_failed(&xvrrp(&["check", "-f", name]), CONFIG, &[&error]);
}
