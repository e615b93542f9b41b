//! The machine that measures: what it is, which commit is checked out, how busy it is.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::round::two;
use crate::telemetry::SystemLoad;

/// What stands in a summary of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The commit that is checked out in the folder, if any.
    pub commit_sha: Option<String>,
    /// `os-release|cpu|Nc|Mgb|gpu`.
    pub fingerprint: String,
}

impl Machine {
    /// This machine, seen from `folder`.
    #[must_use]
    pub fn here(folder: &Path) -> Self {
        Self {
            commit_sha: commit(folder),
            fingerprint: fingerprint(),
        }
    }
}

fn commit(folder: &Path) -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn fingerprint() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let os =
        value(&read("/etc/os-release"), "PRETTY_NAME=").unwrap_or_else(|| "unknown".to_owned());
    let cpu =
        value(&read("/proc/cpuinfo"), "model name\t: ").unwrap_or_else(|| "unknown".to_owned());
    let kibibytes: u64 = value(&read("/proc/meminfo"), "MemTotal:")
        .and_then(|text| text.trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0);
    let gibibytes = (kibibytes + (1 << 19)) >> 20;
    let cores = cores().unwrap_or(0);
    format!("{os}|{cpu}|{cores}c|{gibibytes}gb|{}", graphics())
}

fn graphics() -> String {
    let cards = std::fs::read_dir("/proc/driver/nvidia/gpus")
        .into_iter()
        .flatten();
    let names: Vec<String> = cards
        .flatten()
        .filter_map(|card| {
            let text = std::fs::read_to_string(card.path().join("information")).ok()?;
            value(&text, "Model:")
        })
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join("+")
    }
}

/// What stands behind `name` in the first line that begins with it, without quotes and bars.
fn value(text: &str, name: &str) -> Option<String> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(rest.trim().trim_matches('"').replace('|', " "))
}

fn cores() -> Option<u32> {
    let cores = std::thread::available_parallelism().ok()?;
    u32::try_from(cores.get()).ok()
}

/// Looks at how busy the machine is; a share of time needs two looks.
#[derive(Debug, Default)]
pub struct Gauge {
    last: Option<Ticks>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Gauge {
    /// The load now; the processor's share since the look before, `None` at the first one.
    pub fn look(&mut self) -> SystemLoad {
        let now = std::fs::read_to_string("/proc/stat")
            .ok()
            .and_then(|text| ticks(&text));
        let cpu_percent = self.last.zip(now).and_then(|(then, now)| share(then, now));
        self.last = now.or(self.last);
        let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        SystemLoad {
            cpu_percent,
            load_1m: averages
                .split_whitespace()
                .next()
                .and_then(|text| text.parse().ok()),
            core_count: cores(),
        }
    }
}

/// Of the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn ticks(text: &str) -> Option<Ticks> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let all = numbers.iter().sum();
    let idle = numbers.get(3)?.saturating_add(*numbers.get(4)?);
    Some(Ticks {
        busy: u64::saturating_sub(all, idle),
        all,
    })
}

fn share(then: Ticks, now: Ticks) -> Option<f64> {
    let number = |ticks: u64| u32::try_from(ticks).ok().map(f64::from);
    let all = number(now.all.checked_sub(then.all)?)?;
    let busy = number(now.busy.checked_sub(then.busy)?)?;
    (all > 0.0).then(|| two(busy / all * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_busy_for_what_is_not_idle() {
        let then = ticks("cpu  100 0 50 800 50 0 0 0 0 0\n").unwrap();
        let now = ticks("cpu  160 0 60 820 60 0 0 0 0 0\n").unwrap();
        assert_eq!(share(then, now), Some(70.0));
        assert_eq!(share(now, now), None);
        assert_eq!(ticks("intr 1"), None);
    }

    #[test]
    fn the_machine_has_five_parts_to_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::here(folder.path());
        assert_eq!(
            machine.fingerprint.split('|').count(),
            5,
            "{}",
            machine.fingerprint
        );
        let mut gauge = Gauge::default();
        assert_eq!(gauge.look().cpu_percent, None);
        assert!(gauge.look().core_count >= Some(1));
    }
}
