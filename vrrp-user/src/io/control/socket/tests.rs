use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    time::timeout,
};

use super::{client::unconnected, server::CLIENTS, *};
use crate::{
    io::{
        runtime_dir::{self, CONTROL_SOCKET},
        testing,
    },
    status::{Effect, OLDER_NODE, Reloaded, Status, ietf_vrrp::Vrrp},
};

/// A server that answers with an empty status, refuses the file, says that a preview of it removes VI_1; and its socket.
struct Server {
    _base: tempfile::TempDir,
    path: PathBuf,
}

fn server() -> Server {
    let (base, path, mut asked) = questions();
    tokio::spawn(async move {
        while let Some(question) = asked.recv().await {
            match question {
                Question::Status(reply) => drop(reply.send(status())),
                Question::Reload(reply) => drop(reply.send(Ok(refused()))),
                Question::Preview(file, reply) => drop(reply.send(preview(&file))),
            }
        }
    });
    Server { path, _base: base }
}

/// What is asked at a socket of which nobody answers.
fn questions() -> (tempfile::TempDir, PathBuf, mpsc::Receiver<Question>) {
    let (base, directory) = testing::runtime_dir();
    let (requests, asked) = mpsc::channel(CLIENTS);
    serve(&directory, requests).unwrap();
    (base, directory.path(CONTROL_SOCKET), asked)
}

fn status() -> Status {
    Status {
        version: "0".to_owned(),
        instance: "default".to_owned(),
        pid: 1,
        now_ns: 2,
        events_lost: 3,
        log_lines_lost: 4,
        threads: Vec::new(),
        counters: BTreeMap::new(),
        ietf_vrrp: Vrrp::default(),
        routers: Vec::new(),
    }
}

fn refused() -> Reloaded {
    Reloaded {
        taken: false,
        diagnostics: vec!["k.conf:1: error: wrong".to_owned()],
        effects: Vec::new(),
        failures: Vec::new(),
    }
}

/// What is said of the file `known`, and of no other.
fn preview(file: &Path) -> Result<Reloaded, String> {
    if file != Path::new("/known") {
        return Err(format!("no such file: {}", file.display()));
    }
    let effect = Effect {
        subject: "VI_1".to_owned(),
        what: "removed".to_owned(),
        moves: true,
    };
    Ok(Reloaded {
        taken: true,
        diagnostics: Vec::new(),
        effects: vec![effect],
        failures: vec!["VI_2: stays as it is".to_owned()],
    })
}

