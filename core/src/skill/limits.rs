//! How an amount of memory is written.

use serde_json::Value;

const MIB: u64 = 1024 * 1024;

/// Bytes from a number of mebibytes, or from a text such as `256MB`, `1 GiB` or `64k`; units are
/// powers of 1024. Zero is no amount.
#[must_use]
pub fn memory_bytes(value: &Value) -> Option<u64> {
    let (number, unit) = match value {
        Value::Number(number) => (number.as_f64()?, MIB),
        Value::String(text) => {
            let text = text.trim();
            let end = text
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(text.len());
            let (number, unit) = text.split_at_checked(end)?;
            let unit = match unit.trim().to_ascii_lowercase().as_str() {
                "" | "m" | "mb" | "mib" => MIB,
                "b" => 1,
                "k" | "kb" | "kib" => 1024,
                "g" | "gb" | "gib" => 1024 * MIB,
                _ => return None,
            };
            (number.parse().ok()?, unit)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    whole(number, unit)
}

/// `number` units as whole bytes, through nanoseconds' exact conversion of `Duration`: a float is
/// never cast.
fn whole(number: f64, unit: u64) -> Option<u64> {
    let units = std::time::Duration::try_from_secs_f64(number).ok()?;
    let bytes = units.as_nanos().checked_mul(u128::from(unit))? / 1_000_000_000;
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}
