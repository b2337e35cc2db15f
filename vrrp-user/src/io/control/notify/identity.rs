//! The user that a script runs as.

use std::{ffi::CString, io, path::Path};

use nix::{
    errno::Errno,
    unistd::{Gid, Group, Uid, User, getgrouplist, setgid, setgroups, setuid},
};
use thiserror::Error;
use tokio::process::Command;

use crate::config;

/// Whom keepalived runs scripts as when the configuration does not say, if there is such a user.
const DEFAULT_USER: &str = "keepalived_script";

/// Why a script cannot be run as its configured user.
#[derive(Clone, Debug, Error)]
pub(in crate::io::control) enum UserError {
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
        /// Why.
        source: Errno,
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
        Self::with_default(program, script, DEFAULT_USER)
    }

    fn with_default(
        program: &str,
        script: &config::Script,
        default: &str,
    ) -> Result<Option<Self>, UserError> {
        let lookup = |errno: Errno| UserError::Lookup {
            script: program.to_owned(),
            source: errno,
        };
        let gid = script
            .group
            .as_ref()
            .map(|name| group(program, name))
            .transpose()?;
        let name = script.user.as_deref().unwrap_or(default);
        let no_user = || UserError::User {
            script: program.to_owned(),
            user: name.to_owned(),
        };
        let user = match User::from_name(name).map_err(lookup)? {
            Some(user) => user,
            None if script.user.is_none() => {
                return Ok(gid.map(|gid| Self {
                    uid: None,
                    gid,
                    groups: vec![gid],
                }));
            }
            None => return Err(no_user()),
        };
        let gid = gid.unwrap_or(user.gid);
        let name = CString::new(user.name.as_str()).map_err(|_| no_user())?;
        Ok(Some(Self {
            uid: Some(user.uid),
            gid,
            groups: getgrouplist(&name, gid).map_err(lookup)?,
        }))
    }

    /// Whom a node that is run as the user `node` runs the script as.
    pub(super) fn user(&self, node: Uid) -> Uid {
        self.uid.unwrap_or(node)
    }

    /// Whether this user may not execute a file. Asked of `test -x` as that user, because the folders on the way and
    /// access control lists count as well. An ordinary user cannot become another one, and learns nothing.
    pub(super) fn is_denied(&self, file: &Path) -> bool {
        let mut test = Command::new("test");
        test.arg("-x").arg(file);
        self.apply(&mut test);
        let status = test.as_std_mut().status();
        status.is_ok_and(|status| status.code() == Some(1))
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
        source: errno,
    })?;
    group
        .map(|group| group.gid)
        .ok_or_else(|| UserError::Group {
            script: program.to_owned(),
            group: name.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_without_a_user_run_as_the_default_one_if_it_exists() {
        let script = |user: Option<&str>| config::Script {
            argv: vec!["x".to_owned()],
            user: user.map(str::to_owned),
            group: None,
            user_place: config::Place::default(),
            place: config::Place::default(),
        };
        let nobody = User::from_name("nobody").unwrap().unwrap();
        let found = Identity::with_default("x", &script(None), "nobody").unwrap();
        let found = found.unwrap();
        assert_eq!((found.uid, found.gid), (Some(nobody.uid), nobody.gid));
        let found = Identity::with_default("x", &script(None), "no such user").unwrap();
        assert!(found.is_none());
        let root = Identity::with_default("x", &script(Some("root")), "nobody").unwrap();
        assert_eq!(root.unwrap().uid, Some(Uid::from_raw(0)));
        Identity::with_default("x", &script(Some("no such user")), "nobody").unwrap_err();
    }
}
