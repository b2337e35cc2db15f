//! The scenes of `xvrrp-bench packets`: what a figure is said to be of, it is of.

use vrrp_tests::datapath::{
    bare::Bare,
    scene::{self, BATCH_MAX},
};

use crate::kernel::object;

#[test]
fn every_frame_of_every_scene_takes_its_path() {
    let Some(object) = object() else {
        return;
    };
    for scene in scene::all() {
        let mut stage = scene.stage(&object).unwrap();
        for repeat in [1, 2, BATCH_MAX] {
            stage.run(repeat).unwrap();
        }
    }
}

#[test]
fn a_scene_with_another_verdict_is_refused() {
    let Some(object) = object() else {
        return;
    };
    for mut scene in scene::all() {
        let name = scene.name;
        scene.returned ^= 1;
        let error = scene.stage(&object).unwrap().run(2).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_answer_without_rewriting_is_caught() {
    let Some(object) = object() else {
        return;
    };
    let mut scenes = scene::all().into_iter();
    let mut scene = scenes
        .find(|scene| scene.name.starts_with("ARP answered"))
        .unwrap();
    scene.baseline = scene::Baseline::Xdp;
    let mut stage = scene.stage(&object).unwrap();
    stage.run(1).unwrap();
    // The second run meets the answer of the first.
    assert!(stage.run(2).is_err());
}

#[test]
fn rewriting_gives_the_next_program_the_frame() {
    if object().is_none() {
        return;
    }
    let frame: [u8; 42] = std::array::from_fn(|index| index.try_into().unwrap());
    let pass = Bare::xdp_pass().unwrap();
    let rewriting = Bare::rewriting(&frame, std::os::fd::AsFd::as_fd(&pass)).unwrap();
    let run = rewriting.run(&[0xee; 60], 3).unwrap();
    assert_eq!(run.returned, 2);
    assert_eq!(run.frame[..42], frame);
    assert_eq!(run.frame[42..], [0xee; 18]);
    // Without room for the frame, nothing is called.
    assert_eq!(rewriting.run(&[0xee; 41], 1).unwrap().returned, 0);
}
