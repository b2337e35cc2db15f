//! What a running node says of its file and of others.

use std::sync::mpsc;

use tokio::time::timeout;

use super::*;
use crate::{
    config,
    io::{
        journal::Journal,
        testing::{in_namespace, run as ip},
    },
};

const LIMIT: Duration = Duration::from_secs(20);

pub(super) const FILE: &str = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n";

/// A link that works, of which this is one end.
pub(super) fn make(name: &str, index: u32) {
    let other = format!("{name}-other");
    ip(&format!(
        "ip link add {name} index {index} type veth peer name {other}"
    ));
    ip(&format!("ip link set {other} up"));
    ip(&format!("ip link set {name} up"));
    ip(&format!("ip addr add 10.0.0.7/24 dev {name}"));
}

/// What a client was told: whether the file was taken, and the lines.
pub(super) type Said = (bool, Vec<String>);

pub(super) fn said(answer: crate::status::Reloaded) -> Said {
    let effects = answer.effects.iter().map(ToString::to_string);
    let lines = answer.diagnostics.into_iter().chain(effects);
    (answer.taken, lines.collect())
}

/// Asks for a reload until the node has started.
pub(super) async fn reload(socket: &Path) -> Said {
    loop {
        // It is not there yet, or says that it is too early.
        if let Ok(answer) = socket::ask_reload(socket).await {
            return said(answer);
        }
        tokio::task::yield_now().await;
    }
}

/// What a node is run with.
pub(super) struct Beside {
    /// Its file, which it may read again.
    pub(super) text: &'static str,
    pub(super) may_reload: bool,
    pub(super) host: Idle,
    pub(super) engine: Box<dyn FnOnce(EngineSide) -> std::thread::JoinHandle<()>>,
}

impl Default for Beside {
    fn default() -> Self {
        Self {
            text: FILE,
            may_reload: true,
            host: Idle::default(),
            engine: Box::new(|side| engine_thread(side, |_| ())),
        }
    }
}

impl Beside {
    /// Runs it as long as a client does something, which is given its socket and its file.
    pub(super) async fn run<Told>(
        mut self,
        client: impl AsyncFnOnce(&Path, &Path) -> Told,
    ) -> Told {
        let _alone = SIGNALS.lock().await;
        let (temporary, directory) = runtime_dir();
        let file = temporary.path().join("k.conf");
        fs::write(&file, self.text).unwrap();
        let config = config::load(&file).config.unwrap();
        let (engine, side) = handle::pair().unwrap();
        let thread = (self.engine)(side);
        let journal = Ledger::new(&directory, 7);
        let mut setup = setup(&config, &journal, engine, &mut self.host);
        setup.file = self.may_reload.then(|| file.clone());
        let socket = directory.path(CONTROL_SOCKET);
        let asking = async {
            let told = client(&socket, &file).await;
            raise(Signal::SIGTERM).unwrap();
            told
        };
        let both = timeout(LIMIT, async { tokio::join!(run(setup), asking) });
        let (result, told) = both.await.unwrap();
        result.unwrap();
        thread.join().unwrap();
        told
    }
}

/// A file, and the runtime directory of the node that reads it.
struct Site {
    _temporary: tempfile::TempDir,
    directory: RuntimeDir,
    file: PathBuf,
    host: Idle,
}

impl Site {
    fn new(text: &str) -> Self {
        let (temporary, directory) = runtime_dir();
        let file = temporary.path().join("k.conf");
        fs::write(&file, text).unwrap();
        Self {
            _temporary: temporary,
            directory,
            file,
            host: Idle::default(),
        }
    }

    /// Runs a node until the client is done with it.
    async fn run<Answer>(&self, client: impl Future<Output = Answer>) -> Answer {
        self.run_with(|_| (), client).await
    }

    /// The same with an engine that has its ways.
    async fn run_with<Answer>(
        &self,
        play: impl FnOnce(&mut Player),
        client: impl Future<Output = Answer>,
    ) -> Answer {
        let _alone = SIGNALS.lock().await;
        let config = config::load(&self.file).config.unwrap();
        let (engine, side) = handle::pair().unwrap();
        let thread = engine_thread(side, play);
        let journal = Ledger::new(&self.directory, 7);
        let mut host = self.host.clone();
        let mut setup = setup(&config, &journal, engine, &mut host);
        setup.file = Some(self.file.clone());
        let client = async {
            let answer = client.await;
            raise(Signal::SIGTERM).unwrap();
            answer
        };
        let both = timeout(LIMIT, async { tokio::join!(run(setup), client) });
        let (result, answer) = both.await.unwrap();
        result.unwrap();
        thread.join().unwrap();
        assert!(host.attached().is_empty());
        answer
    }

