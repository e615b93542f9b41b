//! The statements of every turn, its steps apart.
//!
//! `OR FAIL`: SQLite keeps copies of the pages that an `INSERT … SELECT` changes, to take back its first
//! rows if a later one fails. This one inserts one row, and whatever fails is rolled back as a whole.

use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::statement::statement;

statement! {
    /// A card's life, and a new fence if there is one. From `archived` nothing leads anywhere, so such a card is left as it is.
    LifeUpdate<'a> {
        "UPDATE `cards` SET `status` = " => status: &'a str as Text,
        ", `wait_reason` = " => wait_reason: Option<&'a str> as Nullable<Text>,
        ", `turn` = " => turn: i64 as BigInt,
        ", `attempt` = " => attempt: i64 as BigInt,
        ", `tokens` = " => tokens: i64 as BigInt,
        ", `updated_at` = " => updated_at: i64 as BigInt,
        ", `life_json` = " => life_json: &'a str as Text,
        ", `fence` = coalesce(" => fence: Option<i64> as Nullable<BigInt>,
        ", `fence`) WHERE `row` = " => row: i64 as BigInt;
        " AND `status` <> 'archived'"
    }
}

statement! {
    /// The fence of a card's open attempts.
    AttemptFenceUpdate {
        "UPDATE `turns` SET `fence` = " => fence: i64 as BigInt,
        " WHERE `card` = " => card: i64 as BigInt;
        " AND `ended_at` IS NULL"
    }
}

statement! {
    /// The end of an open attempt.
    AttemptEnd<'a> {
        "UPDATE `turns` SET `head` = " => head: Option<&'a [u8]> as Nullable<Binary>,
        ", `status` = " => status: &'a str as Text,
        ", `code` = " => code: Option<&'a str> as Nullable<Text>,
        ", `prompt_tokens` = " => prompt_tokens: i64 as BigInt,
        ", `output_tokens` = " => output_tokens: i64 as BigInt,
        ", `ended_at` = " => ended_at: i64 as BigInt,
        " WHERE `row` = " => row: i64 as BigInt;
        " AND `ended_at` IS NULL"
    }
}

statement! {
    /// A card's status has changed: an event of the run that the card belongs to now.
    StatusEventInsert<'a> {
        "INSERT OR FAIL INTO `card_events` (`run_id`, `card`, `kind`, `from_status`, `to_status`, `reason`, `by_whom`, `at`) SELECT `run_id`, `row`, 'status', " => from: &'a str as Text,
        ", " => to: &'a str as Text,
        ", " => reason: &'a str as Text,
        ", " => by: &'a str as Text,
        ", " => at: i64 as BigInt,
        " FROM `cards` WHERE `row` = " => row: i64 as BigInt;
        ""
    }
}

statement! {
    /// A new attempt.
    AttemptInsert<'a> {
        "INSERT INTO `turns` (`status`, `prompt_tokens`, `output_tokens`, `row`, `card`, `fence`, `turn`, `attempt`, `started_at`, `seat`, `role`, `card_id`, `run_id`) VALUES ('open', 0, 0, " => row: i64 as BigInt,
        ", " => card: i64 as BigInt,
        ", " => fence: i64 as BigInt,
        ", " => turn: i64 as BigInt,
        ", " => attempt: i64 as BigInt,
        ", " => started_at: i64 as BigInt,
        ", " => seat: &'a str as Text,
        ", " => role: &'a str as Text,
        ", " => card_id: &'a str as Text,
        ", " => run_id: &'a str as Text;
        ")"
    }
}
