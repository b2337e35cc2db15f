//! Embeds the BPF object that `cargo xtask` built and named in `XVRRP_BPF_OBJECT`; without it an
//! empty stub, with which the node explains itself instead of failing to compile.
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=XVRRP_BPF_OBJECT");
    let target = PathBuf::from(env::var("OUT_DIR")?).join("xvrrp.bpf.o");
    match env::var_os("XVRRP_BPF_OBJECT") {
        Some(object) => {
            let object = PathBuf::from(object);
            println!("cargo:rerun-if-changed={}", object.display());
            fs::copy(object, target)?;
        }
        None => fs::write(target, [])?,
    }
    Ok(())
}
