//! Numbers as people read them, and text that is safe to show on a terminal.

/// `950 ms`, `4.2 s`, `3 min 05 s`, `2 h 03 min`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `00:07`, `12:34`, `1:02:03`.
#[must_use]
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds % 3_600 / 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// `987`, `12.3k`, `4.5M`.
#[must_use]
pub fn amount(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}.{}k", number / 1_000, number % 1_000 / 100),
        _ => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// One line of at most `most` columns without control characters: a model's words must not move the
/// cursor.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    orket_board::fit::line(text, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let durations = [0, 950, 4_230, 59_999, 185_000, 7_380_000].map(duration);
        assert_eq!(
            durations,
            [
                "0 ms",
                "950 ms",
                "4.2 s",
                "59.9 s",
                "3 min 05 s",
                "2 h 03 min"
            ]
        );
        assert_eq!(
            [7_000, 754_000, 3_723_000].map(clock),
            ["00:07", "12:34", "1:02:03"]
        );
        assert_eq!(
            [987, 12_345, 4_560_000].map(amount),
            ["987", "12.3k", "4.5M"]
        );
        assert_eq!(one_line("a\x1b[2J\nb", 9), "a [2J b");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
