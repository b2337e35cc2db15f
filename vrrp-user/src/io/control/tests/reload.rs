//! What a running node says of its file and of others.

use tokio::time::timeout;

use super::*;
use crate::{
    config,
    io::testing::{in_namespace, run as ip},
};

const LIMIT: Duration = Duration::from_secs(20);

const FILE: &str = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n";

/// The interface of the file, which works.
fn make_eth0() {
    ip("ip link add eth0 type veth peer name eth1");
    ip("ip link set eth1 up");
    ip("ip link set eth0 up");
    ip("ip addr add 10.0.0.7/24 dev eth0");
}

#[test]
fn a_file_is_held_against_what_runs() {
    in_namespace(async || {
        let _alone = SIGNALS.lock().await;
        let (temporary, directory) = runtime_dir();
        let (file, other) = (
            temporary.path().join("k.conf"),
            temporary.path().join("other.conf"),
        );
        fs::write(&file, FILE).unwrap();
        let config = config::load(&file).config.unwrap();
        let (engine, side) = handle::pair().unwrap();
        let thread = engine_thread(side);
        let journal = Ledger::new(&directory, 7);
        let mut host = Idle;
        let mut setup = setup(&config, &journal, engine, &mut host);
        setup.file = Some(file.clone());
        make_eth0();
        let client = async {
            let path = directory.path(CONTROL_SOCKET);
            let said = |answer: crate::status::Reloaded| {
                let effects = answer.effects.iter().map(ToString::to_string);
                let lines = answer.diagnostics.into_iter().chain(effects);
                (answer.taken, lines.collect::<Vec<_>>())
            };
            let same = loop {
                // It is not there yet, or says that it is too early.
                if let Ok(answer) = socket::ask_reload(&path).await {
                    break said(answer);
                }
                tokio::task::yield_now().await;
            };
            let changed = FILE.replace("51", "51\n priority 150");
            fs::write(&other, &changed).unwrap();
            let preview = socket::preview_reload(&path, other.clone()).await;
            fs::write(&file, changed).unwrap();
            let taken = said(socket::ask_reload(&path).await.unwrap());
            fs::write(&file, FILE.replace("51", "510")).unwrap();
            let refused = said(socket::ask_reload(&path).await.unwrap());
            raise(Signal::SIGTERM).unwrap();
            (same, said(preview.unwrap()), taken, refused)
        };
        let both = timeout(LIMIT, async { tokio::join!(run(setup), client) });
        let (result, (same, preview, taken, refused)) = both.await.unwrap();
        result.unwrap();
        thread.join().unwrap();
        assert_eq!(same, (true, vec![]));
        assert_eq!(preview, (true, vec!["VI_1: priority 100 → 150".to_owned()]));
        assert_eq!(taken, preview);
        let (taken, lines) = refused;
        let start = format!("{}:3: error: ", file.display());
        assert!(
            !taken && lines.len() == 1 && lines[0].starts_with(&start),
            "{lines:?}"
        );
    });
}

/// A node that was given its virtual router on the command line.
#[test]
fn without_a_file_there_is_nothing_to_read_again() {
    in_namespace(async || {
        let _alone = SIGNALS.lock().await;
        let (_temporary, directory) = runtime_dir();
        let config = config::parse("k.conf", FILE.as_bytes()).config.unwrap();
        let (engine, side) = handle::pair().unwrap();
        let thread = engine_thread(side);
        let journal = Ledger::new(&directory, 7);
        let mut host = Idle;
        let setup = setup(&config, &journal, engine, &mut host);
        make_eth0();
        let client = async {
            let path = directory.path(CONTROL_SOCKET);
            let error = loop {
                match socket::ask_reload(&path).await {
                    Err(socket::ClientError::Refused(error)) if !error.contains("early") => {
                        break error;
                    }
                    _ => tokio::task::yield_now().await,
                }
            };
            raise(Signal::SIGTERM).unwrap();
            error
        };
        let both = timeout(LIMIT, async { tokio::join!(run(setup), client) });
        let (result, error) = both.await.unwrap();
        result.unwrap();
        thread.join().unwrap();
        assert_eq!(error, "there is no configuration file to read again");
    });
}
