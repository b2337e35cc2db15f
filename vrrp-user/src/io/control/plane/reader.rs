//! Files are read, and the users of their scripts looked up, beside the control plane: a file system or a service that
//! does not answer must not hold it up. One at a time, so that those that never end do not take every thread.

use std::{collections::VecDeque, path::PathBuf};

use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    config::{self, Parsed},
    io::control::{Crew, socket::Reply},
};

/// What a file says.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) parsed: Parsed,
    pub(super) crew: Crew,
}

/// A file that has been read.
#[derive(Debug)]
pub(super) struct Read(Contents);

/// What a file is read for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To say what a reload would do.
    Preview(Reply),
    /// For a reload, and these who wait for it.
    Reload(Vec<Reply>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Reader {
    done: mpsc::UnboundedSender<Read>,
    reads: mpsc::UnboundedReceiver<Read>,
    /// What the present file is read for.
    present: Option<Purpose>,
    waiting: VecDeque<(PathBuf, Purpose)>,
}

impl Reader {
    pub(super) fn new() -> Self {
        let (done, reads) = mpsc::unbounded_channel();
        Self {
            done,
            reads,
            present: None,
            waiting: VecDeque::new(),
        }
    }

    /// Waits for the end of a file. Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> Option<Read> {
        self.reads.recv().await
    }

    /// Whether a file is read, or going to be, for a reload.
    pub(super) fn reads_for_reload(&self) -> bool {
        let waiting = self.waiting.iter().map(|(_, purpose)| purpose);
        let mut all = waiting.chain(&self.present);
        all.any(|purpose| matches!(purpose, Purpose::Reload(_)))
    }

    pub(super) fn preview(&mut self, file: PathBuf, reply: Reply) {
        self.waiting.push_back((file, Purpose::Preview(reply)));
        self.begin();
    }

    pub(super) fn reload(&mut self, file: PathBuf, clients: Vec<Reply>) {
        self.waiting.push_front((file, Purpose::Reload(clients)));
        self.begin();
    }

    /// This is what [`next`](Self::next) gave. What it was read for; nothing if nobody wants to know any more.
    pub(super) fn ended(&mut self, Read(contents): Read) -> Option<(Contents, Purpose)> {
        let purpose = self.present.take();
        self.begin();
        Some((contents, purpose?))
    }

    /// Nobody is answered any more.
    pub(super) fn give_up(&mut self) {
        self.waiting.clear();
        self.present = None;
    }

    fn begin(&mut self) {
        if self.present.is_some() {
            return;
        }
        let is_gone =
            |purpose: &Purpose| matches!(purpose, Purpose::Preview(client) if client.is_closed());
        self.waiting.retain(|(_, purpose)| !is_gone(purpose));
        let Some((file, purpose)) = self.waiting.pop_front() else {
            return;
        };
        self.present = Some(purpose);
        let done = self.done.clone();
        spawn_blocking(move || {
            let parsed = config::load(&file);
            let crew = parsed.config.as_ref().map(Crew::look_up);
            let crew = crew.unwrap_or_default();
            // The node may have ended.
            done.send(Read(Contents { parsed, crew })).ok();
        });
    }
}
