//! Points as a picture: tokens per second to the right, adherence upwards.
//!
//! The same points make the same bytes. What a point is chosen for is told by its shape and its label,
//! models by the number in the label; colour only repeats it.

use std::fmt::Write as _;

use super::scatter::{Point, Role, Scatter};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 520.0;
/// The plot's edges.
const LEFT: f64 = 78.0;
const RIGHT: f64 = 770.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 390.0;

/// A point with both figures, and where it is drawn.
struct Drawn<'a> {
    point: &'a Point,
    model: usize,
    x: f64,
    y: f64,
}

/// The axis of a figure: where it begins and ends, and the distance of its lines.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    /// An axis over values, with some air, that ends on its lines.
    fn over(values: &[f64], least_step: f64, floor: f64, ceiling: f64) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = (high - low).max(least_step);
        let step = nice(span / 4.0).max(least_step);
        let from = ((low - 0.1 * span) / step).floor() * step;
        let to = ((high + 0.1 * span) / step).ceil() * step;
        Self {
            from: from.max(floor),
            to: to.min(ceiling).max(from + step),
            step,
        }
    }

    fn share(self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// The values of its lines.
    fn lines(self) -> Vec<f64> {
        let mut lines = Vec::new();
        let mut value = self.from;
        while value <= self.to + self.step * 1e-6 && lines.len() < 24 {
            lines.push(value);
            value += self.step;
        }
        lines
    }

    fn places(self) -> usize {
        match self.step {
            step if step >= 1.0 => 0,
            step if step >= 0.1 => 1,
            step if step >= 0.01 => 2,
            _ => 3,
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least so large.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= value * 0.999)
        .unwrap_or(power * 10.0)
}

/// The picture.
#[must_use]
pub fn plot(scatter: &Scatter) -> String {
    let mut svg = String::new();
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="13" fill="#1b1b1b">
<title id="title">Quant sweep: speed against adherence</title>
<desc id="desc">A point for each quantization; to the right is faster, up is better.</desc>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<text x="{LEFT}" y="28" font-size="18" font-weight="bold">Speed against adherence</text>
<text x="{LEFT}" y="48" fill="#555555">lane {}, memory profile {}{}</text>
"##,
        scatter.execution_lane,
        scatter.vram_profile,
        if scatter.include_invalid {
            ", rows that are not valid included"
        } else {
            ""
        }
    );
    let models = models(scatter);
    let (drawn, axes) = place(scatter, &models);
    match axes {
        Some((x, y)) => {
            axis_lines(&mut svg, x, y);
            labels(&mut svg, &drawn);
            marks(&mut svg, &drawn);
        }
        None => {
            let _ = writeln!(
                svg,
                r##"<text x="{}" y="{}" text-anchor="middle" fill="#555555">no point has both figures</text>"##,
                (LEFT + RIGHT) / 2.0,
                (TOP + BOTTOM) / 2.0
            );
        }
    }
    legend(&mut svg, scatter, &models, drawn.len());
    svg.push_str("</svg>\n");
    svg
}

/// Models, each once, in their order.
fn models(scatter: &Scatter) -> Vec<&str> {
    let mut models: Vec<&str> = Vec::new();
    for point in &scatter.points {
        if !models.contains(&point.model_id.as_str()) {
            models.push(&point.model_id);
        }
    }
    models
}

fn place<'a>(scatter: &'a Scatter, models: &[&str]) -> (Vec<Drawn<'a>>, Option<(Axis, Axis)>) {
    let known: Vec<(&Point, f64, f64)> = scatter
        .points
        .iter()
        .filter_map(|point| Some((point, point.generation_tps?, point.adherence_score?)))
        .filter(|(_, x, y)| x.is_finite() && y.is_finite())
        .collect();
    if known.is_empty() {
        return (Vec::new(), None);
    }
    let values = |of: fn(&(&Point, f64, f64)) -> f64| known.iter().map(of).collect::<Vec<_>>();
    let x_axis = Axis::over(&values(|it| it.1), 0.1, 0.0, f64::INFINITY);
    let y_axis = Axis::over(&values(|it| it.2), 0.01, 0.0, 1.0);
    let drawn = known
        .iter()
        .map(|(point, x, y)| Drawn {
            point,
            model: models
                .iter()
                .position(|it| *it == point.model_id)
                .unwrap_or(0),
            x: LEFT + x_axis.share(*x) * (RIGHT - LEFT),
            y: BOTTOM - y_axis.share(*y) * (BOTTOM - TOP),
        })
        .collect();
    (drawn, Some((x_axis, y_axis)))
}

