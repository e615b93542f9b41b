//! What `rocm-smi` says of all cards, joined as those of nvidia are.

use std::process::Command;

use serde_json::{Map, Value};

use super::SidecarFigures;
use super::payload::{is_unknown_text, text_number};

const MIB: f64 = 1024.0 * 1024.0;

/// The question.
pub fn command() -> Command {
    let mut command = Command::new("rocm-smi");
    command.args([
        "--showmeminfo",
        "vram",
        "--showtemp",
        "--showpower",
        "--showfan",
        "--showclocks",
        "--json",
    ]);
    command
}

/// The answer; `None` when it is no object with a card in it.
pub fn read(text: &str) -> Option<SidecarFigures> {
    // Warnings may stand before the object.
    let start = text.find('{')?;
    let object: Map<String, Value> = serde_json::from_str(text.get(start..)?.trim()).ok()?;
    let cards: Vec<&Map<String, Value>> = object
        .iter()
        .filter(|(name, _)| name.starts_with("card"))
        .filter_map(|(_, card)| card.as_object())
        .collect();
    if cards.is_empty() {
        return None;
    }
    let join = |of: fn(&Map<String, Value>) -> Option<f64>, join: fn(f64, f64) -> f64| {
        let values: Option<Vec<f64>> = cards.iter().map(|card| of(card)).collect();
        values?.into_iter().reduce(join)
    };
    let sum = |a, b| a + b;
    Some(SidecarFigures {
        vram_total_mb: join(
            |card| only(card, "VRAM Total Memory").map(|it| it / MIB),
            sum,
        ),
        vram_used_mb: join(
            |card| only(card, "VRAM Total Used Memory").map(|it| it / MIB),
            sum,
        ),
        thermal_end_c: join(hottest, f64::max),
        gpu_clock_mhz: join(|card| only(card, "sclk clock speed"), f64::min),
        power_draw_watts: join(power, sum),
        fan_speed_percent: join(|card| only(card, "Fan speed (%)"), f64::max),
        ..SidecarFigures::default()
    })
}

/// Every value whose name begins so.
fn named<'a>(card: &'a Map<String, Value>, name: &'a str) -> impl Iterator<Item = f64> + 'a {
    card.iter()
        .filter(move |(key, _)| key.starts_with(name))
        .filter_map(|(_, value)| match value {
            Value::String(text) if is_unknown_text(text) => None,
            // Clocks stand in parentheses: "(1500Mhz)".
            Value::String(text) => text_number(text.trim_matches(['(', ')'])),
            Value::Number(number) => number.as_f64(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
}

fn only(card: &Map<String, Value>, name: &str) -> Option<f64> {
    named(card, name).next()
}

/// The hottest of a card's sensors.
fn hottest(card: &Map<String, Value>) -> Option<f64> {
    named(card, "Temperature (Sensor").reduce(f64::max)
}

fn power(card: &Map<String, Value>) -> Option<f64> {
    only(card, "Average Graphics Package Power")
        .or_else(|| only(card, "Current Socket Graphics Package Power"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_joined() {
        let said = r#"WARNING: AMD GPU device(s) is/are in a low-power state.
{"card0": {"VRAM Total Memory (B)": "17163091968", "VRAM Total Used Memory (B)": "1048576",
  "Temperature (Sensor edge) (C)": "41.0", "Temperature (Sensor junction) (C)": "52.0",
  "Average Graphics Package Power (W)": "35.5", "Fan speed (%)": "20",
  "sclk clock speed:": "(1500Mhz)", "sclk clock level:": "1"},
 "card1": {"VRAM Total Memory (B)": "17163091968", "VRAM Total Used Memory (B)": "2097152",
  "Temperature (Sensor edge) (C)": "60.0", "Temperature (Sensor junction) (C)": "N/A",
  "Average Graphics Package Power (W)": "N/A", "Fan speed (%)": "0",
  "sclk clock speed:": "(800Mhz)"},
 "system": {"Driver version": "6.7"}}"#;
        assert_eq!(
            read(said),
            Some(SidecarFigures {
                vram_total_mb: Some(32_736.0),
                vram_used_mb: Some(3.0),
                thermal_end_c: Some(60.0),
                gpu_clock_mhz: Some(800.0),
                power_draw_watts: None,
                fan_speed_percent: Some(20.0),
                ..SidecarFigures::default()
            })
        );
        assert_eq!(read("{\"system\": {}}"), None);
        assert_eq!(read("no gpu"), None);
    }
}
