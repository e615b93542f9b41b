//! `orket unarchive`: gives archived cards the status back that they had.

use std::process::ExitCode;

use super::archive::{MOST_NAMED, command, door, selected, who};
use crate::cli::args::{Consent, UnarchiveArgs};
use crate::cli::consent::{Answer, Moved, Plan, ask, ids, list};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{assemble, out};
use crate::owner::service::unarchive::{UnarchiveRequest, Unarchived, plan_unarchive};

/// See the file's head.
pub async fn run(context: Context, args: UnarchiveArgs) -> Result<ExitCode, Failure> {
    let mut request = UnarchiveRequest {
        card_ids: args.which.card.clone(),
        build_id: args.which.build.clone(),
        related_tokens: args.which.related.clone(),
        reason: args.reason.clone(),
        unarchived_by: who(),
        dry_run: true,
    };
    selected(request.has_selector(), "unarchive")?;
    let preview = preview(&context, &args.consent, &request).await?;
    let mut said = preview;
    if !args.consent.dry_run && said.unarchived_count > 0 {
        match ask(&context, &args.consent, &plan(&said))? {
            Answer::Yes => {
                request.dry_run = false;
                said = if said.unarchived_count <= MOST_NAMED {
                    shown_only(&context, &args.consent, request, said).await?
                } else {
                    carry_out(&context, &args.consent, &request).await?
                };
            }
            Answer::No => return Ok(ExitCode::from(1)),
            Answer::NobodyToAsk => {
                let hint = command("unarchive", &args.which, &args.reason);
                return Ok(refused(&context, &said, &hint));
            }
        }
    }
    // Nothing to do is not the same as nothing but a look.
    said.dry_run = args.consent.dry_run;
    said.ok = said.missing_ids.is_empty() && said.refused.is_empty() && !said.build_is_missing;
    if context.json {
        out::json(&said);
    } else {
        out::print(&told(&said, args.which.build.as_deref()));
    }
    Ok(ExitCode::from(u8::from(!said.ok)))
}

/// What was shown is what is taken out, whatever else has the text by now.
async fn shown_only(
    context: &Context,
    consent: &Consent,
    mut request: UnarchiveRequest,
    shown: Unarchived,
) -> Result<Unarchived, Failure> {
    request.card_ids = shown
        .unarchived
        .iter()
        .map(|card| format!("{}/{}", card.build_id, card.id))
        .collect();
    request.build_id = None;
    request.related_tokens = Vec::new();
    let mut said = carry_out(context, consent, &request).await?;
    said.missing_ids.extend(shown.missing_ids);
    said.not_archived.extend(shown.not_archived);
    said.refused.extend(shown.refused);
    said.build_is_missing = shown.build_is_missing;
    said.more_related = shown.more_related;
    Ok(said)
}

async fn preview(
    context: &Context,
    consent: &Consent,
    request: &UnarchiveRequest,
) -> Result<Unarchived, Failure> {
    match context.living_owner(consent.server.as_deref()).await? {
        Some(client) => Ok(client.unarchive(request).await?),
        None => {
            let (_, mut said) = plan_unarchive(context.records()?.as_ref(), request)?;
            said.dry_run = true;
            Ok(said)
        }
    }
}

async fn carry_out(
    context: &Context,
    consent: &Consent,
    request: &UnarchiveRequest,
) -> Result<Unarchived, Failure> {
    let (client, _lock) = door(context, consent).await?;
    match client {
        Some(client) => Ok(client.unarchive(request).await?),
        None => assemble::unarchive(&context.settings, &context.folder, request).await,
    }
}

fn plan(said: &Unarchived) -> Plan<'_> {
    Plan {
        verb: "unarchive",
        cards: said
            .unarchived
            .iter()
            .map(|card| Moved {
                id: &card.id,
                status: &card.status,
                build: &card.build_id,
            })
            .collect(),
    }
}

fn refused(context: &Context, said: &Unarchived, command: &str) -> ExitCode {
    let count = said.unarchived_count;
    let failure = Failure::new(
        "E_NOT_CONFIRMED",
        format!("nothing was changed: {count} card(s) would be, and nobody can be asked"),
    )
    .hint(command);
    if context.json {
        let mut body = failure.body();
        if let (Some(body), Ok(preview)) = (body.as_object_mut(), serde_json::to_value(said)) {
            body.insert("preview".to_owned(), preview);
        }
        out::json(&body);
        return failure.tell(false);
    }
    out::print(&plan(said).text());
    failure.tell(false)
}

fn told(said: &Unarchived, build: Option<&str>) -> String {
    let count = said.unarchived_count;
    let mut text = if said.dry_run && count > 0 {
        plan(said).text()
    } else {
        let mut text = format!("Unarchived {count} card(s).\n");
        let cards = said.unarchived.iter();
        text.push_str(&list(
            "",
            cards.map(|card| {
                (
                    card.id.as_str(),
                    card.status.as_str(),
                    card.build_id.as_str(),
                )
            }),
        ));
        text
    };
    text.push_str(&ids("Not archived", &said.not_archived));
    text.push_str(&ids("Missing IDs", &said.missing_ids));
    if said.build_is_missing {
        text.push_str(&format!(
            "No card has the build {}.\n",
            build.unwrap_or_default()
        ));
    }
    let refused = said.refused.iter();
    text.push_str(&list(
        "Stays archived",
        refused.map(|card| (card.id.as_str(), card.status.as_str(), card.reason.as_str())),
    ));
    if said.more_related {
        text.push_str("More cards have the text; give the same command again for the next ones.\n");
    }
    text
}
