//! What has to be undone however the process ends: each lab object registers its undoing here. It
//! runs when the object is dropped (also while a panic unwinds), on SIGINT, SIGTERM and SIGHUP, and
//! where panics abort. After a SIGKILL the next lab clears up (see [`crate::netns`]).

use std::{
    collections::BTreeMap,
    fmt,
    io::Read as _,
    os::fd::{AsRawFd as _, IntoRawFd as _},
    panic,
    process::exit,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
};

use anyhow::{Result, bail};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

type Undo = Box<dyn FnOnce() + Send>;

/// Runs its undoing when dropped, unless a signal made it run before.
#[must_use = "dropping it undoes at once"]
pub struct Guard(u64);

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0).finish()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let undo = registry(|registry| registry.undos.remove(&self.0));
        if let Some(undo) = undo {
            undo();
        }
    }
}

/// Registers what undoes something that was just done.
///
/// # Errors
/// If the process is already ending: the undoing has run, and the caller should give up.
pub fn register(undo: impl FnOnce() + Send + 'static) -> Result<Guard> {
    static WATCH: Once = Once::new();
    WATCH.call_once(watch);

    let undo: Undo = Box::new(undo);
    let late = registry(|registry| {
        if registry.closed {
            return Err(undo);
        }
        registry.last += 1;
        registry.undos.insert(registry.last, undo);
        Ok(Guard(registry.last))
    });
    match late {
        Ok(guard) => Ok(guard),
        Err(undo) => {
            undo();
            bail!("interrupted")
        }
    }
}

/// Undoes everything, the newest first, and refuses to register more. For the end of a program whose
/// threads may still hold guards.
pub fn undo_all() {
    loop {
        // One at a time and outside the lock: an undoing may drop other guards.
        let newest = registry(|registry| {
            registry.closed = true;
            registry.undos.pop_last()
        });
        match newest {
            Some((_, undo)) => undo(),
            None => return,
        }
    }
}

struct Registry {
    undos: BTreeMap<u64, Undo>,
    last: u64,
    closed: bool,
}

fn registry<T>(f: impl FnOnce(&mut Registry) -> T) -> T {
    static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
        undos: BTreeMap::new(),
        last: 0,
        closed: false,
    });
    // A panic elsewhere does not make the list wrong.
    f(&mut REGISTRY.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Write end of the pipe that carries signals out of the handler.
static SIGNALS: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(signal: libc::c_int) {
    let byte = [u8::try_from(signal).unwrap_or_default()];
    // SAFETY: write(2) is async-signal-safe, the buffer is one live byte. There is nothing to do
    // about an error here: the pipe is full only if a signal is already being handled.
    unsafe { libc::write(SIGNALS.load(Ordering::Relaxed), byte.as_ptr().cast(), 1) };
}

/// Starts to listen for signals; a failure leaves only the guards' drops.
fn watch() {
    if cfg!(panic = "abort") {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            undo_all();
        }));
    }
    let Ok((mut reader, writer)) = std::io::pipe() else {
        return;
    };
    debug_assert!(writer.as_raw_fd() >= 0);
    SIGNALS.store(writer.into_raw_fd(), Ordering::Relaxed);
    let wait = move || {
        let mut byte = [0];
        if reader.read_exact(&mut byte).is_ok() {
            undo_all();
            exit(128 + i32::from(byte[0]));
        }
    };
    let started = std::thread::Builder::new()
        .name("cleanup".to_owned())
        .spawn(wait);
    if started.is_err() {
        return;
    }
    let action = SigAction::new(
        SigHandler::Handler(on_signal),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only writes to a pipe, which is async-signal-safe.
        unsafe { sigaction(signal, &action) }.ok();
    }
}
