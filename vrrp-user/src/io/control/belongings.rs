//! What the node has outside of its process: the runtime directory, by which it is asked and cleaned up after, and
//! the pins, by which its programs outlive it. Somebody may remove them, and a node that serves would not notice.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// A folder, what has to be in it, and what it means if that is gone.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    meaning: &'static str,
    files: BTreeSet<PathBuf>,
}

/// What was there at the start, and what was missed since.
#[derive(Debug)]
pub(super) struct Belongings {
    folders: [Folder; 2],
    missed: BTreeSet<PathBuf>,
}

impl Belongings {
    /// Takes note of what is in the runtime directory and among the pins.
    pub(super) fn new(runtime: &Path, pins: &Path) -> Self {
        let folder = |path: &Path, meaning| Folder {
            path: path.to_owned(),
            meaning,
            files: files(path),
        };
        Self {
            folders: [
                folder(
                    runtime,
                    "`xvrrp status` does not reach this node, and `xvrrp cleanup` would not know what a crash leaves",
                ),
                folder(
                    pins,
                    "after a crash nothing would keep the kernel from answering for the virtual IPs that it leaves",
                ),
            ],
            missed: BTreeSet::new(),
        }
    }

    /// Says what is gone since the last look, a line per folder.
    pub(super) fn look(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for folder in &self.folders {
            let gone = folder.files.iter().filter(|file| is_gone(file));
            let gone = gone.filter(|file| self.missed.insert((*file).clone()));
            let names = Vec::from_iter(gone.filter_map(|file| file.file_name()?.to_str()));
            if !names.is_empty() {
                lines.push(format!(
                    "somebody removed {} from {}: {}; restart xvrrp, a planned stop makes everything anew",
                    names.join(", "),
                    folder.path.display(),
                    folder.meaning
                ));
            }
        }
        lines
    }
}

/// What is in a folder for good.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension() != Some("new".as_ref()))
        .collect()
}

fn is_gone(file: &Path) -> bool {
    matches!(fs::symlink_metadata(file), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_told_once_with_what_it_means() {
        let base = tempfile::tempdir().unwrap();
        let (runtime, pins) = (base.path().join("run"), base.path().join("pins"));
        for (folder, file) in [
            (&runtime, "journal"),
            (&runtime, "lock"),
            (&runtime, "journal.new"),
            (&pins, "slots"),
        ] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(file), "").unwrap();
        }
        let mut belongings = Belongings::new(&runtime, &pins);
        assert_eq!(belongings.look(), Vec::<String>::new());
        fs::remove_file(runtime.join("journal.new")).unwrap();
        fs::write(runtime.join("more"), "").unwrap();
        assert_eq!(belongings.look(), Vec::<String>::new());

        fs::remove_dir_all(&runtime).unwrap();
        let told = belongings.look();
        let [line] = &told[..] else {
            panic!("{told:?}");
        };
        assert!(
            line.contains(&format!("removed journal, lock from {}", runtime.display())),
            "{line}"
        );
        assert!(
            line.contains("xvrrp status") && line.contains("restart"),
            "{line}"
        );
        assert_eq!(belongings.look(), Vec::<String>::new());

        fs::remove_file(pins.join("slots")).unwrap();
        let told = belongings.look();
        assert!(told.len() == 1 && told[0].contains("slots"), "{told:?}");
    }
}
