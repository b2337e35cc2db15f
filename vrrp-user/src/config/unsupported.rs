//! What happens with a statement that we do not act on.

use super::{
    ast::Statement,
    diag::Diagnostics,
    keywords::{Context, Support},
};

/// Whether the one note about mail settings was given.
#[derive(Debug, Default)]
pub(super) struct MailNote(bool);

/// Reports a statement that `context` has no use for. Its block, if any, is skipped as a whole.
pub(super) fn report(
    context: Context,
    statement: &Statement,
    mail: &mut MailNote,
    report: &mut Diagnostics,
) {
    let (keyword, place) = (statement.keyword(), &statement.place);
    let block = if statement.block.is_some() {
        " with its block"
    } else {
        ""
    };
    let row = context.row(keyword);
    match row.and_then(|row| row.support(statement)) {
        Some(Support::Accepted) => {}
        Some(Support::Mail) => {
            if !std::mem::replace(&mut mail.0, true) {
                report.note(place, "mail settings are accepted, no mail is sent");
            }
        }
        Some(Support::Ignored("")) => {
            report.warn(
                place,
                format!("`{keyword}` is not supported yet, ignored{block}"),
            );
        }
        Some(Support::Ignored(consequence)) => {
            report.warn(
                place,
                format!("`{keyword}` is not supported yet, ignored{block}: {consequence}"),
            );
        }
        Some(Support::Refused(danger)) => report.error_help(
            place,
            format!("`{keyword}` is not supported yet, and ignoring it is not safe: {danger}"),
            "remove it if that is what you want",
        ),
        None => unknown(context, statement, block, report),
    }
}

/// What somebody means who invents a keyword for a script.
fn meant_script(keyword: &str) -> Option<String> {
    let state = keyword.strip_prefix("notify_")?;
    let meant = match state {
        "primary" | "active" | "leader" | "up" => "notify_master",
        "secondary" | "standby" | "slave" | "passive" => "notify_backup",
        "error" | "failed" | "failure" | "down" => "notify_fault",
        "shutdown" | "exit" => "notify_stop",
        _ => {
            let mut known: Vec<_> = Context::Instance.commands().collect();
            let last = known.pop()?;
            return Some(format!("known are {} and {last}", known.join(", ")));
        }
    };
    Some(format!("did you mean `{meant}`?"))
}

fn unknown(context: Context, statement: &Statement, block: &str, report: &mut Diagnostics) {
    let (keyword, place) = (statement.keyword(), &statement.place);
    if Context::Authentication.reads(keyword) {
        report.warn_help(
            place,
            format!(
                "`{keyword}` has an effect in an `authentication {{ }}` block alone, ignored{block}"
            ),
            "move it into that block of the `vrrp_instance`, on every router",
        );
        return;
    }
    let elsewhere = [Context::Instance, Context::Globals, Context::Top]
        .into_iter()
        .find(|other| *other != context && other.row(keyword).is_some());
    match (elsewhere, context.similar(keyword)) {
        (Some(Context::Globals), _) => report.warn_help(
            place,
            format!(
                "`{keyword}` has no effect {}, ignored{block}",
                location(context)
            ),
            "move it to `global_defs`",
        ),
        // keepalived takes it for no keyword; a block would have lost its way.
        (Some(Context::Instance), _)
            if context == Context::Globals && statement.block.is_none() =>
        {
            let global = format!("vrrp_{keyword}");
            let help = if Context::Globals.reads(&global) {
                format!("write `{global}`, or move it to the `vrrp_instance`")
            } else {
                "move it to the `vrrp_instance`".to_owned()
            };
            report.warn_help(
                place,
                format!("`{keyword}` has no effect in `global_defs`, ignored"),
                help,
            );
        }
        (Some(elsewhere), _) => report.error_help(
            place,
            format!(
                "`{keyword}` stands {}, where it has no effect",
                location(context)
            ),
            format!(
                "it belongs {}: is a `}}` missing, or one too many before it?",
                location(elsewhere)
            ),
        ),
        (None, meant) if context == Context::Instance && meant_script(keyword).is_some() => {
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => meant_script(keyword).unwrap_or_default(),
            };
            report.warn_help(
                place,
                format!("`{keyword}` is not a keyword, ignored{block}: the script is never run"),
                help,
            );
        }
        (None, Some(meant)) => report.warn_help(
            place,
            format!("`{keyword}` is not a keyword, ignored{block}"),
            format!("did you mean `{meant}`?"),
        ),
        (None, None) => report.warn(
            place,
            format!("`{keyword}` is not a keyword, ignored{block}"),
        ),
    }
}

fn location(context: Context) -> &'static str {
    match context {
        Context::Top => "outside of all blocks",
        Context::Globals => "in `global_defs`",
        Context::Instance => "in a `vrrp_instance`",
        Context::Authentication => "in `authentication`",
    }
}
