//! The matrix as Markdown: for the terminal and for the document.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    known,
    outcome::{Cell, Outcome},
    play::Column,
};

/// The table, what is said of its cells, and how many of them are what.
pub(crate) fn matrix(outcomes: &[Outcome]) -> String {
    let known: BTreeSet<_> = outcomes.iter().flat_map(Outcome::known).collect();
    let known: Vec<_> = known.into_iter().collect();
    let mut text = String::from("| peer | xvrrp is | adverts |");
    for column in Column::ALL {
        // Writing into a String cannot fail.
        write!(text, " {} |", column.title()).ok();
    }
    text.push_str("\n|---|---|---|");
    text.push_str(&"---|".repeat(Column::ALL.len()));
    text.push('\n');
    for outcome in outcomes {
        text.push_str(&outcome.row.label());
        for column in Column::ALL {
            write!(text, " {} |", cell(outcome, column, &known)).ok();
        }
        text.push('\n');
    }
    text.push('\n');
    for (number, difference) in (1..).zip(&known) {
        writeln!(text, "[{number}] {difference}.\n").ok();
    }
    text.push_str(&counts(outcomes));
    text
}

/// The whole document, with what the peers are.
pub(crate) fn document(outcomes: &[Outcome], versions: &[String]) -> String {
    let mut text = String::from(HEAD);
    for version in versions {
        writeln!(text, "- {version}").ok();
    }
    writeln!(text, "\n{}", matrix(outcomes)).ok();
    writeln!(
        text,
        "## What is true of the peers in every row\n\n{}",
        known::ALWAYS
    )
    .ok();
    text.trim_end().to_owned() + "\n"
}

const HEAD: &str = "\
# Interoperability

Written by `cargo xtask test interop --out docs/interop.md`: real daemons in network namespaces around a
switch. In each row xvrrp stands beside another implementation, and the router with the best priority
is treated as its column says:

| column | what happens | who must serve |
|---|---|---|
| elected | all start | the best; of equals the first |
| meeting | two equals that did not hear each other, both Active, do again | the higher address |
| stop | the Active is stopped in good order | the next one, told by priority 0 |
| return | it starts again | the best; an equal displaces nobody |
| crash | all processes of the Active are killed | the next one |
| recovery | what it left is removed, and it starts again | the best; an equal displaces nobody |
| tshark | it decodes every advert that xvrrp sent in the row, and every Neighbour Advertisement for the virtual IPs, checksums verified | |

`ok` means: a client's UDP probes and ARP questions (over IPv6, Neighbour Solicitations), for four intervals after
every change, are answered by the router that must serve and by nobody else, every such question once; no other
node takes itself for the Active; xvrrp counts no advert refused, and no peer complains in its log. All lists have
two addresses; those of IPv6 begin with a link-local one. Played with:

";

fn cell(outcome: &Outcome, column: Column, known: &[&'static str]) -> String {
    if !outcome.row.plays(column) {
        return String::new();
    }
    match outcome.cells.get(&column) {
        Some(Cell::Ok(differences)) => {
            let mut text = String::from("ok");
            for (number, difference) in (1..).zip(known) {
                if differences.contains(difference) {
                    write!(text, " [{number}]").ok();
                }
            }
            text
        }
        Some(Cell::Failed(_)) => "**FAIL**".to_owned(),
        None => "not reached".to_owned(),
    }
}

fn counts(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|one| one.failed()).count();
    let passed = outcomes.len() - failed;
    let adverts: usize = outcomes.iter().map(|one| one.adverts).sum();
    format!("{passed} rows ok, {failed} failed; tshark decoded {adverts} adverts of xvrrp's.\n")
}
