//! What was found, and what must hold.

use super::Options;
use super::jobs::is_refusal;
use super::phases::{DOORS, Over, Taken};
use super::recovery::{recovered, worst_p99_ms};
use crate::kind::ErrorKind;
use crate::measurement::Measurement;
use crate::outcome::Outcome;

/// How much the memory of the second half of the overload may be above that of the first, beside a tenth.
const RSS_ALLOWANCE_MIB: f64 = 32.0;

/// See the file's head.
pub fn said(
    outcome: &mut Outcome,
    options: &Options,
    before: &Measurement,
    taken: &Taken,
    over: &Over,
) {
    doors(outcome, options, taken, over);
    memory(outcome, &over.rss_mib);
    back(outcome, options, before, over);
    outcome
        .measurements
        .insert("light_before".to_owned(), before.clone());
    outcome
        .measurements
        .insert("light_after".to_owned(), over.light.clone());
}

fn doors(outcome: &mut Outcome, options: &Options, taken: &Taken, over: &Over) {
    let (mut refused, mut silent, mut unsent) = (0, 0, 0);
    let mut others: Vec<String> = Vec::new();
    for ((name, taken), (found, watched)) in DOORS.iter().zip(taken.0).zip(&over.doors) {
        let per_second = |count: u64| count as f64 / options.seconds;
        outcome.yield_of(format!("{name}_taken_per_second"), taken, "/s");
        outcome.figure(
            format!("{name}_offered_per_second"),
            taken * options.factor,
            "/s",
        );
        outcome.figure(
            format!("{name}_sent_per_second"),
            per_second(found.samples()),
            "/s",
        );
        outcome.yield_of(
            format!("{name}_accepted_per_second"),
            per_second(found.succeeded()),
            "/s",
        );
        outcome.figure(
            format!("{name}_refused_per_second"),
            per_second(watched.refused()),
            "/s",
        );
        outcome.ratio(
            &format!("{name}_accepted_to_taken"),
            (taken > 0.0).then(|| per_second(found.succeeded()) / taken),
        );
        refused += watched.refused();
        silent += watched.silent();
        unsent += found.unsent;
        for (kind, count) in &found.errors {
            if !matches!(kind, ErrorKind::Status(status) if is_refusal(*status)) {
                others.push(format!("{name}: {count} × {kind}"));
            }
        }
        outcome
            .measurements
            .insert((*name).to_owned(), found.clone());
    }
    let words = match others.first() {
        None => format!("{refused} refusals, nothing but 503 and 429"),
        Some(_) => others.join(", "),
    };
    outcome.check("refused_with_503_or_429_only", others.is_empty(), words);
    outcome.check(
        "refusals_say_when_to_come_back",
        silent == 0,
        format!("{silent} of {refused} refusals have no Retry-After in seconds"),
    );
    outcome.bar(
        "was_too_much",
        refused + unsent > 0,
        format!("{refused} were refused, {unsent} found no connection"),
    );
}

fn memory(outcome: &mut Outcome, rss_mib: &[f64]) {
    let (first, second) = rss_mib.split_at(rss_mib.len() / 2);
    let most = |of: &[f64]| of.iter().copied().reduce(f64::max);
    outcome.cost("rss_max_mib", most(rss_mib), "MiB");
    let (Some(first), Some(second)) = (most(first), most(second)) else {
        return;
    };
    outcome.bar(
        "memory_is_bounded",
        second <= first * 1.1 + RSS_ALLOWANCE_MIB,
        format!("at most {first:.0} MiB in the first half, {second:.0} MiB in the second"),
    );
}

fn back(outcome: &mut Outcome, options: &Options, before: &Measurement, over: &Over) {
    let Some(normal) = worst_p99_ms(&before.windows) else {
        outcome.bar(
            "recovered_in_time",
            false,
            "the light load before has no 99th percentile",
        );
        return;
    };
    let bar = (normal * options.p99_ratio).max(normal + options.p99_allowance_ms);
    let found = recovered(&over.windows, &over.light.windows, bar);
    outcome.cost("light_p99_before_ms", normal, "ms");
    outcome.cost("light_p99_recovered_ms", found.map(|(_, p99)| p99), "ms");
    outcome.cost(
        "recovered_after_s",
        found.map(|(at, _)| at.as_secs_f64()),
        "s",
    );
    let in_time = found.is_some_and(|(at, _)| at.as_secs_f64() <= options.recover_seconds);
    let words = match found {
        Some((at, p99)) => format!(
            "{:.2} s after the overload, the light load's p99 is {p99:.2} ms; before it was {normal:.2} ms, up to {bar:.2} ms count as before",
            at.as_secs_f64()
        ),
        None => format!(
            "the light load's p99 of before, {normal:.2} ms, up to {bar:.2} ms, did not come back; {:.2} ms at the end",
            over.light
                .windows
                .last()
                .and_then(|it| it.percentile_ms(0.99))
                .unwrap_or(f64::NAN)
        ),
    };
    outcome.bar("recovered_in_time", in_time, words);
}
