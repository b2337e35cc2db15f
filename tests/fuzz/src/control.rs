//! Both ends of the control socket.

use serde::de::DeserializeOwned;
use vrrp_user::{
    io::control::socket::{self, Request},
    status::{Reloaded, Status},
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
    if let Some(reloaded) = understood::<Reloaded>(line) {
        drop(ui::reload::render_preview(&reloaded));
        let again = serde_json::to_vec(&reloaded).unwrap_or_default();
        assert_eq!(understood(&again), Some(reloaded));
    }
    let Some(status) = understood::<Status>(line) else {
        return;
    };
    let shown = ui::status::render(&status);
    assert!(shown.ends_with('\n'), "{shown:?}");
    let again = serde_json::to_vec(&status).unwrap_or_default();
    assert_eq!(understood(&again), Some(status));
}

fn understood<Answer: DeserializeOwned>(line: &[u8]) -> Option<Answer> {
    let (_, answer) = socket::understand(line).ok()?;
    Some(answer)
}
