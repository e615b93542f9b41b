//! What people read of all this in a terminal: plain text of at most 80 columns where names allow it.

mod checks;
mod explored;

pub use checks::{guards, kpi, kpi_gate, scores, sidecar};
pub use explored::{baselines, frontier, health, index, record, rollup, thermal};

/// A figure to so many places, or that it is not known.
fn figure(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.places$}"))
}

/// Lines of cells, each column as wide as its widest cell; the first row is the head. Blanks at the end
/// of lines are left out, and what would move a terminal is not printed.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&printable(cell));
            let padding = width.saturating_sub(cell.chars().count()) + 2;
            line.extend(std::iter::repeat_n(' ', padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Text without what would move a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() { '?' } else { it })
        .collect()
}

#[cfg(test)]
#[path = "words/tests.rs"]
mod tests;
