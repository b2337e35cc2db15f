//! The BPF programs without a network: loaded from the object, their maps filled by hand, and run
//! over single frames by `BPF_PROG_TEST_RUN`. The suite `bpf` judges what they do; the bench, what
//! it costs.

pub mod bare;
pub mod behind;
pub mod kernel;
pub mod scene;
pub mod v6;
pub mod world;

pub use self::{
    kernel::{Kernel, Program, Run},
    world::World,
};
