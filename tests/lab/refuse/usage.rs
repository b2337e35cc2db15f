//! For its command line; and what the unit makes of the ends of a node.

use vrrp_tests::netns::unique_name;

use super::{CONFIG, FAILURE, USAGE, assert_failed, xvrrp};

/// What the unit makes of the ends of a node, and what it runs, by the file that is shipped.
#[test]
fn the_unit_knows_the_exit_codes_and_commands_of_the_node() {
    let unit = include_str!("../../../dist/xvrrp.service");
    let values = |key: &str| {
        let lines = unit.lines().filter_map(|line| line.strip_prefix(key));
        Vec::from_iter(lines)
    };
    assert_eq!(values("Restart="), ["on-failure"]);
    let [prevented] = values("RestartPreventExitStatus=")[..] else {
        panic!("{unit}");
    };
    let prevented = Vec::from_iter(
        prevented
            .split(' ')
            .map(|code| code.parse::<i32>().unwrap()),
    );
    assert_eq!(prevented, [USAGE, CONFIG]);
    assert!(!prevented.contains(&FAILURE));

    // `xvrrp reload` and a stop that comes meanwhile.
    assert_eq!(values("SuccessExitStatus="), ["SIGTERM"]);

    // Its commands are those of the node, but for the place of the file.
    let commands = ["ExecStart=", "ExecReload=", "ExecStopPost="].map(values);
    for command in commands.concat() {
        let arguments = command.strip_prefix("/usr/sbin/xvrrp ").unwrap();
        let help = Vec::from_iter(arguments.split(' ').chain(["--help"]));
        assert!(xvrrp(&help).status.success(), "{command}");
    }
}

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &[
            "run",
            "--vrid",
            "0",
            "--interface",
            "ens33",
            "--vip",
            "192.168.1.254",
        ][..],
        &["run", "--no-such-flag"],
        &["run", "--vrid", "1", "--interface", "ens33", "--vip", "foo"],
        &["status", "--instance", "../x"],
        &[],
    ] {
        assert_failed(&xvrrp(arguments), USAGE, &["--help"]);
    }
}

#[test]
fn status_of_no_node_is_an_error() {
    let told = xvrrp(&["status", "--instance", &unique_name("none")]);
    assert_failed(
        &told,
        FAILURE,
        &["xvrrp: ", "no node runs as this instance"],
    );
}
