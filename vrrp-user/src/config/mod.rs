//! `keepalived.conf`: lexer, parser, typed model.

pub mod model;

pub use model::{Auth, Config, Globals, Instance, Notify, Scope, Script, Vip};
