//! What the verifier follows before a program may run: time at the start of each node.

use vrrp_tests::datapath::Program;

use crate::kernel::load;

/// A quarter more than Linux 6.18 followed when this was written: other kernels join paths elsewhere.
const fn most(program: Program) -> u32 {
    match program {
        Program::Ingress | Program::IngressFrags => 72_000,
        Program::Receive => 61_000,
        Program::Egress => 2_900,
        Program::Mark => 210,
    }
}

#[test]
fn verifier_follows_no_path_again_for_nothing() {
    let Some(kernel) = load() else {
        return;
    };
    for program in kernel.programs() {
        let info = kernel.info(*program).unwrap();
        let Some(followed) = info.verified_instruction_count() else {
            eprintln!("skipped: this kernel does not tell what its verifier followed");
            return;
        };
        assert!(followed <= most(*program), "{program:?}: {followed}");
    }
}
