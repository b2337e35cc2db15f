//! What the programs cost. The numbers are printed, not judged: they depend on the machine.

use vrrp_ebpf::ownership::State;
use vrrp_tests::frames::{Advert, Arp, Packet};

use crate::{
    kernel::{Kernel, Program},
    world::{SLOT, VIP, VRID, World},
};

const REPEAT: u32 = 100_000;

#[test]
fn verified_instructions_and_time_per_frame() {
    for (level, log) in [(0, "off"), (4, "debug")] {
        let Some(kernel) = Kernel::load(level) else {
            return;
        };
        for program in Program::ALL {
            let info = kernel.info(program);
            println!(
                "{} with log {log}: {} instructions verified, {} bytes translated",
                program.name(),
                info.verified_instruction_count().unwrap_or_default(),
                info.size_translated().unwrap_or_default(),
            );
        }
    }

    let Some(mut kernel) = Kernel::load(0) else {
        return;
    };
    let idle = World::new();
    let active = World::new().with_state(SLOT, State::Active);
    let transit = Packet::to([10, 9, 8, 7]).build();
    let advert = Advert::v3(VRID, &[VIP]).build();
    let request = Arp::who_has(VIP).build();
    for (what, world, frame) in [
        ("transit packet", &idle, &transit),
        ("advert accepted", &idle, &advert),
        ("ARP answered", &active, &request),
    ] {
        kernel.install(world);
        // An answer is no request: one frame per run, or the second would meet the first's answer.
        let repeat = if what == "ARP answered" { 1 } else { REPEAT };
        let runs = REPEAT / repeat.max(100);
        let mut best = u128::MAX;
        for _ in 0..runs.min(1000) {
            best = best.min(
                kernel
                    .run(Program::Ingress, frame, repeat)
                    .duration
                    .as_nanos(),
            );
        }
        println!("{what}: {best} ns");
    }
}