async fn exchange(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    // The server may refuse before it has read everything.
    drop(stream.write_all(request).await);
    drop(stream.shutdown().await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn status_is_answered_in_one_line() {
    let server = server();
    let answer = exchange(&server.path, b"{\"method\":\"status\"}\n").await;
    assert!(
        answer.ends_with("}\n") && answer.matches('\n').count() == 1,
        "{answer}"
    );
    let (value, understood) = ask_status(&server.path).await.unwrap();
    assert_eq!(value["now_ns"], 2);
    assert_eq!(understood, status());
}

#[tokio::test(flavor = "current_thread")]
async fn a_reload_and_its_preview_are_answered() {
    let server = server();
    let answer = exchange(&server.path, b"{\"method\":\"reload\"}\n").await;
    let expected =
        "{\"taken\":false,\"diagnostics\":[\"k.conf:1: error: wrong\"],\"effects\":[]}\n";
    assert_eq!(answer, expected);
    assert_eq!(ask_reload(&server.path).await.unwrap(), refused());
    let known = PathBuf::from("/known");
    let seen = preview_reload(&server.path, known.clone()).await.unwrap();
    assert_eq!(Ok(seen), preview(&known));
    let unknown = preview_reload(&server.path, "/unknown".into()).await;
    let error = unknown.unwrap_err().to_string();
    assert_eq!(error, "the node says: no such file: /unknown");
}

/// What the engine has to do may take longer than a status may.
#[tokio::test(flavor = "current_thread")]
async fn a_reload_is_waited_for() {
    let (_base, path, mut asked) = questions();
    tokio::spawn(async move {
        let question = asked.recv().await;
        let late = CLIENT_LIMIT + Duration::from_millis(200);
        assert!(timeout(late, std::future::pending::<()>()).await.is_err());
        if let Some(Question::Reload(reply)) = question {
            drop(reply.send(Ok(refused())));
        }
    });
    let answer = ask_reload(&path).await;
    assert_eq!(answer.unwrap(), refused());
}

#[tokio::test(flavor = "current_thread")]
async fn socket_is_for_root_alone() {
    let server = server();
    let mode = fs::metadata(&server.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "current_thread")]
async fn hostile_requests_are_refused() {
    let server = server();
    let deep = [&b"["[..]; 3000].concat();
    let long = vec![b'x'; 1 << 20];
    let requests: [&[u8]; 12] = [
        b"",
        b"\n",
        b"{}\n",
        b"{\"method\":\"stop\"}\n",
        b"{\"method\":\"preview\"}\n",
        b"{\"method\":\"reload\",\"file\":\"/x\"}\n",
        b"{\"method\":\"status\",\"extra\":1}\n",
        b"{\"method\":\"status\"}",
        b"\xff\xfe\0\n",
        &[&deep[..], b"\n"].concat(),
        &long[..4096],
        &long,
    ];
    for request in requests {
        let answer = exchange(&server.path, request).await;
        let start = String::from_utf8_lossy(request.get(..20).unwrap_or(request)).into_owned();
        // A server that closes with unread input may reset the connection: then there is nothing.
        let refused = serde_json::from_str::<Refusal>(&answer).is_ok();
        assert!(
            refused || (request.len() > 4096 && answer.is_empty()),
            "{start:?}: {answer}"
        );
    }
    ask_status(&server.path).await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn silent_clients_are_dropped_and_the_others_served() {
    let server = server();
    let mut silent = Vec::new();
    for _ in 0..CLIENTS + 4 {
        silent.push(UnixStream::connect(&server.path).await.unwrap());
    }
    let started = tokio::time::Instant::now();
    let mut patient = UnixStream::connect(&server.path).await.unwrap();
    patient
        .write_all(b"{\"method\":\"status\"}\n")
        .await
        .unwrap();
    let mut answer = String::new();
    patient.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("now_ns"), "{answer}");
    assert!(started.elapsed() < CLIENT_LIMIT * 2);
}

/// Why the instance `default` below this folder cannot be asked.
async fn why(base: &Path) -> ClientError {
    let path = base.join("default").join(CONTROL_SOCKET);
    ask_status(&path).await.unwrap_err()
}

#[tokio::test(flavor = "current_thread")]
async fn instances_that_are_there_are_named_instead_of_one_that_is_not() {
    let base = tempfile::tempdir().unwrap();
    let error = why(base.path()).await.to_string();
    assert!(
        error.starts_with("no node runs as this instance"),
        "{error}"
    );
    assert!(!error.contains("--instance"), "{error}");
    for name in ["r2", "r1"] {
        fs::create_dir(base.path().join(name)).unwrap();
    }
    let named = "; there is --instance r1, r2";
    let error = why(base.path()).await.to_string();
    assert!(error.ends_with(named), "{error}");
    // A folder without a socket is that of a node that starts.
    fs::create_dir(base.path().join("default")).unwrap();
    let error = why(base.path()).await.to_string();
    assert!(error.ends_with(named), "{error}");
}

#[test]
fn what_is_to_be_run_is_about_the_instance_that_was_asked() {
    let base = Path::new(runtime_dir::BASE);
    for (name, option) in [("default", ""), ("blue", " --instance blue")] {
        let told = |kind: io::ErrorKind| {
            let path = base.join(name).join(CONTROL_SOCKET);
            unconnected(path, "reload", kind.into()).to_string()
        };
        let dead = told(io::ErrorKind::ConnectionRefused);
        assert!(dead.contains(&format!("(xvrrp cleanup{option})")), "{dead}");
        let forbidden = told(io::ErrorKind::PermissionDenied);
        assert!(
            forbidden.contains(&format!("(sudo xvrrp reload{option})")),
            "{forbidden}"
        );
    }
}

#[tokio::test(flavor = "current_thread")]
async fn dead_node_and_one_that_closes_are_told_apart() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("default");
    fs::create_dir(&folder).unwrap();
    let listener = UnixListener::bind(folder.join(CONTROL_SOCKET)).unwrap();
    let close = async { drop(listener.accept().await.unwrap()) };
    let (closed, ()) = tokio::join!(why(base.path()), close);
    assert!(matches!(closed, ClientError::Closed), "{closed}");
    drop(listener);
    let dead = why(base.path()).await;
    assert!(matches!(dead, ClientError::Dead { .. }), "{dead}");
    assert!(dead.to_string().contains("xvrrp cleanup"), "{dead}");
}

#[test]
fn only_root_may_ask() {
    let refused = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = unconnected("/run/xvrrp/default/control.sock".into(), "status", refused);
    assert!(error.to_string().contains("sudo xvrrp status"), "{error}");
}

/// The control plane runs, and the engine behind it does not.
#[tokio::test(flavor = "current_thread")]
async fn starved_engine_is_told_before_the_client_gives_up() {
    let (folder, _, mut asked) = questions();
    let base = folder.path().join("base");
    let (error, _kept) = tokio::join!(why(&base), asked.recv());
    let error = error.to_string();
    assert!(
        error.contains("its engine has not answered for 3 s"),
        "{error}"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn stopping_node_refuses() {
    let (_base, path, mut asked) = questions();
    tokio::spawn(async move { drop(asked.recv().await) });
    // Its last scripts may take their time.
    for _ in 0..2 {
        let error = ask_status(&path).await.unwrap_err();
        assert!(matches!(error, ClientError::Refused(_)), "{error}");
    }
}

#[test]
fn an_older_and_a_newer_node_are_understood_and_anything_else_is_not() {
    let newer = OLDER_NODE.replacen('{', "{\"weather\":{\"rain\":true},", 1);
    assert!(understand::<Status>(OLDER_NODE.as_bytes()).is_ok());
    assert!(understand::<Status>(newer.as_bytes()).is_ok());
    for strange in [
        "{}",
        "[]",
        "1",
        "{\"version\":\"0.0.1\"}",
        "{\"routers\":[]}",
    ] {
        let error = understand::<Status>(strange.as_bytes()).unwrap_err();
        assert!(
            matches!(error, ClientError::Format(_)),
            "{strange}: {error}"
        );
    }
}
