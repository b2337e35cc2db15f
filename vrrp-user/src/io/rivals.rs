//! Other nodes of this machine on the interfaces of ours. tc programs of two nodes would sit beside each other, and
//! both would serve the same virtual router. Asked before anything is put into the system, and of kernels without tcx,
//! where nothing else can tell.

use std::fs;

use super::{
    bpf::BpfError,
    journal::Journal,
    runtime_dir::{InstanceName, RuntimeDir, RuntimeDirError},
};

/// Refuses interfaces that a node which is alive has put into its journal. Ours has to be written before: of two that
/// start at once, at least one then sees the other.
///
/// # Errors
/// [`BpfError::Ours`] names the interface and the instances.
pub fn check(directory: &RuntimeDir, ours: &Journal) -> Result<(), BpfError> {
    let others = Vec::from_iter(others(directory).filter_map(|name| live(directory, &name)));
    for interface in &ours.interfaces {
        let on_it = others.iter().filter(|(_, journal)| {
            journal.netns == ours.netns
                && journal
                    .interfaces
                    .iter()
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
    use super::*;
    use crate::io::journal::{EgressRecord, InterfaceRecord};

    fn journal(netns: u64, interfaces: &[(u32, &str)]) -> Journal {
        let mut journal = Journal::new(netns);
        let records = interfaces.iter().map(|(index, name)| InterfaceRecord {
            index: *index,
            name: (*name).to_owned(),
            egress: EgressRecord::Link,
        });
        journal.interfaces = records.collect();
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
