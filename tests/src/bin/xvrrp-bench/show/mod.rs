//! How a run is shown: a table on the terminal, short ones for docs/compared.md, a page for the browser.
//!
//! No figure is left out. One that is no failover stands in brackets, and the reason beside it.

mod cells;
mod doubt;
mod figures;
mod folder;
mod html;
mod markdown;
mod names;
#[cfg(test)]
mod sample;
mod terminal;

pub(crate) use self::{
    folder::{Args, run},
    html::write as html,
    markdown::markdown,
    terminal::table,
};
