//! `orket archive`: puts cards away. Shows which first, and asks; nothing is done where nobody can be
//! asked and nobody said `--yes`.

use std::process::ExitCode;

use crate::cli::args::{ArchiveArgs, Consent, Selection};
use crate::cli::consent::{Answer, Moved, Plan, ask, ids, list, quoted};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{assemble, out};
use crate::owner::client::{Address, Client};
use crate::owner::host::{Door, Mode, knock};
use crate::owner::lock::OwnerLock;
use crate::owner::service::archive::{ArchiveRequest, Archived, preview_archive};

/// The most cards that are named one by one, so that what is shown is what is archived.
pub const MOST_NAMED: usize = 1_000;

/// See the file's head.
pub async fn run(context: Context, args: ArchiveArgs) -> Result<ExitCode, Failure> {
    let mut request = ArchiveRequest {
        card_ids: args.which.card.clone(),
        build_id: args.which.build.clone(),
        related_tokens: args.which.related.clone(),
        reason: args.reason.clone(),
        archived_by: who(),
        dry_run: true,
    };
    selected(request.has_selector(), "archive")?;
    let preview = preview(&context, &args.consent, &request).await?;
    if !args.consent.dry_run && preview.archived_count > 0 {
        match ask(&context, &args.consent, &plan(&preview, "archive"))? {
            Answer::Yes => {}
            Answer::No => return Ok(ExitCode::from(1)),
            Answer::NobodyToAsk => {
                return Ok(refused(
                    &context,
                    &preview,
                    &command("archive", &args.which, &args.reason),
                ));
            }
        }
    }
    let mut archived = if args.consent.dry_run || preview.archived_count == 0 {
        preview
    } else {
        request.dry_run = false;
        if preview.archived_count <= MOST_NAMED {
            // What was shown is what is archived, whatever else has the text by now.
            let missing = preview.missing_ids.iter().cloned();
            let before = preview.already_archived.iter().cloned();
            let shown = preview.archived.iter();
            request.card_ids = shown
                .map(|card| format!("{}/{}", card.build_id, card.id))
                .collect();
            request.build_id = None;
            request.related_tokens = Vec::new();
            let mut archived = carry_out(&context, &args.consent, &request).await?;
            archived.missing_ids.extend(missing);
            archived.already_archived.extend(before);
            archived.refused.extend(preview.refused.iter().cloned());
            archived.build_is_missing = preview.build_is_missing;
            archived.more_related = preview.more_related;
            archived
        } else {
            carry_out(&context, &args.consent, &request).await?
        }
    };
    // Nothing to do is not the same as nothing but a look.
    archived.dry_run = args.consent.dry_run;
    archived.ok = archived.missing_ids.is_empty()
        && archived.refused.is_empty()
        && !archived.build_is_missing;
    if context.json {
        out::json(&archived);
    } else {
        out::print(&told(&archived, args.which.build.as_deref()));
    }
    Ok(ExitCode::from(u8::from(!archived.ok)))
}

/// Who is at the keyboard, for the journal.
pub fn who() -> String {
    std::env::var("USER")
        .ok()
        .filter(|user| !user.trim().is_empty())
        .unwrap_or_else(|| "cli".to_owned())
}

pub fn selected(is: bool, verb: &str) -> Result<(), Failure> {
    if is {
        return Ok(());
    }
    let failure = Failure::usage("say which cards: --card, --build or --related");
    Err(failure.hint(format!("orket {verb} --help")))
}

/// The command that does what was only shown.
pub fn command(verb: &str, which: &Selection, reason: &str) -> String {
    let mut text = format!("orket {verb}");
    let mut flag = |name: &str, value: &str| text.push_str(&format!(" --{name} {}", quoted(value)));
    for card in &which.card {
        flag("card", card);
    }
    if let Some(build) = &which.build {
        flag("build", build);
    }
    for related in &which.related {
        flag("related", related);
    }
    flag("reason", reason);
    text.push_str(" --yes");
    text
}

async fn preview(
    context: &Context,
    consent: &Consent,
    request: &ArchiveRequest,
) -> Result<Archived, Failure> {
    match context.living_owner(consent.server.as_deref()).await? {
        Some(client) => Ok(client.archive(request).await?),
        None => Ok(preview_archive(context.records()?.as_ref(), request)?),
    }
}

async fn carry_out(
    context: &Context,
    consent: &Consent,
    request: &ArchiveRequest,
) -> Result<Archived, Failure> {
    let (client, _lock) = door(context, consent).await?;
    match client {
        Some(client) => Ok(client.archive(request).await?),
        None => assemble::archive(&context.settings, &context.folder, request).await,
    }
}

/// The living owner, or the right to own the folder.
///
/// # Errors
///
/// When neither can be had.
pub async fn door(
    context: &Context,
    consent: &Consent,
) -> Result<(Option<Client>, Option<OwnerLock>), Failure> {
    let mode = match &consent.server {
        Some(server) => Mode::Server(Address::parse(server)),
        None => Mode::Any,
    };
    match knock(&context.folder, &mode).await? {
        Door::Attach(client) => Ok((Some(client), None)),
        Door::Own(lock) => Ok((None, Some(lock))),
        Door::Nobody => Err(Failure::new("E_NO_OWNER", "nobody owns this data folder")
            .hint("orket serve --socket-only")),
    }
}

fn plan<'a>(preview: &'a Archived, verb: &'static str) -> Plan<'a> {
    Plan {
        verb,
        cards: preview
            .archived
            .iter()
            .map(|card| Moved {
                id: &card.id,
                status: &card.status,
                build: &card.build_id,
            })
            .collect(),
    }
}

/// Nobody was asked, so nothing was done.
fn refused(context: &Context, preview: &Archived, command: &str) -> ExitCode {
    let count = preview.archived_count;
    let failure = Failure::new(
        "E_NOT_CONFIRMED",
        format!("nothing was archived: {count} card(s) would be, and nobody can be asked"),
    )
    .hint(command);
    if context.json {
        let mut body = failure.body();
        if let (Some(body), Ok(preview)) = (body.as_object_mut(), serde_json::to_value(preview)) {
            body.insert("preview".to_owned(), preview);
        }
        out::json(&body);
        return failure.tell(false);
    }
    out::print(&plan(preview, "archive").text());
    failure.tell(false)
}

fn told(archived: &Archived, build: Option<&str>) -> String {
    let count = archived.archived_count;
    let mut text = if archived.dry_run && count > 0 {
        plan(archived, "archive").text()
    } else {
        let mut text = format!("Archived {count} card(s).\n");
        if count > 0 {
            text.push_str(&ids("Archived IDs", &archived.archived_ids));
        }
        text
    };
    text.push_str(&ids("Already archived", &archived.already_archived));
    text.push_str(&ids("Missing IDs", &archived.missing_ids));
    if archived.build_is_missing {
        text.push_str(&format!(
            "No card has the build {}.\n",
            build.unwrap_or_default()
        ));
    }
    let refused = archived.refused.iter();
    text.push_str(&list(
        "Not archived",
        refused.map(|card| (card.id.as_str(), card.status.as_str(), card.reason.as_str())),
    ));
    if archived.more_related {
        text.push_str("More cards have the text; give the same command again for the next ones.\n");
    }
    text
}
