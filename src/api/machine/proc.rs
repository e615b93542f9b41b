//! What the kernel says of processors and memory: proc(5). These files are made when they are read;
//! that takes microseconds.

/// Processor time since the machine started, all processors together, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    busy: u64,
    all: u64,
}

impl Ticks {
    /// The share of time in use since then, in percent.
    #[must_use]
    pub fn busy_since(self, before: Self) -> f64 {
        percent(
            self.busy.saturating_sub(before.busy),
            self.all.saturating_sub(before.all),
        )
    }

    /// Of the text of `/proc/stat`: `user nice system idle iowait irq softirq steal …`; time of guests
    /// is part of `user` and `nice`.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let times: Option<Vec<u64>> = line
            .split_whitespace()
            .take(8)
            .map(|it| it.parse().ok())
            .collect();
        let times = times.filter(|times| times.len() >= 4)?;
        let idle: u64 = times.iter().skip(3).take(2).sum();
        let all: u64 = times.iter().sum();
        Some(Self {
            busy: all.saturating_sub(idle),
            all,
        })
    }
}

/// As it is now.
#[must_use]
pub fn ticks() -> Option<Ticks> {
    Ticks::parse(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// The share of memory in use, in percent.
#[must_use]
pub fn memory() -> Option<f64> {
    in_use(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn in_use(text: &str) -> Option<f64> {
    let kib = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (total, available) = (kib("MemTotal:")?, kib("MemAvailable:")?);
    (total > 0).then(|| percent(total.saturating_sub(available), total))
}

/// With one digit behind the point.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    let thousandths = part.min(whole).saturating_mul(1_000) / whole;
    f64::from(u32::try_from(thousandths).unwrap_or(1_000)) / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_the_kernel_are_read() {
        let stat = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\nintr 5\n";
        let before = Ticks::parse(stat).expect("read");
        assert_eq!(
            before,
            Ticks {
                busy: 150,
                all: 1_000
            }
        );
        let after = Ticks::parse("cpu 175 0 75 1600 150 0 0 0 7 7\n").expect("read");
        assert_eq!(
            after,
            Ticks {
                busy: 250,
                all: 2_000
            }
        );
        assert!((after.busy_since(before) - 10.0).abs() < 1e-9);
        assert!((after.busy_since(after)).abs() < 1e-9);
        for broken in ["", "cpu 1 2", "cpu a b c d", "cpu0 1 2 3 4"] {
            assert_eq!(Ticks::parse(broken), None, "{broken}");
        }
        let memory = "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:   4000 kB\n";
        assert_eq!(in_use(memory), Some(75.0));
        assert_eq!(in_use("MemTotal: 0 kB\nMemAvailable: 0 kB\n"), None);
        assert_eq!(in_use("MemTotal: 1 kB\n"), None);
    }
}
