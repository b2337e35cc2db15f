mod player;
mod refused;
mod reload;
mod site;
mod system;

use std::{cell::Cell, fs};

use nix::{
    sys::signal::{Signal, kill, raise},
    unistd::getpid,
};
use vrrp_ebpf::abi::{Counter, NO_ROUTER, Sample};

use self::{player::engine_thread, system::Idle};
use super::*;
use crate::{
    config::{self, Config, Globals, Instance, Place},
    ids::RouterId,
    io::{
        bpf::counters::{CounterSource, Counts},
        clock,
        engine::{Command, Event, RouterSnapshot, Timeline, handle},
        runtime_dir::CONTROL_SOCKET,
        testing::runtime_dir,
    },
    plan::{DesiredRouter, DesiredVip},
    proto::{Cause, History, Instant, State, Transition},
    status::{RouterStatus, ietf_vrrp::VrrpStatistics},
};

/// The tutorial's instance, on the loopback interface, which a file may not name.
pub(super) fn instance(name: &str) -> Instance {
    let text = "vrrp_instance VI_1 {\n interface ens33\n virtual_router_id 1\n virtual_ipaddress {\n  192.168.1.254\n }\n}\n";
    let config = config::parse("k.conf", text.as_bytes()).config;
    Instance {
        name: name.to_owned(),
        interface: "lo".to_owned(),
        ..config.unwrap().instances.remove(0)
    }
}

/// The same with the ids 0, as a plan has it on interfaces that exist.
pub(super) fn desired(instance: Instance) -> DesiredRouter {
    let vips = (0..).map(VipId).zip(&instance.vips);
    let vips = vips.map(|(id, vip)| DesiredVip {
        id,
        vip: vip.clone(),
        interface: Some(LO),
    });
    DesiredRouter {
        vips: vips.collect(),
        instance,
        interface: Some(LO),
        proxied: Vec::new(),
    }
}

/// The loopback interface, which every namespace has.
const LO: InterfaceId = InterfaceId(1);

/// Counters that an earlier tenant of the slot has moved.
#[derive(Default)]
struct Counters {
    /// They were read.
    begun: Cell<bool>,
}

impl CounterSource for Counters {
    fn counters(&self, slot: u32) -> Counts {
        let begun = self.begun.replace(true);
        let (accepted, unknown) = match slot {
            NO_ROUTER => (0, 9),
            _ if begun => (1041, 0),
            _ => return Counts::from_iter([(Counter::AdvertAccepted, 1000)]),
        };
        Counts::from_iter([
            (Counter::AdvertAccepted, accepted),
            (Counter::BadTtl, 2),
            (Counter::UnknownVrid, unknown),
        ])
    }

    fn sample(&self, _: u32, _: Counter) -> Option<Sample> {
        None
    }
}

pub(super) fn transition(from: State, to: State, cause: Cause) -> Transition {
    Transition {
        from,
        to,
        cause,
        at: Instant(2_000),
        deadline: Instant(1_000),
        last_advert: None,
    }
}

/// Signals go to the whole process: one test with handlers at a time.
static SIGNALS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// On the loopback interface, which every namespace has.
fn setup<'a>(
    config: &Config,
    journal: &'a Ledger<'a>,
    engine: EngineHandle,
    host: &'a mut Idle,
) -> Setup<'a> {
    setup_with(config, journal, engine, host, Signals::install().unwrap())
}

fn setup_with<'a>(
    config: &Config,
    journal: &'a Ledger<'a>,
    engine: EngineHandle,
    host: &'a mut Idle,
    signals: Signals,
) -> Setup<'a> {
    Setup {
        config: config.clone(),
        crew: Crew::look_up(config),
        directory: journal.directory(),
        journal,
        engine,
        signals,
        pins: Path::new("/nonexistent"),
        resignations: Resignations::default(),
        host,
        counters: Box::new(Counters::default()),
        has_vip: Box::new(|_| true),
        show: |status| status.instance.clone(),
        file: None,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn stop_during_the_start_is_seen_once_and_leaves_other_requests() {
    let _alone = SIGNALS.lock().await;
    let mut signals = Signals::install().unwrap();
    assert!(!signals.stop_requested().await);
    raise(Signal::SIGHUP).unwrap();
    assert!(!signals.stop_requested().await);
    raise(Signal::SIGINT).unwrap();
    assert!(signals.stop_requested().await);
    assert!(!signals.stop_requested().await);
    assert_eq!(signals.next().await, signals::Request::Reload);
}

#[tokio::test(flavor = "current_thread")]
async fn node_starts_answers_and_stops() {
    let _alone = SIGNALS.lock().await;
    let (temporary, directory) = runtime_dir();
    let told = temporary.path().join("told");
    let mut instance = instance("VI_1");
    instance.notify.any = Some(config::Script {
        argv: vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            format!("echo $3 >> {}", told.display()),
            // What `sh -c` takes as $0.
            "notify".to_owned(),
        ],
        user: None,
        group: None,
        user_place: Place::default(),
        place: Place::default(),
    });
    let config = Config {
        globals: Globals::default(),
        instances: vec![instance],
    };
    let before = datetime::date_and_time(clock::wall(clock::now()));
    let (engine, side) = handle::pair().unwrap();
    let thread = engine_thread(side, |_| ());
    let journal = Ledger::new(&directory, 7);
    let mut host = Idle::default();
    let setup = setup(&config, &journal, engine, &mut host);
    let client = async {
        let path = directory.path(CONTROL_SOCKET);
        let status = loop {
            if let Ok((_, status)) = socket::ask_status(&path).await
                && !status.routers[0].transitions.is_empty()
            {
                break status;
            }
            tokio::task::yield_now().await;
        };
        // Its default would end this process.
        raise(Signal::SIGUSR2).unwrap();
        raise(Signal::SIGTERM).unwrap();
        status
    };
    let (result, status): (_, Status) = tokio::join!(run(setup), client);
    result.unwrap();
    assert!(host.attached().is_empty(), "taken away again");
    thread.join().unwrap();

    let [router] = &status.routers[..] else {
        panic!("{status:?}");
    };
    assert_eq!(
        (router.name.as_str(), router.state.as_str()),
        ("VI_1", "BACKUP")
    );
    assert_eq!(router.adverts_sent, 7);
    assert_eq!(router.counters["advert_accepted"], 41);
    assert_eq!(router.ietf_vrrp.statistics.advertisement_rcvd, 41);
    assert!(router.ietf_vrrp.up_datetime >= Some(before.clone()));
    let VrrpStatistics {
        discontinuity_datetime,
        vrid_errors,
        ip_ttl_errors,
        ..
    } = &status.ietf_vrrp.statistics;
    assert_eq!((*vrid_errors, *ip_ttl_errors), (9, 2));
    assert!(*discontinuity_datetime >= before, "a date");
    assert_eq!(router.xdp_mode, "tc");
    assert_eq!(router.xdp_mode_reason.as_deref(), Some("it has no driver"));
    assert_eq!(router.vlan_tags.as_deref(), Some("visible"));
    assert_eq!(router.vips, ["192.168.1.254/32"]);
    assert_eq!(router.transitions[0].from, "INIT");
    assert_eq!(router.transitions[0].cause, "startup");
    assert_eq!(fs::read_to_string(told).unwrap(), "BACKUP\nSTOP\n");
}

