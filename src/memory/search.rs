//! Which records hold which words. The score is how many of the query's words a record holds: a
//! whole number that no other record changes, so that the same memory gives the same order.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use orket_core::memory::access::{Hit, words_of};

use super::MemoryError;

/// A query is a card's name and note; what goes beyond this many words adds nothing.
const MOST_WORDS: usize = 64;

/// A record is seen at a snapshot when it was there, and nothing that was there took its place.
const SEEN: &str = "records.project = ? AND records.since <= ? AND records.removed = 0
    AND NOT EXISTS (SELECT 1 FROM records AS newer WHERE newer.project = records.project
        AND newer.record_key = records.record_key AND newer.since > records.since
        AND newer.since <= ?)";

const COLUMNS: &str = "records.id, record_type, records.content, metadata_json, records.created_at";

/// Of the records in `seen`, those that say the same are shown once: the oldest of them.
const SHOWN: &str = "SELECT seen.*, COUNT(*) OVER () AS candidates FROM seen
    WHERE seen.id IN (SELECT MIN(id) FROM seen GROUP BY content)
    ORDER BY seen.score DESC, seen.id LIMIT ?";

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many records hold any of the words; those that say the same count once.
    pub candidates: u64,
    /// The best of them, best first.
    pub hits: Vec<Hit>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    record_type: String,
    #[diesel(sql_type = Text)]
    content: String,
    #[diesel(sql_type = Text)]
    metadata_json: String,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = BigInt)]
    score: i64,
    #[diesel(sql_type = BigInt)]
    candidates: i64,
}

pub(super) fn search(
    connection: &mut SqliteConnection,
    project: &str,
    at: i64,
    query: &str,
    limit: usize,
) -> Result<Found, MemoryError> {
    let mut words = words_of(query);
    words.truncate(MOST_WORDS);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = if words.is_empty() {
        diesel::sql_query(format!(
            "WITH seen AS (SELECT {COLUMNS}, 0 AS score FROM records WHERE {SEEN}) {SHOWN}"
        ))
        .bind::<Text, _>(project)
        .bind::<BigInt, _>(at)
        .bind::<BigInt, _>(at)
        .bind::<BigInt, _>(limit)
        .load(connection)?
    } else {
        let one = "SELECT rowid AS id FROM record_words WHERE record_words MATCH ?";
        let each = vec![one; words.len()].join(" UNION ALL ");
        let mut statement = diesel::sql_query(format!(
            "WITH seen AS (SELECT {COLUMNS}, COUNT(*) AS score FROM ({each}) AS hits
                 JOIN records ON records.id = hits.id WHERE {SEEN} GROUP BY records.id)
             {SHOWN}"
        ))
        .into_boxed::<Sqlite>();
        for word in &words {
            // Quoted, a word is a word and never an operator; it holds no quote itself.
            statement = statement.bind::<Text, _>(format!("\"{word}\""));
        }
        statement
            .bind::<Text, _>(project)
            .bind::<BigInt, _>(at)
            .bind::<BigInt, _>(at)
            .bind::<BigInt, _>(limit)
            .load(connection)?
    };
    let candidates = rows.first().map_or(0, |row| row.candidates);
    let hits: Result<Vec<Hit>, MemoryError> = rows
        .into_iter()
        .map(|row| {
            Ok(Hit {
                id: row.id,
                record_type: row.record_type,
                content: row.content,
                metadata: serde_json::from_str(&row.metadata_json)?,
                created_at: row.created_at,
                score: row.score,
            })
        })
        .collect();
    Ok(Found {
        candidates: u64::try_from(candidates).unwrap_or(0),
        hits: hits?,
    })
}
