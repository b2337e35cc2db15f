//! Names the program of somebody else that is in our way.

use std::{fs, path::Path};

use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType, loaded_programs};

use super::{
    BpfError,
    attach::{EGRESS_PROGRAM, INGRESS_PROGRAM},
};

/// Why we cannot attach to an interface that has this program already. `pin` is where ours would be.
pub(super) fn refusal(interface: &str, id: Option<u32>, pin: &Path) -> BpfError {
    let interface = interface.to_owned();
    if id
        .and_then(name_of)
        .is_some_and(|name| name.starts_with(INGRESS_PROGRAM))
    {
        return BpfError::Ours {
            interface,
            instances: instances_beside(pin),
        };
    }
    BpfError::Foreign {
        interface,
        program: program_name(id),
    }
}

/// Refuses an interface that another node's gate is on, however that node takes what it receives: tcx would let both of
/// them on. `pin` is where our gate would be. What has no pin is no node's, or is about to go: a link outlives its last
/// pin by moments.
pub(super) fn refuse_other_nodes(interface: &str, pin: &Path) -> Result<(), BpfError> {
    let instances = instances_beside(pin);
    if instances.is_empty() {
        return Ok(());
    }
    // An error is a kernel without tcx, where filters have no pins and XDP alone can tell.
    let (_, programs) =
        SchedClassifier::query_tcx(interface, TcAttachType::Egress).unwrap_or_default();
    let is_gate = |name: &str| name.starts_with(EGRESS_PROGRAM);
    if programs
        .iter()
        .filter_map(ProgramInfo::name_as_str)
        .any(is_gate)
    {
        let interface = interface.to_owned();
        return Err(BpfError::Ours {
            interface,
            instances,
        });
    }
    Ok(())
}

/// `name (id N)` of an XDP program, as far as the kernel tells.
pub(super) fn program_name(id: Option<u32>) -> String {
    let Some(id) = id else {
        return "of unknown name".to_owned();
    };
    match name_of(id) {
        Some(name) if !name.is_empty() => format!("\"{name}\" (id {id})"),
        _ => format!("with id {id}"),
    }
}

/// The name of a program, as far as the kernel tells: its first 15 bytes.
fn name_of(id: u32) -> Option<String> {
    let mut programs = loaded_programs().filter_map(Result::ok);
    let program = programs.find(|program| program.id() == id)?;
    Some(program.name_as_str()?.to_owned())
}

/// Other instances of the node that have a pin of this name. In another network namespace the same name may be about
/// another interface.
fn instances_beside(pin: &Path) -> Vec<String> {
    let (Some(own), Some(file)) = (pin.parent(), pin.file_name()) else {
        return Vec::new();
    };
    let folders = own.parent().and_then(|parent| fs::read_dir(parent).ok());
    let folders = folders.into_iter().flatten().filter_map(Result::ok);
    let theirs = folders.filter(|folder| folder.path() != own && folder.path().join(file).exists());
    let mut names =
        Vec::from_iter(theirs.map(|one| one.file_name().to_string_lossy().into_owned()));
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_instances_are_found_by_their_pins() {
        let parent = tempfile::tempdir().unwrap();
        let own = parent.path().join("own");
        for (instance, pins) in [
            ("own", "xdp-7"),
            ("b", "xdp-7"),
            ("a", "xdp-7"),
            ("c", "xdp-8"),
        ] {
            fs::create_dir(parent.path().join(instance)).unwrap();
            fs::write(parent.path().join(instance).join(pins), "").unwrap();
        }
        assert_eq!(instances_beside(&own.join("xdp-7")), ["a", "b"]);
        assert_eq!(instances_beside(&own.join("xdp-9")), Vec::<String>::new());
    }
}
