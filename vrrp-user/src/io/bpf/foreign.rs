//! Names the program of somebody else that is in our way.

use aya::programs::loaded_programs;

/// `name (id N)` of an XDP program, as far as the kernel tells.
pub(super) fn program_name(id: Option<u32>) -> String {
    let Some(id) = id else {
        return "of unknown name".to_owned();
    };
    let program = loaded_programs()
        .filter_map(Result::ok)
        .find(|program| program.id() == id);
    let name = program
        .as_ref()
        .and_then(|program| program.name_as_str())
        .unwrap_or_default();
    if name.is_empty() {
        format!("with id {id}")
    } else {
        format!("\"{name}\" (id {id})")
    }
}