    fn socket(&self) -> PathBuf {
        self.directory.path(CONTROL_SOCKET)
    }

    /// Until it takes reloads.
    async fn await_start(&self) {
        let text = fs::read_to_string(&self.file).unwrap();
        self.reload(&text).await;
    }

    /// Has the node read this; what is said about it, and whether it is taken.
    async fn reload(&self, text: &str) -> (bool, Vec<String>) {
        fs::write(&self.file, text).unwrap();
        loop {
            // It is not there yet, or says that it is too early.
            if let Ok(answer) = socket::ask_reload(&self.socket()).await {
                break said(answer);
            }
            tokio::task::yield_now().await;
        }
    }

    fn owed(&self) -> Vec<String> {
        let journal = Journal::load(&self.directory).unwrap().unwrap();
        let addresses = journal.addresses().map(|one| one.address.to_string());
        addresses.collect()
    }
}

/// The file with another virtual IP beside its own.
fn with_another() -> String {
    FILE.replace("10.0.0.1\n", "10.0.0.1\n 10.0.0.2\n")
}

#[test]
fn a_file_is_held_against_what_runs() {
    in_namespace(async || {
        make("eth0", 70);
        let client = async |socket: &Path, file: &Path| {
            let same = reload(socket).await;
            let other = file.with_extension("other");
            let changed = FILE.replace("51", "51\n priority 150");
            fs::write(&other, &changed).unwrap();
            let preview = socket::preview_reload(socket, other).await.unwrap();
            fs::write(file, changed).unwrap();
            let taken = reload(socket).await;
            fs::write(file, FILE.replace("51", "510")).unwrap();
            let refused = reload(socket).await;
            let start = format!("{}:3: error: ", file.display());
            (same, said(preview), taken, refused, start)
        };
        let told = Beside::default().run(client).await;
        let (same, preview, taken, refused, start) = told;
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
        let obstacle = site.directory.path("journal.new");
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
            site.await_start().await;
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
            site.await_start().await;
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
            site.await_start().await;
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
            site.await_start().await;
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
            site.await_start().await;
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
        let client = async |socket: &Path, _: &Path| loop {
            match socket::ask_reload(socket).await {
                Err(socket::ClientError::Refused(error)) if !error.contains("early") => {
                    break error;
                }
                _ => tokio::task::yield_now().await,
            }
        };
        let without = Beside {
            may_reload: false,
            ..Beside::default()
        };
        let error = without.run(client).await;
        assert_eq!(error, "there is no configuration file to read again");
    });
}

/// As long as the engine has not said that every virtual router is there.
#[test]
fn during_the_start_it_is_too_early() {
    in_namespace(async || {
        make("eth0", 70);
        let (begin, told) = mpsc::channel();
        let client = async |socket: &Path, file: &Path| {
            fs::write(file, FILE.replace("51", "51\n priority 150")).unwrap();
            let error = loop {
                match socket::ask_reload(socket).await {
                    Err(socket::ClientError::Absent { .. }) => tokio::task::yield_now().await,
                    other => break other.unwrap_err().to_string(),
                }
            };
            raise(Signal::SIGHUP).unwrap();
            let again = socket::ask_reload(socket).await.unwrap_err().to_string();
            begin.send(()).unwrap();
            (error, again, reload(socket).await)
        };
        let late = Beside {
            engine: Box::new(|side| {
                std::thread::spawn(move || {
                    told.recv().unwrap();
                    engine_thread(side, |_| ()).join().unwrap();
                })
            }),
            ..Beside::default()
        };
        let (error, again, taken) = late.run(client).await;
        let early = "the node says: too early for a reload: it is starting";
        assert_eq!([&*error, &*again], [early; 2]);
        // Neither of them was put off.
        assert_eq!(taken, (true, vec!["VI_1: priority 100 → 150".to_owned()]));
    });
}
