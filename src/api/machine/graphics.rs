//! What `nvidia-smi` says of graphics memory, at most as often as is wished.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long it may take.
const SLOWEST: Duration = Duration::from_secs(2);

/// Graphics memory, all processors together, in GiB.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Graphics {
    /// In use.
    pub used: f64,
    /// What there is.
    pub total: f64,
}

/// The last answer.
#[derive(Debug)]
pub struct Cache {
    keep: Duration,
    /// Held while somebody asks: whoever comes meanwhile takes the same answer.
    last: Mutex<Option<(Instant, Graphics)>>,
}

impl Cache {
    pub fn new(keep: Duration) -> Self {
        Self {
            keep,
            last: Mutex::new(None),
        }
    }

    pub async fn look(&self) -> Graphics {
        let came = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, graphics)) = *last
            && (at >= came || came.duration_since(at) < self.keep)
        {
            return graphics;
        }
        let graphics = ask().await.unwrap_or_default();
        *last = Some((Instant::now(), graphics));
        graphics
    }
}

/// Starts it off the arbiter: making a process takes its time.
async fn ask() -> Option<Graphics> {
    let handle = Handle::current();
    let asking = crate::blocking::blocking(move || {
        handle.block_on(async {
            let output = Command::new("nvidia-smi")
                .args([
                    "--query-gpu=memory.used,memory.total",
                    "--format=csv,noheader,nounits",
                ])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .output();
            let output = timeout(SLOWEST, output).await.ok()?.ok()?;
            output.status.success().then_some(output.stdout)
        })
    });
    parse(&String::from_utf8_lossy(&asking.await.ok()??))
}

/// One line for each graphics processor: used and total, in MiB.
fn parse(text: &str) -> Option<Graphics> {
    let mut sum = Graphics::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (used, total) = line.split_once(',')?;
        let gib = |text: &str| {
            text.trim()
                .parse::<u32>()
                .ok()
                .map(|mib| f64::from(mib) / 1_024.0)
        };
        sum.used += gib(used)?;
        sum.total += gib(total)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_graphics_processors_are_added_up() {
        let two = parse("512, 8192\n 1536 , 8192 \n").expect("read");
        assert_eq!(
            two,
            Graphics {
                used: 2.0,
                total: 16.0
            }
        );
        assert_eq!(parse(""), Some(Graphics::default()));
        for broken in ["512", "a, b", "[N/A], 8192", "No devices were found"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