fn axis_lines(svg: &mut String, x_axis: Axis, y_axis: Axis) {
    for value in x_axis.lines() {
        let x = LEFT + x_axis.share(value) * (RIGHT - LEFT);
        let _ = writeln!(
            svg,
            r##"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{BOTTOM}" stroke="#e2e2e2"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{value:.places$}</text>"##,
            BOTTOM + 18.0,
            places = x_axis.places()
        );
    }
    for value in y_axis.lines() {
        let y = BOTTOM - y_axis.share(value) * (BOTTOM - TOP);
        let _ = writeln!(
            svg,
            r##"<line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}" stroke="#e2e2e2"/><text x="{:.1}" y="{:.1}" text-anchor="end">{value:.places$}</text>"##,
            LEFT - 8.0,
            y + 4.5,
            places = y_axis.places()
        );
    }
    let middle = (TOP + BOTTOM) / 2.0;
    let _ = writeln!(
        svg,
        r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#1b1b1b"/>
<text x="{:.1}" y="{:.1}" text-anchor="middle">tokens written per second</text>
<text x="24" y="{middle:.1}" text-anchor="middle" transform="rotate(-90 24 {middle:.1})">adherence (share of checks passed)</text>"##,
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 40.0
    );
}

/// Six that are told apart by most eyes (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00",
];

fn colour(model: usize) -> &'static str {
    COLOURS
        .get(model % COLOURS.len())
        .copied()
        .unwrap_or("#1b1b1b")
}

fn marks(svg: &mut String, drawn: &[Drawn<'_>]) {
    for it in drawn {
        let fill = if it.point.valid {
            colour(it.model)
        } else {
            "#ffffff"
        };
        let style = format!(
            r#"fill="{fill}" stroke="{}" stroke-width="2""#,
            colour(it.model)
        );
        let (x, y) = (it.x, it.y);
        let _ = match it.point.frontier_role {
            None => writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="5" {style}/>"#),
            Some(Role::MinimumViable) => writeln!(
                svg,
                r#"<path d="M{:.1} {:.1}h12v12h-12z" {style}/>"#,
                x - 6.0,
                y - 6.0
            ),
            Some(Role::BestValue) => writeln!(
                svg,
                r#"<path d="M{x:.1} {:.1}l8 14h-16z" {style}/>"#,
                y - 9.0
            ),
            Some(Role::Both) => writeln!(
                svg,
                r#"<path d="M{x:.1} {:.1}l9 9l-9 9l-9 -9z" {style}/>"#,
                y - 9.0
            ),
        };
    }
}

/// A label's place.
#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
}

const LABEL_HEIGHT: f64 = 15.0;

impl Area {
    fn overlap(self, x: f64, y: f64, width: f64, height: f64) -> f64 {
        let wide = (self.x + self.width).min(x + width) - self.x.max(x);
        let high = (self.y + LABEL_HEIGHT).min(y + height) - self.y.max(y);
        wide.max(0.0) * high.max(0.0)
    }
}

