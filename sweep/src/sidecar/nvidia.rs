//! What `nvidia-smi` says of all cards.
//!
//! Memory and power are sums; temperature and fan are those of the hottest and loudest card; the clock is
//! that of the slowest, which the others wait for. When one card does not say, the figure of all is not
//! known.

use std::process::Command;

use super::SidecarFigures;
use super::payload::{is_unknown_text, text_number};

/// What is asked, in the order of the columns.
const QUERY: &str = "memory.total,memory.used,temperature.gpu,clocks.gr,power.draw,fan.speed";

/// The question.
pub fn command() -> Command {
    let mut command = Command::new("nvidia-smi");
    command.arg(format!("--query-gpu={QUERY}"));
    command.arg("--format=csv,noheader,nounits");
    command
}

/// The answer; `None` when it has no card, or a line that is none. The temperature is that of now, at
/// the end.
pub fn read(text: &str) -> Option<SidecarFigures> {
    let cards: Vec<[Option<f64>; 6]> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(card)
        .collect::<Option<_>>()?;
    if cards.is_empty() {
        return None;
    }
    let column = |index: usize, join: fn(f64, f64) -> f64| -> Option<f64> {
        let values: Option<Vec<f64>> = cards
            .iter()
            .map(|card| card.get(index).copied().flatten())
            .collect();
        values?.into_iter().reduce(join)
    };
    let sum = |a, b| a + b;
    Some(SidecarFigures {
        vram_total_mb: column(0, sum),
        vram_used_mb: column(1, sum),
        thermal_end_c: column(2, f64::max),
        gpu_clock_mhz: column(3, f64::min),
        power_draw_watts: column(4, sum),
        fan_speed_percent: column(5, f64::max),
        ..SidecarFigures::default()
    })
}

fn card(line: &str) -> Option<[Option<f64>; 6]> {
    let mut values = [None; 6];
    let mut fields = line.split(',');
    for value in &mut values {
        let field = fields.next()?;
        if !is_unknown_text(field) {
            *value = Some(text_number(field)?);
        }
    }
    fields.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_joined() {
        let said = "24576, 9000, 61, 1800, 120.50, 40\n24576, 1000, 55, 1500, 80.25, 35\n";
        assert_eq!(
            read(said),
            Some(SidecarFigures {
                vram_total_mb: Some(49_152.0),
                vram_used_mb: Some(10_000.0),
                thermal_end_c: Some(61.0),
                gpu_clock_mhz: Some(1500.0),
                power_draw_watts: Some(200.75),
                fan_speed_percent: Some(40.0),
                ..SidecarFigures::default()
            })
        );
    }

    #[test]
    fn a_card_that_does_not_say_leaves_the_figure_unknown() {
        let said =
            "24576, 9000, 61, 1800, 120.50, [N/A]\n24576, 1000, 55, 1500, [Not Supported], 3\n";
        let figures = read(said).unwrap();
        assert_eq!(
            (figures.fan_speed_percent, figures.power_draw_watts),
            (None, None)
        );
        assert_eq!(figures.vram_used_mb, Some(10_000.0));
    }

    #[test]
    fn what_is_no_table_is_no_answer() {
        assert_eq!(read(""), None);
        assert_eq!(read("No devices were found\n"), None);
        assert_eq!(read("1, 2, 3\n"), None);
        assert_eq!(read("1, 2, 3, 4, 5, 6, 7\n"), None);
    }
}
