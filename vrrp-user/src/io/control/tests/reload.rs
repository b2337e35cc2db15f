//! What a running node says of its file and of others.

use std::{fs, sync::mpsc};

use nix::sys::signal::{Signal, raise};

use super::{
    player::{Player, engine_thread},
    site::{FILE, Site, make, said},
};
use crate::io::{
    control::socket,
    testing::{in_namespace, run as ip},
};

/// The file with another virtual IP beside its own.
fn with_another() -> String {
    FILE.replace("10.0.0.1\n", "10.0.0.1\n 10.0.0.2\n")
}

#[test]
fn a_file_is_held_against_what_runs() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(FILE);
        let other = site.file.with_extension("other");
        let changed = FILE.replace("51", "51\n priority 150");
        fs::write(&other, &changed).unwrap();
        let client = async {
            let same = site.ask().await;
            let preview = socket::preview_reload(&site.socket(), other).await;
            let taken = site.reload(&changed).await;
            let refused = site.reload(&FILE.replace("51", "510")).await;
            (same, said(preview.unwrap()), taken, refused)
        };
        let (same, preview, taken, refused) = site.run(client).await;
        let start = format!("{}:3: error: ", site.file.display());
        assert_eq!(same, (true, vec![]));
        assert_eq!(preview, (true, vec!["VI_1: priority 100 → 150".to_owned()]));
        assert_eq!(taken, preview);
        let (taken, lines) = refused;
        assert!(
            !taken && lines.len() == 1 && lines[0].starts_with(&start),
            "{lines:?}"
        );
    });
}

#[test]
fn a_change_that_cannot_be_written_down_is_refused() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(FILE);
        let obstacle = site.path("journal.new");
        let client = async {
            site.reload(FILE).await;
            fs::create_dir(&obstacle).unwrap();
            let refused = site.reload(&with_another()).await;
            let owed = site.owed();
            fs::remove_dir(&obstacle).unwrap();
            (refused, owed, site.reload(&with_another()).await)
        };
        let ((taken, lines), owed, (is_taken_then, _)) = site.run(client).await;
        assert!(!taken);
        assert!(
            lines.len() == 1 && lines[0].contains("journal.new"),
            "{lines:?}"
        );
        assert_eq!(owed, ["10.0.0.1"]);
        assert!(is_taken_then);
    });
}

/// It may be another node's, which would lose it by our stop.
#[test]
fn an_address_is_not_claimed_for_a_change_that_is_refused() {
    in_namespace(async || {
        make("eth0", 70);
        make("eth2", 72);
        ip("ip addr add 10.0.0.2/32 dev eth2");
        let site = Site::new(FILE);
        site.host.refuse(Some("attach 72 eth2"));
        let client = async {
            site.ask().await;
            let elsewhere = with_another().replace("10.0.0.2", "10.0.0.2 dev eth2");
            (site.reload(&elsewhere).await, site.owed())
        };
        let ((taken, lines), owed) = site.run(client).await;
        assert!(!taken, "{lines:?}");
        assert_eq!(owed, ["10.0.0.1"]);
    });
}

/// Its programs went with the one before, although nothing else tells the two apart.
#[test]
fn an_interface_that_is_made_again_with_its_index_is_attached_again() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(FILE);
        let client = async {
            site.ask().await;
            ip("ip link del eth0");
            make("eth0", 70);
            let again = ["detach 70", "attach 70 eth0"];
            loop {
                let asked = site.host.asked();
                let of_70 = asked
                    .iter()
                    .filter(|what| what.ends_with("tach 70") || again[1] == **what);
                if Vec::from_iter(of_70) == [again[1], again[0], again[1]] {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        site.run(client).await;
    });
}

#[test]
fn what_the_kernel_keeps_stays_owed() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(&with_another());
        let client = async {
            site.reload(&with_another()).await;
            // The engine, which is played, does not take it off.
            ip("ip addr add 10.0.0.2/32 dev eth0");
            site.reload(FILE).await;
            let owed = site.owed();
            ip("ip addr del 10.0.0.2/32 dev eth0");
            while site.owed() != ["10.0.0.1"] {
                socket::ask_status(&site.socket()).await.unwrap();
            }
            owed
        };
        assert_eq!(site.run(client).await, ["10.0.0.1", "10.0.0.2"]);
    });
}

