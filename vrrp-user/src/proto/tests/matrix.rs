//! Every state × every input: the state after it, and the outputs in order.
//!
//! Outputs are letters: `o` own Idle, `R` own Rising, `A` own Active, `T` own Retiring, `F` follow,
//! `a` advertise, `z` advertise priority 0, `g` announce, `i` install, `r` remove, `t` transition.

use std::net::IpAddr;

use vrrp_ebpf::ownership;

use super::{Bench, FaultReason, Input, OURS, Output, PEER, START, State, an_advert, ms, settings};

pub(super) const STATES: [State; 6] = [
    State::Initialize,
    State::Fault,
    State::Backup,
    State::Rising,
    State::Active,
    State::Retiring,
];

fn letter(output: &Output) -> char {
    match output {
        Output::Own { state, .. } => match state {
            ownership::State::Idle => 'o',
            ownership::State::Rising => 'R',
            ownership::State::Active => 'A',
            ownership::State::Retiring => 'T',
        },
        Output::Follow { .. } => 'F',
        Output::Advertise { priority: 0 } => 'z',
        Output::Advertise { .. } => 'a',
        Output::Announce { .. } => 'g',
        Output::Install => 'i',
        Output::Remove => 'r',
        Output::Transition(_) => 't',
    }
}

/// Feeds `input` in every state and compares with the six cells of `row`, a word per state.
/// `-` stands for no output.
fn check(input: Input, row: &str) {
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells.len(), STATES.len());
    for (state, cell) in STATES.into_iter().zip(cells) {
        let mut bench = Bench::in_state(state, settings());
        let now = match input {
            Input::Timeout => bench.router.deadline().unwrap_or(START),
            _ => START + ms(1),
        };
        let outputs: String = bench.feed(now, input).iter().map(letter).collect();
        let outputs = if outputs.is_empty() { "-" } else { &outputs };
        let got = format!("{:?}:{outputs}", bench.state());
        assert_eq!(got, cell, "{input:?} in {state:?}");
    }
}

fn heard(priority: u8, source: IpAddr) -> Input {
    Input::Advert(an_advert(source, START + ms(1), priority))
}

#[test]
fn link() {
    check(
        Input::LinkUp { primary: OURS },
        "Backup:Ft Backup:Ft Backup:- Rising:- Active:- Retiring:-",
    );
    check(
        Input::Fault(FaultReason::LinkDown.into()),
        "Fault:t Fault:- Fault:t Fault:ort Fault:ort Initialize:ort",
    );
    check(
        Input::Fault(FaultReason::NoAddress.into()),
        "Fault:t Fault:- Fault:t Fault:ort Fault:ozrt Initialize:ozrt",
    );
}

#[test]
fn priority() {
    check(
        Input::Priority(99),
        "Initialize:- Fault:- Backup:F Backup:orFt Active:a Retiring:-",
    );
    check(
        Input::Priority(101),
        "Initialize:- Fault:- Backup:F Rising:F Active:a Retiring:-",
    );
}

#[test]
fn stop() {
    check(
        Input::Shutdown,
        "Initialize:- Initialize:t Initialize:t Initialize:ort Retiring:FTzt Retiring:-",
    );
    check(
        Input::ShutdownNow,
        "Initialize:- Initialize:t Initialize:t Initialize:ort Initialize:ozrt Initialize:ozrt",
    );
}

//= C38: proof
#[test]
fn adverts() {
    let higher_address = IpAddr::from([192, 168, 1, 3]);
    assert!(PEER < OURS && OURS < higher_address);
    for (input, row) in [
        (
            heard(0, PEER),
            "Initialize:- Fault:- Backup:- Active:aAgt Active:ag Retiring:-",
        ),
        (
            heard(99, PEER),
            "Initialize:- Fault:- Backup:- Rising:- Active:ag Retiring:-",
        ),
        (
            heard(100, PEER),
            "Initialize:- Fault:- Backup:F Backup:orFt Active:ag Retiring:-",
        ),
        (
            heard(100, higher_address),
            "Initialize:- Fault:- Backup:F Backup:orFt Backup:oarFt Retiring:-",
        ),
        (
            heard(101, PEER),
            "Initialize:- Fault:- Backup:F Backup:orFt Backup:oarFt Retiring:-",
        ),
        (
            Input::Seen(START + ms(1)),
            "Initialize:- Fault:- Backup:- Backup:ort Active:- Retiring:-",
        ),
        (
            Input::BetterSeen(START + ms(1)),
            "Initialize:- Fault:- Backup:- Rising:- Backup:oart Retiring:-",
        ),
        (
            Input::SuccessorAnnounced,
            "Initialize:- Fault:- Backup:- Rising:- Active:- Initialize:ort",
        ),
        (
            Input::AdvertSent { at: START + ms(1) },
            "Initialize:- Fault:- Backup:- Rising:- Active:A Retiring:T",
        ),
    ] {
        check(input, row);
    }
}

#[test]
fn addresses() {
    for (input, row) in [
        (
            Input::AddressesReady,
            "Initialize:- Fault:- Backup:- Active:aAgt Active:- Retiring:-",
        ),
        (
            Input::AddressesGone,
            "Initialize:- Fault:- Backup:- Rising:- Active:- Retiring:-",
        ),
        (
            Input::AddressLost,
            "Initialize:- Fault:- Backup:- Rising:i Active:i Retiring:-",
        ),
        (
            Input::Conflict,
            "Initialize:- Fault:- Backup:- Rising:- Active:g Retiring:-",
        ),
    ] {
        check(input, row);
    }
}

#[test]
fn timeout() {
    check(
        Input::Timeout,
        "Initialize:- Fault:- Active:Aaigt Active:aAgt Active:a Retiring:z",
    );
}