/// Each label stands where it covers the least: beside, above or below its point.
fn labels(svg: &mut String, drawn: &[Drawn<'_>]) {
    let mut placed: Vec<Area> = Vec::new();
    for it in drawn {
        let text = label(it);
        // Seven units a letter is what a sans serif of 13 takes at most.
        let width = 7.2 * count(text.chars().count());
        let above = it.y - 12.0 - LABEL_HEIGHT;
        let places = [
            (it.x + 13.0, it.y - LABEL_HEIGHT / 2.0),
            (it.x - 13.0 - width, it.y - LABEL_HEIGHT / 2.0),
            (it.x - width / 2.0, above),
            (it.x - width / 2.0, it.y + 12.0),
            (it.x + 10.0, above),
            (it.x + 10.0, it.y + 12.0),
        ];
        let cost = |(x, y): (f64, f64)| {
            let area = Area { x, y, width };
            let outside = (LEFT - x).max(0.0)
                + (x + width - WIDTH).max(0.0)
                + (y + LABEL_HEIGHT - BOTTOM).max(0.0);
            let on_labels: f64 = placed
                .iter()
                .map(|other| area.overlap(other.x, other.y, other.width, LABEL_HEIGHT))
                .sum();
            let on_points: f64 = drawn
                .iter()
                .map(|other| area.overlap(other.x - 9.0, other.y - 9.0, 18.0, 18.0))
                .sum();
            outside * 50.0 + on_labels + on_points
        };
        let best = places
            .into_iter()
            .min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
        let Some((x, y)) = best else { continue };
        placed.push(Area { x, y, width });
        let _ = writeln!(
            svg,
            r#"<text x="{x:.1}" y="{:.1}">{}</text>"#,
            y + 12.0,
            escaped(&text)
        );
    }
}

fn label(drawn: &Drawn<'_>) -> String {
    format!("{} {}", drawn.model + 1, drawn.point.quant_tag)
}

fn count(length: usize) -> f64 {
    crate::statistics::count(u64::try_from(length).unwrap_or(u64::MAX))
}

fn legend(svg: &mut String, scatter: &Scatter, models: &[&str], drawn: usize) {
    let _ = writeln!(
        svg,
        r##"<g fill="#ffffff" stroke="#1b1b1b" stroke-width="2"><circle cx="86" cy="450" r="5"/><path d="M180 444h12v12h-12z"/><path d="M340 441l8 14h-16z"/><path d="M476 441l9 9l-9 9l-9 -9z"/></g>
<text x="98" y="454">a row</text><text x="198" y="454">minimum viable</text><text x="354" y="454">best value</text><text x="492" y="454">both; hollow: not valid</text>"##
    );
    let names: Vec<String> = (1_usize..)
        .zip(models)
        .map(|(number, model)| format!("{number} {}", shortened(model)))
        .collect();
    let _ = writeln!(
        svg,
        r#"<text x="{LEFT}" y="478">Models: {}</text>"#,
        escaped(&shortened_line(&names))
    );
    let missing = scatter.points.len().saturating_sub(drawn);
    if missing > 0 {
        let _ = writeln!(
            svg,
            r##"<text x="{LEFT}" y="500" fill="#555555">{missing} not drawn: speed or adherence is not known</text>"##
        );
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= 32 {
        return name.to_owned();
    }
    let begin: String = name.chars().take(31).collect();
    begin + "…"
}

/// Names as far as a line holds them.
fn shortened_line(names: &[String]) -> String {
    let mut line = String::new();
    for (index, name) in names.iter().enumerate() {
        if line.chars().count() + name.chars().count() > 96 {
            let _ = write!(line, ", and {} more", names.len() - index);
            return line;
        }
        if index > 0 {
            line.push_str(", ");
        }
        line.push_str(name);
    }
    line
}

/// Text as XML takes it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            it if it.is_control() => escaped.push(' '),
            it => escaped.push(it),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scatter(points: &[(f64, f64)]) -> Scatter {
        let point = |(tps, adherence): &(f64, f64)| Point {
            model_id: "m <&>".to_owned(),
            quant_tag: "Q8_0".to_owned(),
            quant_rank: Some(800),
            generation_tps: Some(*tps),
            adherence_score: Some(*adherence),
            total_latency: None,
            valid: true,
            frontier_role: None,
        };
        Scatter {
            generated_at: "now".to_owned(),
            source_summary: "s".to_owned(),
            execution_lane: crate::lane::Lane::Lab,
            vram_profile: crate::lane::VramProfile::Safe,
            include_invalid: false,
            points: points.iter().map(point).collect(),
        }
    }

    proptest! {
        #[test]
        fn every_point_is_within_the_axes(
            points in proptest::collection::vec((0.0_f64..1e6, 0.0_f64..=1.0), 1..12)
        ) {
            let scatter = scatter(&points);
            let models = models(&scatter);
            let (drawn, axes) = place(&scatter, &models);
            let (x, y) = axes.unwrap();
            for (tps, adherence) in &points {
                prop_assert!(x.from <= *tps && *tps <= x.to, "{:?} {}", x, tps);
                prop_assert!(y.from <= *adherence && *adherence <= y.to, "{:?} {}", y, adherence);
            }
            prop_assert_eq!(drawn.len(), points.len());
            for axis in [x, y] {
                let lines = axis.lines().len();
                prop_assert!((2..=12).contains(&lines), "{} lines in {:?}", lines, axis);
            }
            let svg = plot(&scatter);
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
            prop_assert_eq!(svg.matches("<circle").count(), points.len() + 1);
            prop_assert!(!svg.contains("m <&>"));
        }
    }
}