#[test]
fn what_cannot_be_done_yet_is_said_and_tried_again() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(FILE);
        let changed = FILE.replace("51", "51\n priority 150");
        let client = async {
            site.ask().await;
            fs::write(&site.file, &changed).unwrap();
            let answer = socket::ask_reload(&site.socket()).await.unwrap();
            let again = site.reload(&changed).await;
            (answer, again)
        };
        let fail = |player: &mut Player| player.failures = 1;
        let (answer, again) = site.run_with(fail, client).await;
        assert!(answer.taken && answer.flaw().is_some(), "{answer:?}");
        let [failure] = &*answer.failures else {
            panic!("{answer:?}");
        };
        assert!(failure.starts_with("VI_1: stays as it is: "), "{failure}");
        assert_eq!(again, (true, vec![]));
    });
}

/// The first end of a change, and the first of a removal.
#[test]
fn a_reload_ends_although_word_of_its_steps_is_lost() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(FILE);
        let changed = FILE.replace("51", "51\n priority 150");
        let client = async { site.reload(&changed).await };
        let (taken, lines) = site.run_with(|player| player.losses = 1, client).await;
        assert!(taken, "{lines:?}");

        // The stop.
        let site = Site::new(FILE);
        let client = async { site.reload(FILE).await };
        let (taken, lines) = site.run_with(|player| player.losses = 1, client).await;
        assert!(taken, "{lines:?}");
    });
}

/// The first takes its time to leave, and the others have another order by then.
#[test]
fn whoever_is_leaving_is_in_the_status() {
    in_namespace(async || {
        make("eth0", 70);
        let one = |name: &str, vrid: u8| {
            let text = FILE.replace("VI_1", name).replace("51", &vrid.to_string());
            text.replace("10.0.0.1", &format!("10.0.0.{vrid}"))
        };
        let [a, b, c] = [("A", 1), ("B", 2), ("C", 3)].map(|(name, vrid)| one(name, vrid));
        let site = Site::new(&[&*a, &b, &c].concat());
        let client = async {
            site.ask().await;
            fs::write(&site.file, [c, b].concat()).unwrap();
            raise(Signal::SIGHUP).unwrap();
            loop {
                let (_, status) = socket::ask_status(&site.socket()).await.unwrap();
                let names: Vec<_> = status.routers.into_iter().map(|one| one.name).collect();
                if names != ["A", "B", "C"] {
                    break names;
                }
            }
        };
        let keeps = |player: &mut Player| player.kept = Some(Vec::new());
        assert_eq!(site.run_with(keeps, client).await, ["C", "B", "A"]);
    });
}

#[test]
fn virtual_ips_for_which_there_was_no_room_are_given_again() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(FILE);
        let (refused, given_again) = mpsc::channel();
        let client = async {
            site.ask().await;
            while given_again.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        };
        let fills = |player: &mut Player| player.refused = Some(refused);
        site.run_with(fills, client).await;
    });
}

/// A node that was given its virtual router on the command line.
#[test]
fn without_a_file_there_is_nothing_to_read_again() {
    in_namespace(async || {
        make("eth0", 70);
        let mut site = Site::new(FILE);
        site.may_reload = false;
        let client = async {
            loop {
                match socket::ask_reload(&site.socket()).await {
                    Err(socket::ClientError::Refused(error)) if !error.contains("early") => {
                        break error;
                    }
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        let error = site.run(client).await;
        assert_eq!(error, "there is no configuration file to read again");
    });
}

/// As long as the engine has not said that every virtual router is there.
#[test]
fn during_the_start_it_is_too_early() {
    in_namespace(async || {
        make("eth0", 70);
        let (begin, told) = mpsc::channel();
        let site = Site::new(FILE);
        let socket = site.socket();
        let client = async {
            fs::write(&site.file, FILE.replace("51", "51\n priority 150")).unwrap();
            let error = loop {
                match socket::ask_reload(&socket).await {
                    Err(socket::ClientError::Absent { .. }) => tokio::task::yield_now().await,
                    other => break other.unwrap_err().to_string(),
                }
            };
            raise(Signal::SIGHUP).unwrap();
            let again = socket::ask_reload(&socket).await.unwrap_err().to_string();
            begin.send(()).unwrap();
            (error, again, site.ask().await)
        };
        let late = |side| {
            std::thread::spawn(move || {
                told.recv().unwrap();
                engine_thread(side, |_| ()).join().unwrap();
            })
        };
        let (error, again, taken) = site.run_beside(late, client).await;
        let early = "the node says: too early for a reload: it is starting";
        assert_eq!([&*error, &*again], [early; 2]);
        // Neither of them was put off.
        assert_eq!(taken, (true, vec!["VI_1: priority 100 → 150".to_owned()]));
    });
}
