//! What happens with a statement that we do not act on.

use super::{
    ast::Statement,
    diag::Report,
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
    report: &mut Report,
) {
    let (keyword, place) = (statement.keyword(), &statement.place);
    let block = if statement.block.is_some() {
        " with its block"
    } else {
        ""
    };
    match context.support(keyword) {
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

fn unknown(context: Context, statement: &Statement, block: &str, report: &mut Report) {
    let (keyword, place) = (statement.keyword(), &statement.place);
    let elsewhere = [Context::Instance, Context::Globals, Context::Top]
        .into_iter()
        .find(|other| {
            *other != context
                && (other.acted_on().contains(&keyword) || other.support(keyword).is_some())
        });
    match (elsewhere, context.similar(keyword)) {
        (Some(Context::Globals), _) => report.warn_help(
            place,
            format!(
                "`{keyword}` has no effect {}, ignored{block}",
                location(context)
            ),
            "move it to `global_defs`",
        ),
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
    }
}
