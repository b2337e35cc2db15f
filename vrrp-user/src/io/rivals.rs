//! Other nodes of this machine on the interfaces of ours. tc programs of two nodes would sit beside each other, and
//! both would serve the same virtual router. Asked before anything is put into the system, and of kernels without tcx,
//! where nothing else can tell. And keepalived, of which `check` warns.

use std::{fs, io};

use super::{
    bpf::BpfError,
    journal::Journal,
    netns,
    runtime_dir::{InstanceName, RuntimeDir, RuntimeDirError},
};

/// Refuses interfaces that a node which is alive has put into its journal. Ours has to be written before: of two that
/// start at once, at least one then sees the other.
///
/// # Errors
/// [`BpfError::Ours`] names the interface and the instances.
pub fn check(directory: &RuntimeDir, ours: &Journal) -> Result<(), BpfError> {
    let others = Vec::from_iter(others(directory).filter_map(|name| live(directory, &name)));
    for interface in ours.interfaces() {
        let on_it = others.iter().filter(|(_, journal)| {
            journal.netns == ours.netns
                && journal
                    .interfaces()
                    .any(|theirs| theirs.index == interface.index)
        });
        let mut instances = Vec::from_iter(on_it.map(|(name, _)| name.to_string()));
        if !instances.is_empty() {
            instances.sort();
            return Err(BpfError::Ours {
                interface: interface.name.clone(),
                instances,
            });
        }
    }
    Ok(())
}

/// What runs under a name, by its processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namesakes {
    /// In our network namespace.
    pub here: Vec<u32>,
    /// In a network namespace that we may not know; to root there are none.
    pub somewhere: Vec<u32>,
}

/// keepalived, whose virtual IPs a node would take for those of a killed node.
#[must_use]
pub fn keepalived() -> Namesakes {
    named("keepalived")
}

fn named(name: &str) -> Namesakes {
    let mut found = Namesakes::default();
    let Ok(ours) = netns::current() else {
        return found;
    };
    for process in netns::processes() {
        let told = fs::read_to_string(format!("/proc/{process}/comm"));
        if told.is_ok_and(|told| told.trim_end() == name) {
            match netns::of(process) {
                Ok(theirs) if theirs == ours => found.here.push(process),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    found.somewhere.push(process);
                }
                _ => {}
            }
        }
    }
    found
}

/// The other instances that have a directory beside this one.
fn others(directory: &RuntimeDir) -> impl Iterator<Item = InstanceName> {
    let folder = directory.folder();
    let beside = folder.parent().and_then(|base| fs::read_dir(base).ok());
    let names = beside.into_iter().flatten().filter_map(Result::ok);
    let names = names.filter_map(|one| one.file_name().to_str()?.parse().ok());
    names.filter(|name| name != directory.instance())
}

/// Its journal, if it is alive. One that cannot be read keeps nobody from starting.
fn live(directory: &RuntimeDir, name: &InstanceName) -> Option<(InstanceName, Journal)> {
    let read = || {
        let theirs = directory.beside(name)?;
        match theirs {
            Some(theirs) if theirs.is_locked()? => Ok(Journal::load(&theirs).ok().flatten()),
            _ => Ok::<_, RuntimeDirError>(None),
        }
    };
    match read() {
        Ok(journal) => Some((name.clone(), journal?)),
        Err(error) => {
            tracing::debug!("instance {name}: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::symlink,
        process::{self, Command},
    };

    use super::*;
    use crate::io::journal::{InterfaceRecord, Undo};

    #[test]
    fn a_process_of_the_name_is_found_while_it_runs() {
        let temporary = tempfile::tempdir().unwrap();
        // Of this run alone; the kernel keeps 15 bytes of it.
        let name = format!("rival-{}", process::id());
        let program = temporary.path().join(&name);
        symlink("/bin/sleep", &program).unwrap();
        assert_eq!(named(&name), Namesakes::default());
        let mut process = Command::new(program).arg("60").spawn().unwrap();
        // For a moment after it has become another program it still has its old name.
        let mut looks = std::iter::repeat_with(|| named(&name)).take(10_000);
        let found = looks.find(|found| *found != Namesakes::default());
        process.kill().unwrap();
        process.wait().unwrap();
        assert_eq!(found.unwrap().here, [process.id()]);
        assert_eq!(named(&name), Namesakes::default());
    }

    fn journal(netns: u64, interfaces: &[(u32, &str)]) -> Journal {
        let mut journal = Journal::new(netns);
        for (index, name) in interfaces {
            journal.owe(Undo::Programs(InterfaceRecord {
                index: *index,
                name: (*name).to_owned(),
            }));
        }
        journal
    }

    #[test]
    fn only_a_living_node_on_the_same_interface_is_in_the_way() {
        let temporary = tempfile::tempdir().unwrap();
        let base = temporary.path().join("base");
        let make = |name: &str, journal: &Journal| {
            let directory = RuntimeDir::create(&base, &name.parse().unwrap()).unwrap();
            journal.store(&directory).unwrap();
            directory
        };
        let ours = journal(7, &[(2, "ens33"), (3, "ens34")]);
        let own = make("own", &ours);
        let _own_lock = own.lock().unwrap();
        let mut locks = Vec::new();
        for (name, theirs) in [
            ("elsewhere", journal(8, &[(3, "ens34")])),
            ("beside", journal(7, &[(4, "ens35")])),
        ] {
            locks.push(make(name, &theirs).lock().unwrap());
        }
        fs::create_dir(base.join("stranger")).unwrap();
        // Renamed since, and still the same interface.
        let theirs = make("b", &journal(7, &[(3, "lan0")]));
        check(&own, &ours).unwrap();

        let lock = theirs.lock().unwrap();
        let error = check(&own, &ours).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "ens34 already has the programs of another xvrrp, instance b: stop that"
            ),
            "{error}"
        );
        drop(lock);
        check(&own, &ours).unwrap();
        // To be asked changes nothing.
        drop(theirs.lock().unwrap());
    }
}
