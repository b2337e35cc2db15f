//! Both ends of the control socket.

use vrrp_user::{
    io::control::socket::{self, Request},
    status::Status,
    ui,
};

/// What a client asks and what a node answers is understood or refused, and what is understood can be
/// said again and shown. The first byte of the input says which: even, a request; odd, an answer.
pub fn control(input: &[u8]) {
    match input.split_first() {
        None => {}
        Some((kind, line)) if kind % 2 == 0 => request(line),
        Some((_, line)) => answer(line),
    }
}

fn request(line: &[u8]) {
    let Ok(request) = Request::read(line) else {
        return;
    };
    let mut again = serde_json::to_vec(&request).unwrap_or_default();
    again.push(b'\n');
    assert_eq!(Request::read(&again), Ok(request));
}

fn answer(line: &[u8]) {
    let Some(status) = understood(line) else {
        return;
    };
    let shown = ui::status::render(&status);
    assert!(shown.ends_with('\n'), "{shown:?}");
    let again = serde_json::to_vec(&status).unwrap_or_default();
    assert_eq!(understood(&again), Some(status));
}

fn understood(line: &[u8]) -> Option<Status> {
    let (_, status) = socket::understand(line).ok()?;
    Some(status)
}
