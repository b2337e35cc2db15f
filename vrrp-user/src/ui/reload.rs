//! What a reload did, for a terminal.

use crate::status::{Effect, Reloaded};

/// One line for each diagnostic and each change.
#[must_use]
pub fn render(reloaded: &Reloaded) -> String {
    lines(reloaded, "", |_| "")
}

/// The same of a reload that has not been done: says also what would go to another router.
#[must_use]
pub fn render_preview(reloaded: &Reloaded) -> String {
    lines(reloaded, "reload: ", |effect| {
        if effect.moves {
            "; another router takes over if it is MASTER here"
        } else {
            ""
        }
    })
}

fn lines(reloaded: &Reloaded, before: &str, after: impl Fn(&Effect) -> &'static str) -> String {
    let diagnostics = reloaded.diagnostics.iter().cloned();
    let effects = reloaded.effects.iter();
    let effects = effects.map(|effect| format!("{before}{effect}{}", after(effect)));
    let nothing = reloaded.taken && reloaded.effects.is_empty();
    let nothing = nothing.then(|| format!("{before}nothing changes"));
    let failures = reloaded.failures.iter().cloned();
    let lines = diagnostics.chain(effects).chain(failures).chain(nothing);
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(what: &str, moves: bool) -> Effect {
        Effect {
            subject: "VI_1".to_owned(),
            what: what.to_owned(),
            moves,
        }
    }

    #[test]
    fn each_effect_has_a_line_and_so_has_nothing() {
        let mut reloaded = Reloaded {
            taken: true,
            diagnostics: vec!["k.conf:2: warning: odd".to_owned()],
            effects: vec![effect("priority 100 → 150", false), effect("removed", true)],
            failures: Vec::new(),
        };
        assert_eq!(
            render(&reloaded),
            "k.conf:2: warning: odd\nVI_1: priority 100 → 150\nVI_1: removed\n"
        );
        assert_eq!(
            render_preview(&reloaded),
            "k.conf:2: warning: odd\nreload: VI_1: priority 100 → 150\n\
             reload: VI_1: removed; another router takes over if it is MASTER here\n"
        );
        reloaded.effects.clear();
        reloaded.diagnostics.clear();
        assert_eq!(render(&reloaded), "nothing changes\n");
        assert_eq!(render_preview(&reloaded), "reload: nothing changes\n");
        reloaded.taken = false;
        assert_eq!(render(&reloaded), "");
    }
}
