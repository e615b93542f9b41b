//! The order of quantizations: how much of the model each keeps.
//!
//! `rank = 100 · bits + place`. The bits are the number behind `Q`, `IQ`, `INT`, `FP`, `F` or `BF` in
//! the tag, or before `bit`; this part is the number of the Python Orket, which ranked BF16 and F32 as 0
//! and left `Q4_0`, `Q4_K_S` and `Q4_K_M` tied. The place orders formats of equal bits as the sizes and
//! perplexities that llama.cpp publishes with its `quantize` tool do:
//!
//! | Place | Formats of `n` bits |
//! |---|---|
//! | 0 | `Qn_0`, `Qn` and floats |
//! | 10 | `Qn_1` |
//! | 21 to 25 | `IQn_XXS`, `IQn_XS`, `IQn_S`, `IQn_M`, `IQn_NL` |
//! | 31 to 36 | `Qn_K_XXS`, `Qn_K_XS`, `Qn_K_S`, `Qn_K_M` and `Qn_K`, `Qn_K_L`, `Qn_K_XL` |
//!
//! BF16, F16 and FP16 are 1600: they keep the same bits, and which is nearer to the model depends on what
//! it was trained in. Where ranks are equal, the order of the matrix decides.

use std::sync::LazyLock;

use regex::Regex;

static BITS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:^|[^a-z0-9])(?:(iq|tq|q|int|mxfp|nvfp|nf|bf|fp|f)(\d{1,2})|(\d{1,2})-?bit)(?:[^0-9]|$)")
        .ok()
});

/// The rank of a tag, e.g. 434 for `Q4_K_M`; `None` when it says nothing of bits.
#[must_use]
pub fn of(tag: &str) -> Option<u32> {
    let captures = BITS.as_ref()?.captures(tag)?;
    let bits = captures.get(2).or_else(|| captures.get(3))?;
    let bits_number: u32 = bits.as_str().parse().ok()?;
    let family = captures.get(1).map(|it| it.as_str().to_lowercase());
    let rest = tag.get(bits.end()..).unwrap_or_default().to_uppercase();
    let place = match family.as_deref() {
        Some("iq") => iq_place(&rest),
        Some("q") => q_place(&rest),
        _ => 0,
    };
    Some(bits_number * 100 + place)
}

/// The parts of a tag that follow its bits, without what follows those.
fn parts(rest: &str) -> impl Iterator<Item = &str> {
    rest.split(['_', '-', '.', ':'])
        .filter(|part| !part.is_empty())
}

fn iq_place(rest: &str) -> u32 {
    match parts(rest).next() {
        Some("XXS") => 21,
        Some("XS") => 22,
        Some("M") => 24,
        Some("NL") => 25,
        _ => 23,
    }
}

fn q_place(rest: &str) -> u32 {
    let mut parts = parts(rest);
    match parts.next() {
        Some("1") => 10,
        Some("K") => match parts.next() {
            Some("XXS") => 31,
            Some("XS") => 32,
            Some("S") => 33,
            Some("L") => 35,
            Some("XL") => 36,
            _ => 34,
        },
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_keeps_more_than_the_one_before() {
        let ascending = [
            "Q2_K", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_0", "Q4_1", "IQ4_XS", "IQ4_NL",
            "Q4_K_S", "Q4_K_M", "Q4_K_L", "Q5_0", "Q5_K_M", "Q6_K", "Q8_0", "BF16", "F32",
        ];
        let ranks: Vec<_> = ascending.iter().map(|tag| of(tag).unwrap()).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
    }

    #[test]
    fn the_same_is_the_same_however_it_is_written() {
        let same = [
            ("Q4_K_M", 434),
            ("q4_k_m", 434),
            ("Q4_K", 434),
            ("7b-instruct-q4_K_M", 434),
            ("Q8_0", 800),
            ("INT8", 800),
            ("8bit", 800),
            ("FP8", 800),
            ("4-bit", 400),
            ("MXFP4", 400),
            ("FP16", 1600),
            ("F16", 1600),
            ("bf16", 1600),
            ("FP32", 3200),
        ];
        for (tag, rank) in same {
            assert_eq!(of(tag), Some(rank), "{tag}");
        }
        for tag in [
            "", "default", "latest", "Qwen", "M4", "AWQ", "Q", "v16", "Q123_0",
        ] {
            assert_eq!(of(tag), None, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn bits_are_the_major_part(bits in 1_u32..33, rest in "(_0|_1|_K|_K_S|_K_M|_K_L)?") {
            let rank = of(&format!("Q{bits}{rest}")).unwrap();
            prop_assert_eq!(rank / 100, bits);
        }

        #[test]
        fn any_text_has_a_rank_or_none(tag in "\\PC{0,24}") {
            let _ = of(&tag);
        }
    }
}
