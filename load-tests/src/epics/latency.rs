//! How long the scripted model takes for a reply.

use std::str::FromStr;

use super::draw::Draw;

/// The longest delay that is drawn, in milliseconds: a tail without end would be a run without end.
pub const MOST_MS: u64 = 600_000;

/// A distribution of delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always the same, in milliseconds.
    Fixed(u64),
    /// Each from the first to the second alike, in milliseconds.
    Uniform(u64, u64),
    /// Half of them below the median (in milliseconds), with a long tail; sigma is the deviation of
    /// the logarithm.
    LogNormal(u64, f64),
}

impl Latency {
    /// A delay in milliseconds.
    pub fn draw(self, from: &mut Draw) -> u64 {
        let drawn = match self {
            Self::Fixed(ms) => ms,
            Self::Uniform(least, most) => least + (from.unit() * (most - least + 1) as f64) as u64,
            Self::LogNormal(median, sigma) => {
                (median as f64 * (sigma * from.normal()).exp()).round() as u64
            }
        };
        drawn.min(MOST_MS)
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(0) => f.write_str("0"),
            Self::Fixed(ms) => write!(f, "fixed:{ms}ms"),
            Self::Uniform(least, most) => write!(f, "uniform:{least}ms-{most}ms"),
            Self::LogNormal(median, sigma) => write!(f, "lognormal:{median}ms,{sigma}"),
        }
    }
}

const FORMS: &str = "0, fixed:500ms, uniform:100ms-2s or lognormal:800ms,0.5";

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no latency; write {FORMS}");
        if let Ok(ms) = millis(text) {
            return Ok(Self::Fixed(ms));
        }
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "fixed" => Ok(Self::Fixed(millis(rest)?)),
            "uniform" => {
                let (least, most) = rest.split_once('-').ok_or_else(wrong)?;
                let (least, most) = (millis(least)?, millis(most)?);
                if least > most {
                    return Err(format!("`{text}`: {least} ms is more than {most} ms"));
                }
                Ok(Self::Uniform(least, most))
            }
            "lognormal" => {
                let (median, sigma) = rest.split_once(',').ok_or_else(wrong)?;
                let sigma: f64 = sigma.trim().parse().map_err(|_| wrong())?;
                if !(0.0..=5.0).contains(&sigma) {
                    return Err(format!("`{text}`: sigma is from 0 to 5"));
                }
                Ok(Self::LogNormal(millis(median)?, sigma))
            }
            _ => Err(wrong()),
        }
    }
}

/// Milliseconds out of `500ms`, `2s`, `0`; a bare number means milliseconds.
fn millis(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => match text.strip_suffix('s') {
            Some(number) => (number, 1_000.0),
            None => (text, 1.0),
        },
    };
    let ms = number.trim().parse::<f64>().map(|number| number * unit);
    match ms {
        Ok(ms) if (0.0..=MOST_MS as f64).contains(&ms) => Ok(ms.round() as u64),
        Ok(_) | Err(_) => Err(format!(
            "`{text}` is no time from 0 to {} s",
            MOST_MS / 1_000
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_alike() {
        for (text, told) in [
            ("0", "0"),
            ("250", "fixed:250ms"),
            ("fixed:1.5s", "fixed:1500ms"),
            ("uniform:100-2s", "uniform:100ms-2000ms"),
            ("lognormal:800ms,0.5", "lognormal:800ms,0.5"),
        ] {
            let read: Latency = text.parse().unwrap();
            assert_eq!(read.to_string(), told);
            assert_eq!(told.parse(), Ok(read), "{told}");
        }
        for wrong in [
            "",
            "soon",
            "fixed:",
            "uniform:5",
            "uniform:9-2",
            "lognormal:5,9",
            "-1",
            "gauss:3",
        ] {
            wrong.parse::<Latency>().expect_err(wrong);
        }
    }

    #[test]
    fn draws_stay_within_and_have_the_median_that_was_asked_for() {
        let mut from = Draw::for_card(3, 0, 0);
        let uniform = Latency::Uniform(10, 20);
        assert!((0..1_000).all(|_| (10..=20).contains(&uniform.draw(&mut from))));
        let tail = Latency::LogNormal(500, 0.8);
        let mut drawn: Vec<u64> = (0..4_001).map(|_| tail.draw(&mut from)).collect();
        drawn.sort_unstable();
        assert!((450..=550).contains(&drawn[2_000]), "{}", drawn[2_000]);
        assert!(Latency::LogNormal(MOST_MS, 5.0).draw(&mut from) <= MOST_MS);
    }
}
