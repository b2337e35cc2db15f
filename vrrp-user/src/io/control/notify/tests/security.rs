//! As whom scripts run, and which do not.

use super::*;

#[expect(clippy::print_stdout, reason = "a skipped test says why")]
#[tokio::test(flavor = "current_thread")]
async fn a_script_that_others_can_change_does_not_run_as_root() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: what runs as root can be shown by root alone");
        return;
    }
    let bench = Bench::new();
    // The folder of the bench is everybody's.
    let script = bench.logger("script");
    let nobody = config::Script {
        user: Some("nobody".to_owned()),
        ..script.clone()
    };
    let [guarded, trusted, as_nobody] = [(&script, true), (&script, false), (&nobody, true)]
        .map(|(script, is_guarded)| Script::new(script, is_guarded).unwrap());
    let limits = Limits::default();
    let run = async |script: &Script, argument: &str| {
        let arguments = [argument.to_owned()];
        script.run("VI_1", &arguments, &limits, || false).await;
    };
    fs::write(bench.path("log"), "").unwrap();
    fs::set_permissions(bench.path("log"), fs::Permissions::from_mode(0o666)).unwrap();
    run(&guarded, "guarded").await;
    run(&trusted, "trusted").await;
    run(&as_nobody, "nobody").await;
    assert_eq!(bench.log(), ["script trusted", "script nobody"]);
    // The same one is looked at before each run.
    fs::set_permissions(bench.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    run(&guarded, "mended").await;
    assert_eq!(bench.log().last().unwrap(), "script mended");
}

#[test]
fn unknown_users_and_groups_are_errors() {
    let script = |user: Option<&str>, group: Option<&str>| config::Script {
        argv: vec!["/bin/true".to_owned()],
        user: user.map(str::to_owned),
        group: group.map(str::to_owned),
        user_place: config::Place::default(),
        place: config::Place::default(),
    };
    let error = Script::new(&script(Some("no such user"), None), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "script /bin/true: there is no user no such user"
    );
    let error = Script::new(&script(None, Some("no such group")), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "script /bin/true: there is no group no such group"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn user_and_group_are_taken_on_with_all_supplementary_groups() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let bench = Bench::new();
    let mut script = bench.script("who", "id -un >> $log; id -Gn >> $log; id -gn >> $log");
    script.user = Some("nobody".to_owned());
    script.group = Some("daemon".to_owned());
    let script = Script::new(&script, false).unwrap();
    script.run("VI_1", &[], &Limits::default(), || false).await;
    let groups = &bench.log()[1];
    assert!(!groups.split(' ').any(|group| group == "root"), "{groups}");
    assert_eq!(bench.log()[0], "nobody");
    assert_eq!(bench.log()[2], "daemon");
}

#[test]
fn what_cannot_be_run_is_said_before() {
    let bench = Bench::new();
    let flaws = |script: &config::Script, is_guarded: bool| script_flaws(script, is_guarded);
    let (fine, mut private) = (bench.script("fine", ""), bench.script("private", ""));
    assert_eq!(flaws(&fine, false).len(), 1);
    let as_user = |script: &config::Script, user: &str| config::Script {
        user: Some(user.to_owned()),
        ..script.clone()
    };
    let (by_nobody, by_root) = (as_user(&fine, "nobody"), as_user(&fine, "root"));
    assert_eq!(flaws(&by_nobody, true), [""; 0]);

    // The folder is writable for everybody.
    let path = |name: &str| bench.path(name).display().to_string();
    let folder = bench.0.path().display();
    let change = format!("users other than root can change {folder}");
    assert_eq!(
        flaws(&by_root, true),
        [format!(
            "{} will not be run as root: {change} (enable_script_security)",
            path("fine")
        )]
    );
    assert_eq!(
        flaws(&by_root, false),
        [format!(
            "SECURITY VIOLATION - {} runs as root, and {change}; enable_script_security would refuse it",
            path("fine")
        )]
    );

    let missing = "No such file or directory (os error 2)";
    private.argv[0] = path("missing");
    assert_eq!(
        flaws(&as_user(&private, "nobody"), true),
        [format!("cannot run {}: {missing}", path("missing"))]
    );
    private.argv[0] = "no-such-program".to_owned();
    assert_eq!(
        flaws(&private, false),
        [format!("cannot run no-such-program: {missing}")]
    );

    let denied = |name: &str| format!("cannot run {}: Permission denied (os error 13)", path(name));
    fs::set_permissions(bench.path("fine"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(flaws(&by_nobody, false), [denied("fine")]);
    if nix::unistd::geteuid().is_root() {
        private.argv[0] = path("private");
        fs::set_permissions(bench.path("private"), fs::Permissions::from_mode(0o700)).unwrap();
        let found = flaws(&as_user(&private, "nobody"), false);
        assert_eq!(found, [denied("private")]);
        assert_eq!(flaws(&as_user(&private, "root"), false).len(), 1);
    }
}
