//! `enable_script_security`: who else could have written a script that runs as root.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
};

use thiserror::Error;

/// As many as the kernel follows.
const LINKS: usize = 40;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Why a script must not run as root.
#[derive(Debug, Error)]
pub(super) enum Unsafe {
    /// Somebody else can change what would be run.
    #[error("users other than root can change {}", .0.display())]
    Writable(PathBuf),
    /// A part of the path cannot be looked at.
    #[error("{}: {source}", path.display())]
    Unknown { path: PathBuf, source: io::Error },
}

/// Checks every part of a program's path, and of what symbolic links in it lead to, as keepalived does:
/// owned by root, and neither writable for everybody nor for a group other than root's; for
/// everybody in a directory with the sticky bit (`/tmp`), where nobody replaces what is root's.
pub(super) fn check(program: &str) -> Result<(), Unsafe> {
    let file = located(program).unwrap_or_else(|| PathBuf::from(program));
    walk(&file, is_safe)
}

/// The file that would be run: a bare name is looked for in `PATH`.
pub(super) fn located(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return std::path::absolute(program).ok();
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&folders).map(|folder| folder.join(program));
    places.find(|place| is_executable(place))
}

/// Whether it is a file that somebody may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn walk(path: &Path, is_safe: impl Fn(&Part) -> bool) -> Result<(), Unsafe> {
    let mut reached = PathBuf::new();
    let mut ahead: Vec<OsString> = Vec::new();
    push(&mut ahead, path);
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == OsStr::new("..") {
            reached.pop();
            continue;
        }
        let next = reached.join(&name);
        let unknown = |source| Unsafe::Unknown {
            path: next.clone(),
            source,
        };
        let part = Part::of(&next).map_err(unknown)?;
        if !is_safe(&part) {
            return Err(Unsafe::Writable(next));
        }
        if part.kind != Kind::Link {
            reached = next;
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(unknown(io::Error::from_raw_os_error(libc::ELOOP)));
        }
        let target = next.read_link().map_err(unknown)?;
        push(&mut ahead, &target);
    }
    Ok(())
}

/// Puts the parts of a path before what is still to be walked.
fn push(ahead: &mut Vec<OsString>, path: &Path) {
    let parts = path.components().rev();
    let parts = parts.filter(|part| !matches!(part, Component::CurDir));
    ahead.extend(parts.map(|part| part.as_os_str().to_owned()));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    Link,
    Other,
}

/// What counts of a part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    kind: Kind,
    owner: u32,
    group: u32,
    mode: u32,
}

impl Part {
    fn of(path: &Path) -> io::Result<Self> {
        let found = path.symlink_metadata()?;
        Ok(Self {
            kind: match found.file_type() {
                kind if kind.is_dir() => Kind::Folder,
                kind if kind.is_symlink() => Kind::Link,
                _ => Kind::Other,
            },
            owner: found.uid(),
            group: found.gid(),
            mode: found.mode(),
        })
    }
}

fn is_safe(part: &Part) -> bool {
    let by_group = part.group != 0 && part.mode & GROUP_WRITES != 0;
    let by_others = by_group || part.mode & OTHERS_WRITE != 0;
    let is_kept = match part.kind {
        Kind::Folder => part.mode & STICKY != 0,
        // Its mode says nothing; the folder that it is in does.
        Kind::Link => true,
        Kind::Other => false,
    };
    part.owner == 0 && (is_kept || !by_others)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn what_root_alone_can_change_is_safe() {
        for (kind, owner, group, mode, safe) in [
            (Kind::Other, 0, 0, 0o755, true),
            (Kind::Other, 0, 0, 0o775, true),
            (Kind::Other, 0, 50, 0o755, true),
            (Kind::Folder, 0, 0, 0o1777, true),
            (Kind::Folder, 0, 50, 0o1775, true),
            (Kind::Link, 0, 0, 0o777, true),
            (Kind::Other, 1000, 0, 0o755, false),
            (Kind::Other, 0, 0, 0o757, false),
            (Kind::Other, 0, 50, 0o775, false),
            (Kind::Other, 0, 0, 0o1757, false),
            (Kind::Folder, 0, 0, 0o777, false),
            (Kind::Folder, 0, 50, 0o775, false),
            (Kind::Folder, 1000, 0, 0o1755, false),
            (Kind::Link, 1000, 0, 0o777, false),
        ] {
            let part = Part {
                kind,
                owner,
                group,
                mode,
            };
            assert_eq!(is_safe(&part), safe, "{part:?}");
        }
    }

    /// A world in which everything is safe but what has the mode 0701.
    fn first_unsafe(path: &Path) -> Option<String> {
        let folder = path.parent().unwrap();
        let is_safe = |part: &Part| part.mode & 0o7777 != 0o701;
        match walk(path, is_safe) {
            Ok(()) => None,
            Err(Unsafe::Writable(part)) => {
                let part = part.strip_prefix(folder).unwrap();
                Some(part.display().to_string())
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn every_part_and_every_link_on_the_way_is_looked_at() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path();
        for folder in ["closed", "open"] {
            fs::create_dir(base.join(folder)).unwrap();
            fs::write(base.join(folder).join("script"), "").unwrap();
        }
        fs::set_permissions(base.join("open"), fs::Permissions::from_mode(0o701)).unwrap();
        fs::write(base.join("closed/other"), "").unwrap();
        fs::set_permissions(base.join("closed/other"), fs::Permissions::from_mode(0o701)).unwrap();
        symlink("../closed/script", base.join("open/back")).unwrap();
        for (name, target) in [
            ("good", "closed/../closed/./script"),
            ("absolute", &base.join("open/script").display().to_string()),
            ("there-and-back", "open/back"),
            ("loop", "loop"),
        ] {
            symlink(target, base.join(name)).unwrap();
        }
        assert_eq!(first_unsafe(&base.join("good")), None);
        assert_eq!(first_unsafe(&base.join("closed/other")).unwrap(), "other");
        assert_eq!(first_unsafe(&base.join("absolute")).unwrap(), "open");
        assert_eq!(first_unsafe(&base.join("there-and-back")).unwrap(), "open");
        assert!(matches!(
            walk(&base.join("loop"), |_| true),
            Err(Unsafe::Unknown { .. })
        ));
        assert!(matches!(
            walk(&base.join("missing"), |_| true),
            Err(Unsafe::Unknown { .. })
        ));
    }

    #[test]
    fn a_bare_name_is_found_where_it_is_run_from() {
        let found = located("sh").unwrap();
        assert!(found.is_absolute() && is_executable(&found), "{found:?}");
        assert_eq!(located("/bin/sh").unwrap(), Path::new("/bin/sh"));
        assert_eq!(located("no-such-program"), None);
    }
}
