//! Where the object comes from.

use std::{env, fs};

use vrrp_tests::datapath::{Kernel, behind};

/// Loads the object with its log off, or tells why the suite goes on without.
pub(crate) fn load() -> Option<Kernel> {
    object().map(|object| Kernel::load(&object, 0).unwrap())
}

/// The same with the bounds that the node has on the rate of records.
pub(crate) fn load_bounded() -> Option<Kernel> {
    object().map(|object| Kernel::load_bounded(&object).unwrap())
}

/// Runs a case where the kernel, if there is one, has the routes that the host's model has.
pub(crate) fn among_routes(case: impl FnOnce() + Send) {
    if object().is_none() {
        return case();
    }
    let inside = || {
        case();
        Ok(())
    };
    behind::netns().unwrap().run(inside).unwrap();
}

/// The object's bytes, or `None` where the suite is to do without.
pub(crate) fn object() -> Option<Vec<u8>> {
    match requirement() {
        Ok(object) => Some(object),
        Err(missing) if env::var_os("XVRRP_SKIP_PRIVILEGED").is_some() => {
            eprintln!("on the host only: {missing}");
            None
        }
        Err(missing) => panic!("{missing}; XVRRP_SKIP_PRIVILEGED=1 leaves the kernel out"),
    }
}

/// The object, or what is missing to load it.
fn requirement() -> Result<Vec<u8>, String> {
    let path = env::var_os("XVRRP_BPF_OBJECT")
        .ok_or("XVRRP_BPF_OBJECT does not name the BPF object (cargo xtask test sets it)")?;
    if !nix::unistd::geteuid().is_root() {
        return Err("loading BPF programs needs root".to_owned());
    }
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}
