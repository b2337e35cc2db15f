//! The BPF object, judged before it is embedded: a file without BTF loads nowhere.

pub(crate) mod stack;

use anyhow::{Context as _, Result, bail};
use object::{Architecture, Object as _, ObjectSection as _};

use self::stack::Depth;

/// Checks that `bytes` are a BPF object with BTF and a licence, whose programs keep within the stack.
/// Returns what each of them takes up of it.
///
/// # Errors
/// Says what is missing, and where it should have come from, or which program takes up too much.
pub(crate) fn check_bpf_object(bytes: &[u8]) -> Result<Vec<Depth>> {
    let file = object::File::parse(bytes).context("the BPF build left no ELF file")?;
    if file.architecture() != Architecture::Bpf {
        bail!("the object is for {:?}, not for BPF", file.architecture());
    }
    section(&file, ".BTF").context(
        "it comes from `-Cdebuginfo=2` and `-Clink-arg=--btf`: did bpf-linker drop the debug info?",
    )?;
    section(&file, "license").context(
        "the kernel refuses GPL-only helpers then: declare it in vrrp-ebpf with `#[link_section = \"license\"]`",
    )?;
    let depths = stack::depths(&file)?;
    for Depth { program, bytes } in &depths {
        if *bytes > stack::LIMIT {
            bail!(
                "{program} takes up {bytes} bytes of the stack; kernels such as Linux 6.1 allow {} and would refuse it",
                stack::LIMIT
            );
        }
    }
    Ok(depths)
}

fn section(file: &object::File<'_>, name: &str) -> Result<()> {
    match file.section_by_name(name) {
        None => bail!("the BPF object has no {name} section"),
        Some(section) if section.size() == 0 => {
            bail!("the BPF object's {name} section is empty")
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EM_BPF: u16 = 247;
    const EM_X86_64: u16 = 62;

    /// A relocatable ELF64 file of null-typed headers' minimum: the named sections, each with its
    /// bytes, and the table of their names.
    fn elf(machine: u16, sections: &[(&str, &[u8])]) -> Vec<u8> {
        const HEADER: usize = 64;
        const ENTRY: usize = 64;
        let mut body = Vec::new();
        let mut names = vec![0];
        let mut entries = vec![[0; ENTRY]];
        let mut add = |name: &str, kind: u32, content: &[u8], names: &mut Vec<u8>| {
            let mut entry = [0; ENTRY];
            entry[..4].copy_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
            entry[4..8].copy_from_slice(&kind.to_le_bytes());
            entry[24..32].copy_from_slice(&((HEADER + body.len()) as u64).to_le_bytes());
            names.extend_from_slice(name.as_bytes());
            names.push(0);
            let content = if name == ".shstrtab" {
                names.clone()
            } else {
                content.to_vec()
            };
            entry[32..40].copy_from_slice(&(content.len() as u64).to_le_bytes());
            body.extend(content);
            entries.push(entry);
        };
        for (name, content) in sections {
            add(name, 1, content, &mut names);
        }
        add(".shstrtab", 3, &[], &mut names);

        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        file.resize(16, 0);
        file.extend(1_u16.to_le_bytes());
        file.extend(machine.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend([0; 16]);
        file.extend(((HEADER + body.len()) as u64).to_le_bytes());
        file.extend([0; 4]);
        for half in [HEADER, 0, 0, ENTRY, entries.len(), entries.len() - 1] {
            file.extend(u16::try_from(half).unwrap().to_le_bytes());
        }
        file.extend(body);
        file.extend(entries.concat());
        file
    }

    fn refusal(bytes: &[u8]) -> String {
        format!(
            "{:#}",
            check_bpf_object(bytes).expect_err("must be refused")
        )
    }

    #[test]
    fn a_bpf_object_with_btf_and_licence_passes() {
        let good = elf(EM_BPF, &[(".BTF", b"btf"), ("license", b"Dual MIT/GPL\0")]);
        check_bpf_object(&good).expect("complete");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(refusal(b"").contains("no ELF"));
        assert!(refusal(&elf(EM_X86_64, &[(".BTF", b"btf")])).contains("X86_64"));
        assert!(refusal(&elf(EM_BPF, &[("license", b"GPL\0")])).contains("no .BTF section"));
        let empty = elf(EM_BPF, &[(".BTF", b""), ("license", b"GPL\0")]);
        assert!(refusal(&empty).contains(".BTF section is empty"));
        assert!(refusal(&elf(EM_BPF, &[(".BTF", b"btf")])).contains("license"));
    }
}
