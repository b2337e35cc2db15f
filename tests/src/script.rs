//! A script for `notify` and its like that writes down what it is told.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A script in a folder of its own, and the file it writes to; both go when this is dropped.
#[derive(Debug)]
pub struct Script {
    path: PathBuf,
    told: PathBuf,
    _folder: TempDir,
}

impl Script {
    /// A script that runs these shell commands, with `TOLD` for the name of the file.
    ///
    /// # Errors
    /// If the files cannot be made.
    pub fn new(commands: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for a script")?;
        let (path, told) = (folder.path().join("tell"), folder.path().join("told"));
        let commands = commands.replace("TOLD", &told.display().to_string());
        fs::write(&path, format!("#!/bin/sh\n{commands}\n")).context("write a script")?;
        let script = Self {
            path,
            told,
            _folder: folder,
        };
        script.set_mode(0o755)?;
        Ok(script)
    }

    /// One that writes its arguments on a line, as keepalived's users parse them.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_arguments() -> Result<Self> {
        Self::new("echo \"$*\" >> TOLD")
    }

    /// Who may run and change it.
    ///
    /// # Errors
    /// If it is gone.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode)).context("chmod")
    }

    /// The script.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was told so far, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.told).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Forgets that.
    pub fn clear(&self) {
        // Nothing was told yet.
        drop(fs::remove_file(&self.told));
    }
}
