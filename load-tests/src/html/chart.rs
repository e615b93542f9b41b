//! A chart of lines, as SVG.

use std::fmt::Write as _;

use super::escape;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;
/// So many lines are told apart.
const STYLES: usize = 6;

/// One line.
pub struct Line {
    /// What it is of.
    pub name: String,
    /// Its points, in the order of x.
    pub points: Vec<(f64, f64)>,
}

/// A chart.
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// How values are called.
    pub unit: &'static str,
    /// Marks of the x axis: where, and the words.
    pub marks: Vec<(f64, String)>,
    /// Lines.
    pub lines: Vec<Line>,
}

impl Chart {
    /// As a figure with its legend in words; nothing at all when there is nothing to show.
    pub fn figure(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        if !self.lines.iter().any(|line| line.points.len() > 1) {
            return String::new();
        }
        let range = |of: fn(&(f64, f64)) -> f64| {
            let values = points().map(of);
            let least = values.clone().fold(f64::INFINITY, f64::min);
            (least, values.fold(f64::NEG_INFINITY, f64::max))
        };
        let (from, to) = range(|(x, _)| *x);
        let top = step_above(range(|(_, y)| *y).1);
        let x = |at: f64| LEFT + (at - from) / (to - from).max(1e-9) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<figure>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.words())
        );
        for part in 0..=4 {
            let value = top * f64::from(part) / 4.0;
            let at = y(value);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                short(value)
            );
        }
        for (at, words) in self.marks.iter().filter(|(at, _)| (from..=to).contains(at)) {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(*at),
                HEIGHT - BOTTOM + 18.0,
                escape(words)
            );
        }
        for (place, line) in self.lines.iter().enumerate() {
            let points: Vec<String> = line
                .points
                .iter()
                .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline class=\"curve s{}\" points=\"{}\"/>",
                place % STYLES,
                points.join(" ")
            );
        }
        svg.push_str("</svg>\n<figcaption>");
        let _ = write!(svg, "{} ({}). ", escape(&self.title), self.unit);
        for (place, line) in self.lines.iter().enumerate() {
            let _ = write!(
                svg,
                "<svg viewBox=\"0 0 34 8\" aria-hidden=\"true\" style=\"display:inline;width:34px;height:8px\">\
                 <line class=\"curve s{}\" x1=\"0\" y1=\"4\" x2=\"34\" y2=\"4\"/></svg> {} ",
                place % STYLES,
                escape(&line.name)
            );
        }
        svg.push_str("</figcaption>\n</figure>\n");
        svg
    }

    /// The chart in words, for those who do not see it.
    fn words(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            let most = line.points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
            format!("{}: at most {} {}", line.name, short(most), self.unit)
        });
        let lines: Vec<String> = lines.collect();
        format!("{}. {}", self.title, lines.join("; "))
    }
}

/// Marks at whole seconds, about eight of them.
pub fn seconds(to: f64) -> Vec<(f64, String)> {
    let step = step_above(to / 8.0).max(1.0);
    (0..=64)
        .map(|count| f64::from(count) * step)
        .take_while(|at| *at <= to)
        .map(|at| (at, format!("{} s", short(at))))
        .collect()
}

/// The next of 1, 2, 5, 10, … that is not below.
fn step_above(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10.0_f64.powf(value.log10().floor());
    for factor in [1.0, 2.0, 5.0] {
        if power * factor >= value {
            return power * factor;
        }
    }
    power * 10.0
}

/// A number as short as it can be.
pub fn short(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        _ => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, expected) in [
            (0.0, 1.0),
            (0.03, 0.05),
            (1.0, 1.0),
            (7.0, 10.0),
            (120.0, 200.0),
        ] {
            assert!((step_above(value) - expected).abs() < 1e-9, "{value}");
        }
        assert_eq!(short(0.05), "0.05");
        assert_eq!(short(20.0), "20");
        assert_eq!(short(1_234.5), "1234");
    }
}