fn status_of(record: &record::Record) -> RouterStatus {
    let router = desired(instance("VI_1"));
    record.status(&router, &Counts::default(), None, |_| false, "")
}

#[test]
fn c72_the_date_of_the_start_is_the_same_in_every_answer() {
    let mut record = record::Record::default();
    let mut dates = [
        Some(1_000_000_000),
        Some(1_000_000_000),
        Some(2_000_000_000),
        None,
    ]
    .map(|up_since| {
        record.take_snapshot(RouterSnapshot {
            history: History {
                up_since: up_since.map(Instant),
                ..History::default()
            },
            ..RouterSnapshot::default()
        });
        let status = status_of(&record);
        status.ietf_vrrp.up_datetime
    })
    .into_iter();
    let mut next = || dates.next().unwrap();
    let first = next();
    assert!(first.is_some());
    assert_eq!(next(), first, "to the microsecond");
    assert!(next() > first);
    assert_eq!(next(), None);
}

/// One virtual router, and where its node keeps its files.
fn lone_router() -> (tempfile::TempDir, RuntimeDir, Config) {
    let (temporary, directory) = runtime_dir();
    let config = Config {
        globals: Globals::default(),
        instances: vec![instance("VI_1")],
    };
    (temporary, directory, config)
}

/// The engine never runs out of events; the signal has to be seen all the same.
#[tokio::test(flavor = "current_thread")]
async fn flood_of_events_does_not_hold_up_a_stop() {
    let _alone = SIGNALS.lock().await;
    let (_temporary, directory, config) = lone_router();
    let (engine, side) = handle::pair().unwrap();
    let signals = Signals::install().unwrap();
    let thread = std::thread::spawn(move || {
        let flood = Event::Snapshot {
            router: RouterId::first(0),
            snapshot: RouterSnapshot::default(),
        };
        kill(getpid(), Signal::SIGTERM).unwrap();
        // A machine with more to do may leave the other side waiting for seconds.
        let begun = clock::now();
        while clock::now().since(begun) < Duration::from_secs(60) {
            for _ in 0..1000 {
                side.send_event(flood);
            }
            while let Some(command) = side.try_command() {
                if matches!(command, Command::Remove(_)) {
                    return true;
                }
            }
        }
        false
    });
    let journal = Ledger::new(&directory, 7);
    let mut host = Idle::default();
    let setup = setup_with(&config, &journal, engine, &mut host, signals);
    run(setup).await.unwrap();
    assert!(thread.join().unwrap(), "told to stop");
}

#[tokio::test(flavor = "current_thread")]
async fn end_of_the_engine_ends_the_node() {
    let _alone = SIGNALS.lock().await;
    let (_temporary, directory, config) = lone_router();
    let (engine, side) = handle::pair().unwrap();
    drop(side);
    let journal = Ledger::new(&directory, 7);
    let mut host = Idle::default();
    let setup = setup(&config, &journal, engine, &mut host);
    let error = run(setup).await.unwrap_err();
    assert!(matches!(error, ControlError::Engine(_)), "{error}");
}

#[test]
fn last_transitions_and_promotion_are_remembered() {
    let mut record = record::Record::default();
    for at in 0..20 {
        let mut transition = transition(State::Backup, State::Active, Cause::ActiveDown);
        transition.at = Instant(at);
        record.remember(transition);
    }
    record.promoted(Timeline {
        owned: Instant(99),
        ..Timeline::default()
    });
    let status = status_of(&record);
    let moments: Vec<_> = status.transitions.iter().map(|t| t.at_ns).collect();
    assert_eq!(moments, (4..20).collect::<Vec<_>>());
    assert_eq!(status.timeline.unwrap().owned_ns, 99);
    assert_eq!(record.state(), State::Active);
}
