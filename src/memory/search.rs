//! Which records hold which words. The score is how many of the query's words a record holds: a
//! whole number that no other record changes, so that the same memory gives the same order.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use orket_core::memory::access::{Hit, words_of};

use super::MemoryError;

/// A query is a card's name and note; what goes beyond this many words adds nothing.
const MOST_WORDS: usize = 64;

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
}

pub(super) fn search(
    connection: &mut SqliteConnection,
    project: &str,
    query: &str,
    limit: usize,
) -> Result<Vec<Hit>, MemoryError> {
    let mut words = words_of(query);
    words.truncate(MOST_WORDS);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let columns = "records.id, record_type, content, metadata_json, created_at";
    let rows: Vec<Row> = if words.is_empty() {
        diesel::sql_query(format!(
            "SELECT {columns}, 0 AS score FROM records WHERE project = ? ORDER BY id LIMIT ?"
        ))
        .bind::<Text, _>(project)
        .bind::<BigInt, _>(limit)
        .load(connection)?
    } else {
        let one = "SELECT rowid AS id FROM record_words WHERE record_words MATCH ?";
        let each = vec![one; words.len()].join(" UNION ALL ");
        let mut statement = diesel::sql_query(format!(
            "SELECT {columns}, COUNT(*) AS score FROM ({each}) AS hits
             JOIN records ON records.id = hits.id WHERE project = ?
             GROUP BY records.id ORDER BY score DESC, records.id LIMIT ?"
        ))
        .into_boxed::<Sqlite>();
        for word in &words {
            // Quoted, a word is a word and never an operator; it holds no quote itself.
            statement = statement.bind::<Text, _>(format!("\"{word}\""));
        }
        statement
            .bind::<Text, _>(project)
            .bind::<BigInt, _>(limit)
            .load(connection)?
    };
    rows.into_iter()
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
        .collect()
}
