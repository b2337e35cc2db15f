//! The user that a script runs as.

use std::{ffi::CString, io};

use nix::{
    errno::Errno,
    unistd::{Gid, Group, Uid, User, getgrouplist, setgid, setgroups, setuid},
};
use thiserror::Error;
use tokio::process::Command;

use crate::config;

/// Why a script cannot be run as its configured user.
#[derive(Debug, Error)]
pub enum UserError {
    /// There is no such user.
    #[error("script {script}: there is no user {user}")]
    User {
        /// The program.
        script: String,
        /// The user.
        user: String,
    },
    /// There is no such group.
    #[error("script {script}: there is no group {group}")]
    Group {
        /// The program.
        script: String,
        /// The group.
        group: String,
    },
    /// The user database cannot be read.
    #[error("script {script}: cannot look up its user")]
    Lookup {
        /// The program.
        script: String,
        /// errno.
        source: io::Error,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Identity {
    uid: Option<Uid>,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Identity {
    /// Looks up whom a script runs as; `None` if it runs as we do.
    pub(super) fn of(program: &str, script: &config::Script) -> Result<Option<Self>, UserError> {
        let lookup = |errno: Errno| UserError::Lookup {
            script: program.to_owned(),
            source: errno.into(),
        };
        let gid = script
            .group
            .as_ref()
            .map(|name| group(program, name))
            .transpose()?;
        let Some(name) = &script.user else {
            return Ok(gid.map(|gid| Self {
                uid: None,
                gid,
                groups: vec![gid],
            }));
        };
        let no_user = || UserError::User {
            script: program.to_owned(),
            user: name.clone(),
        };
        let user = User::from_name(name).map_err(lookup)?.ok_or_else(no_user)?;
        let gid = gid.unwrap_or(user.gid);
        let name = CString::new(user.name).map_err(|_| no_user())?;
        Ok(Some(Self {
            uid: Some(user.uid),
            gid,
            groups: getgrouplist(&name, gid).map_err(lookup)?,
        }))
    }

    /// Makes the command run as this user.
    pub(super) fn apply(&self, command: &mut Command) {
        let identity = self.clone();
        let assume = move || identity.assume();
        // SAFETY: between fork and exec only async-signal-safe calls are allowed; `assume` makes
        // system calls and allocates nothing.
        unsafe { command.pre_exec(assume) };
    }

    /// Makes the calling process this user. Groups first: afterwards we are not allowed to.
    fn assume(&self) -> io::Result<()> {
        setgroups(&self.groups)?;
        setgid(self.gid)?;
        if let Some(uid) = self.uid {
            setuid(uid)?;
        }
        Ok(())
    }
}

fn group(program: &str, name: &str) -> Result<Gid, UserError> {
    let group = Group::from_name(name).map_err(|errno| UserError::Lookup {
        script: program.to_owned(),
        source: errno.into(),
    })?;
    group
        .map(|group| group.gid)
        .ok_or_else(|| UserError::Group {
            script: program.to_owned(),
            group: name.to_owned(),
        })
}
