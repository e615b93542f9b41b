//! The insert of a step.

use diesel::sql_types::{BigInt, Binary, Text};

use super::statement::statement;

statement! {
    /// One row of `turn_steps`.
    StepInsert<'a> {
        "INSERT INTO `turn_steps` (`turn`, `seq`, `at`, `body_json`, `link`) VALUES (" => turn: i64 as BigInt,
        ", " => seq: i64 as BigInt,
        ", " => at: i64 as BigInt,
        ", " => body_json: &'a str as Text,
        ", " => link: &'a [u8] as Binary;
        ")"
    }
}
