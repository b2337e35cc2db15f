//! `global_defs`.

use super::{
    ast::Statement,
    common::Common,
    diag::Diagnostics,
    keywords::{Action, Context},
    model::Globals,
    script::ScriptUser,
    unsupported::{self, MailNote},
};

/// What `global_defs` says, and what an instance starts from.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) globals: Globals,
    pub(super) common: Common,
    pub(super) script_user: ScriptUser,
}

impl Defaults {
    /// Takes one `global_defs` block in.
    pub(super) fn read(
        &mut self,
        block: &Statement,
        mail: &mut MailNote,
        report: &mut Diagnostics,
    ) {
        for statement in block.body() {
            let row = Context::Globals.row(statement.keyword());
            match row.map(|row| row.action) {
                Some(Action::Global(read)) => read(self, statement, report),
                Some(Action::Common { read, .. }) => read(&mut self.common, statement, report),
                _ => unsupported::report(Context::Globals, statement, mail, report),
            }
        }
    }

    pub(super) fn script_user(&mut self, statement: &Statement, report: &mut Diagnostics) {
        let mut names = statement.params().iter().map(|word| word.text.clone());
        self.script_user = ScriptUser {
            user: names.next(),
            group: names.next(),
            place: statement.place.clone(),
        };
        if self.script_user.user.is_none() {
            report.error(&statement.place, "`script_user` needs a user");
        }
    }
}
