//! Virtual routers that come, go and change while the engine runs.

use super::*;

/// Routers of which the first two are Active since 1 ms and their Active_Down_Interval, when it is as late.
fn active() -> (Engine, u64) {
    let mut engine = Engine::started(2);
    let due = MILLISECOND + DOWN;
    engine.turn_at(due).unwrap();
    engine.answer();
    // The repeats.
    let due = due + MILLISECOND;
    engine.turn_at(due).unwrap();
    assert_eq!(
        (engine.state(0), engine.state(1)),
        (State::Active, State::Active)
    );
    engine.machine.did.clear();
    engine.machine.told.clear();
    (engine, due)
}

impl Engine {
    /// The first router is to have this priority and these virtual IPs.
    fn change(&mut self, priority: u8, vips: &[u8]) {
        let id = RouterId::first(0);
        let router = desired(id, "VI_0", 51, priority, vips);
        self.blueprints[0].change_to(router);
        self.exchange(0);
    }

    fn changed(&self) -> usize {
        let told = self.machine.told.iter();
        told.filter(|event| matches!(event, Event::Changed { .. }))
            .count()
    }

    fn is_moved(&self) -> bool {
        let mut told = self.machine.told.iter();
        told.any(|event| matches!(event, Event::Transition { .. }))
    }
}

#[test]
fn a_virtual_ip_that_an_active_gets_is_installed_and_announced_alone() {
    let (mut engine, due) = active();
    engine.change(254, &[254, 200]);
    engine.turn_at(due + MILLISECOND).unwrap();
    let expected = [
        Did::Router(0, true),
        Did::Vip(200, true),
        Did::Changed(0, Operation::Install),
        // Twice, as configured; the number is 254 less the end of the address.
        Did::Announced(54),
        Did::Announced(54),
    ];
    assert_eq!(engine.machine.did, expected);
    assert_eq!(engine.changed(), 0, "the kernel has not got it yet");
    engine.answer();
    engine.turn().unwrap();
    assert_eq!(engine.changed(), 1);
    assert!(!engine.is_moved());
}

#[test]
fn the_programs_know_a_virtual_ip_that_goes_until_the_kernel_has_removed_it() {
    let (mut engine, due) = active();
    engine.change(254, &[200]);
    engine.turn_at(due + MILLISECOND).unwrap();
    let gone = Did::Vip(254, false);
    assert!(!engine.machine.did.contains(&gone));
    // The next change does not wait, and the last one says when all is done.
    engine.change(254, &[100]);
    engine.turn_at(due + 2 * MILLISECOND).unwrap();
    let first = engine.machine.orders.pop_front().unwrap();
    engine.machine.reports.push_back(Report::Done(first));
    engine.turn().unwrap();
    assert!(!engine.machine.did.contains(&gone));
    engine.machine.did.clear();
    let retired = engine.machine.retired;
    engine.answer();
    engine.turn().unwrap();
    let expected = [Did::Vip(200, false), gone];
    assert_eq!(engine.machine.did, expected);
    assert_eq!(engine.machine.retired, retired + 2);
    assert_eq!(engine.changed(), 1);
}

#[test]
fn another_priority_is_said_at_once_and_moves_nobody() {
    let (mut engine, due) = active();
    engine.change(100, &[254]);
    engine.turn_at(due + MILLISECOND).unwrap();
    assert_eq!(engine.machine.did[0], Did::Router(0, true));
    assert_eq!(engine.machine.did[1], Did::Advertised(0));
    assert!(!engine.is_moved());
    let router = engine.driver.router(RouterId::first(0)).unwrap();
    assert_eq!((router.state(), router.priority()), (State::Active, 100));
}

#[test]
fn parts_like_those_of_before_do_nothing() {
    let (mut engine, due) = active();
    engine.change(254, &[254]);
    engine.turn_at(due + MILLISECOND).unwrap();
    assert_eq!(engine.machine.did, []);
    assert_eq!((engine.changed(), engine.machine.retired), (1, 1));
}

#[test]
fn a_router_that_is_removed_goes_in_good_order_and_alone() {
    let (mut engine, due) = active();
    let (gone, stays) = (RouterId::first(0), RouterId::first(1));
    engine.machine.commands.push_back(Command::Remove(gone));
    engine.turn_at(due + MILLISECOND).unwrap();
    assert_eq!(engine.state(0), State::Retiring);
    assert!(engine.machine.did.contains(&Did::Advertised(0)));
    let mut turns = 0;
    while engine.driver.router(gone).is_some() {
        let next = engine.driver.deadline().unwrap().0;
        engine.turn_at(next.max(engine.machine.now + 1)).unwrap();
        engine.answer();
        turns += 1;
        assert!(turns < 1000, "it stays for ever");
    }
    let removed = Event::Removed { router: gone };
    assert_eq!(engine.machine.told.last(), Some(&removed));
    let ending = [Did::Vip(254, false), Did::Router(0, false), Did::Forgot(0)];
    assert!(engine.machine.did.ends_with(&ending));
    assert_eq!(engine.driver.router(stays).unwrap().state(), State::Active);
    assert!(!engine.machine.did.contains(&Did::Vip(253, false)));

    // Another one has its slot then, and the word that it writes is another writer's.
    let before = Ownership(engine.machine.words[0].ownership).epoch();
    let mut next = blueprint(gone.next(), "VI_9", 59, 100, &[9]);
    let addition = Addition::new(&mut next, None);
    engine.machine.commands.push_back(Command::Add(addition));
    engine.turn_at(engine.machine.now + 1).unwrap();
    let word = Ownership(engine.machine.words[0].ownership);
    assert_eq!(word.epoch(), before + 1);
    let next = engine.driver.router(gone.next()).unwrap();
    assert_eq!(next.state(), State::Initialize);
    let begins = Did::Changed(0, Operation::Remove);
    assert_eq!(engine.machine.did.last(), Some(&begins));
}

#[test]
fn whoever_comes_while_the_engine_stops_has_stopped() {
    let mut engine = Engine::started(1);
    let mut late = blueprint(RouterId::first(1), "VI_1", 52, 100, &[9]);
    let addition = Addition::new(&mut late, None);
    engine.driver.stopping = true;
    engine.machine.commands.push_back(Command::Add(addition));
    engine.turn().unwrap();
    let removed = Event::Removed { router: late.id() };
    assert!(engine.machine.told.contains(&removed));
    // What the engine would have of it, and its virtual IPs.
    assert_eq!(engine.machine.retired, 2);
    assert!(engine.driver.router(late.id()).is_none());
}

#[test]
fn parts_of_a_router_that_has_gone_are_given_back() {
    let mut engine = Engine::started(1);
    let mut gone = blueprint(RouterId::first(0).next(), "VI_1", 51, 100, &[9]);
    gone.set_interface(IpAddr::from([192, 168, 1, 1]), MAC);
    let parts = Box::new(gone.news().unwrap().unwrap());
    let router = gone.id();
    let command = Command::Parts { router, parts };
    engine.machine.commands.push_back(command);
    engine.machine.commands.push_back(Command::Remove(router));
    engine.turn().unwrap();
    // Whoever asks again has not heard of it.
    assert!(engine.machine.told.contains(&Event::Removed { router }));
    assert_eq!((engine.machine.did, engine.machine.retired), (vec![], 1));
}
