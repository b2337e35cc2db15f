//! A thread inside a namespace that works until it is told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::{Result, anyhow};

use crate::netns::Netns;

/// Tells a worker to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether to go on.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    /// Says it.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A working thread; stopped and waited for when dropped.
#[derive(Debug)]
pub struct Worker<T> {
    stop: Stop,
    thread: Option<JoinHandle<Result<T>>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts a named thread inside a namespace. It has to look at its [`Stop`] often.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        netns: &Netns,
        name: &str,
        work: impl FnOnce(&Stop) -> Result<T> + Send + 'static,
    ) -> Result<Self> {
        let stop = Stop::default();
        let told = stop.clone();
        let thread = netns.spawn(name, move || work(&told))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Stops it and returns its result.
    ///
    /// # Errors
    /// What made it fail, or that it panicked.
    pub fn finish(mut self) -> Result<T> {
        self.stop.now();
        let thread = self.thread.take();
        thread
            .and_then(|thread| thread.join().ok())
            .ok_or_else(|| anyhow!("a worker panicked"))?
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.stop.now();
        if let Some(thread) = self.thread.take() {
            // Whoever wants the result, or the error, calls `finish`.
            drop(thread.join());
        }
    }
}
