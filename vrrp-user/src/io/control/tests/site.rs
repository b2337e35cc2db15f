//! A node that runs with a played engine and a played system, and its clients.

use std::{fs, future::Future, path::PathBuf, thread::JoinHandle, time::Duration};

use nix::sys::signal::{Signal, raise};
use tokio::time::timeout;

use super::{
    SIGNALS,
    player::{Player, engine_thread},
    setup,
    system::Idle,
};
use crate::{
    config,
    io::{
        control::{run, socket},
        engine::handle::{self, EngineSide},
        journal::{Journal, Ledger},
        runtime_dir::{CONTROL_SOCKET, RuntimeDir},
        testing::{run as ip, runtime_dir},
    },
    status::Reloaded,
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

pub(super) fn said(answer: Reloaded) -> Said {
    let effects = answer.effects.iter().map(ToString::to_string);
    let lines = answer.diagnostics.into_iter().chain(effects);
    (answer.taken, lines.collect())
}

/// A file, and the runtime directory and the system of the node that reads it.
pub(super) struct Site {
    _temporary: tempfile::TempDir,
    directory: RuntimeDir,
    pub(super) file: PathBuf,
    pub(super) may_reload: bool,
    pub(super) host: Idle,
}

impl Site {
    pub(super) fn new(text: &str) -> Self {
        let (temporary, directory) = runtime_dir();
        let file = temporary.path().join("k.conf");
        fs::write(&file, text).unwrap();
        Self {
            _temporary: temporary,
            directory,
            file,
            may_reload: true,
            host: Idle::default(),
        }
    }

    /// Runs a node until the client is done with it.
    pub(super) async fn run<Told>(&self, client: impl Future<Output = Told>) -> Told {
        self.run_with(|_| (), client).await
    }

    /// The same with an engine that has its ways.
    pub(super) async fn run_with<Told>(
        &self,
        play: impl FnOnce(&mut Player),
        client: impl Future<Output = Told>,
    ) -> Told {
        self.run_beside(|side| engine_thread(side, play), client)
            .await
    }

    /// The same with another engine.
    pub(super) async fn run_beside<Told>(
        &self,
        engine: impl FnOnce(EngineSide) -> JoinHandle<()>,
        client: impl Future<Output = Told>,
    ) -> Told {
        let _alone = SIGNALS.lock().await;
        let config = config::load(&self.file).config.unwrap();
        let (handle, side) = handle::pair().unwrap();
        let thread = engine(side);
        let journal = Ledger::new(&self.directory, 7);
        let mut host = self.host.clone();
        let mut setup = setup(&config, &journal, handle, &mut host);
        setup.file = self.may_reload.then(|| self.file.clone());
        let client = async {
            let told = client.await;
            raise(Signal::SIGTERM).unwrap();
            told
        };
        let both = timeout(LIMIT, async { tokio::join!(run(setup), client) });
        let (result, told) = both.await.unwrap();
        result.unwrap();
        thread.join().unwrap();
        assert!(host.attached().is_empty());
        told
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path(CONTROL_SOCKET)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path(name)
    }

    /// Asks for a reload until the node has started.
    pub(super) async fn ask(&self) -> Said {
        loop {
            // It is not there yet, or says that it is too early.
            if let Ok(answer) = socket::ask_reload(&self.socket()).await {
                return said(answer);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Has the node read this.
    pub(super) async fn reload(&self, text: &str) -> Said {
        fs::write(&self.file, text).unwrap();
        self.ask().await
    }

    pub(super) fn owed(&self) -> Vec<String> {
        let journal = Journal::load(&self.directory).unwrap().unwrap();
        let addresses = journal.addresses().map(|one| one.address.to_string());
        addresses.collect()
    }
}
