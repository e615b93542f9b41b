//! Rows of a database that is not ours: whatever columns a table has, and whatever SQLite let be
//! written into them.
//!
//! SQLite hands each row out as one line of ASCII, so that texts which are no UTF-8, blobs in text
//! columns and numbers in both come through as they are: `n`, `i42`, `r0.5`, `t<hex>` or `b<hex>` for
//! each column, with `|` between.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::{Map, Number, Value, json};

/// What is in one column of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes in a text column that are no text.
    Damaged(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    /// As JSON; what has no form of its own there is an object with one key that begins with `$`.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::from(*number),
            Self::Real(number) => Number::from_f64(*number)
                .map_or_else(|| json!({"$real": number.to_string()}), Value::Number),
            Self::Text(text) => Value::String(text.clone()),
            Self::Damaged(bytes) => json!({"$text": hex(bytes)}),
            Self::Blob(bytes) => json!({"$blob": hex(bytes)}),
        }
    }

    /// As it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Damaged(_) | Self::Blob(_) => {
                self.json().to_string()
            }
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What tells it from others of its table.
    pub key: String,
    /// Its columns, in the table's order.
    pub cells: Vec<(String, Cell)>,
}

impl Row {
    /// A column; NULL where the table has none of this name.
    #[must_use]
    pub fn cell(&self, column: &str) -> &Cell {
        self.cells
            .iter()
            .find(|(name, _)| name == column)
            .map_or(&Cell::Null, |(_, cell)| cell)
    }

    /// A column that holds a text.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        match self.cell(column) {
            Cell::Text(text) => Some(text),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Damaged(_) | Cell::Blob(_) => {
                None
            }
        }
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> String {
        let all: Map<String, Value> = self
            .cells
            .iter()
            .map(|(name, cell)| (name.clone(), cell.json()))
            .collect();
        Value::Object(all).to_string()
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The tables of a database, SQLite's own and the list of applied scripts aside.
pub(crate) fn tables(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let found: Vec<Line> = diesel::sql_query(
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_schema_migrations' ORDER BY name",
    )
    .load(connection)?;
    Ok(found.into_iter().map(|it| it.line).collect())
}

/// All rows of a table, those with a key in the order of their keys as SQLite has it.
pub(crate) fn rows(
    connection: &mut SqliteConnection,
    table: &str,
    key_column: &str,
) -> QueryResult<Vec<Row>> {
    let columns: Vec<Line> =
        diesel::sql_query("SELECT name AS line FROM pragma_table_info(?) ORDER BY cid")
            .bind::<Text, _>(table)
            .load(connection)?;
    let names: Vec<String> = columns.into_iter().map(|it| it.line).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let each: Vec<String> = names.iter().map(|name| encoded(&quoted(name))).collect();
    let order = if names.iter().any(|name| name == key_column) {
        format!(" ORDER BY {}", quoted(key_column))
    } else {
        String::new()
    };
    let lines: Vec<Line> = diesel::sql_query(format!(
        "SELECT {} AS line FROM {}{order}",
        each.join(" || '|' || "),
        quoted(table)
    ))
    .load(connection)?;
    let mut seen = std::collections::HashMap::<String, u32>::new();
    lines
        .into_iter()
        .map(|it| {
            let cells = decoded(&it.line)
                .filter(|cells| cells.len() == names.len())
                .ok_or_else(|| {
                    diesel::result::Error::DeserializationError("a row cannot be read".into())
                })?;
            let cells: Vec<(String, Cell)> = names.iter().cloned().zip(cells).collect();
            let key = cells.iter().find(|(name, _)| name == key_column);
            let key = match key {
                Some((_, Cell::Null)) | None => {
                    let digest = blake3::hash(it.line.as_bytes()).to_hex();
                    let nth = seen.entry(digest.to_string()).or_default();
                    *nth += 1;
                    format!("without-key-{}-{nth}", digest.get(..16).unwrap_or_default())
                }
                Some((_, cell)) => cell.shown(),
            };
            Ok(Row { key, cells })
        })
        .collect()
}

/// An identifier as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn encoded(column: &str) -> String {
    format!(
        "CASE typeof({column}) WHEN 'null' THEN 'n' WHEN 'integer' THEN 'i' || {column} \
         WHEN 'real' THEN 'r' || printf('%!.17g', {column}) \
         WHEN 'text' THEN 't' || hex(CAST({column} AS BLOB)) ELSE 'b' || hex({column}) END"
    )
}

/// The cells of one line; nothing when it is none of ours.
#[must_use]
pub fn decoded(line: &str) -> Option<Vec<Cell>> {
    line.split('|')
        .map(|part| {
            let kind = part.chars().next()?;
            let rest = part.get(1..)?;
            match kind {
                'n' => rest.is_empty().then_some(Cell::Null),
                'i' => rest.parse().ok().map(Cell::Integer),
                'r' => real(rest).map(Cell::Real),
                't' => Some(match String::from_utf8(unhex(rest)?) {
                    Ok(text) => Cell::Text(text),
                    Err(damaged) => Cell::Damaged(damaged.into_bytes()),
                }),
                'b' => unhex(rest).map(Cell::Blob),
                _ => None,
            }
        })
        .collect()
}

/// SQLite writes infinities as `Inf`, which Rust reads.
fn real(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn hex(bytes: &[u8]) -> String {
    orket_core::canonical::hex(bytes)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> SqliteConnection {
        SqliteConnection::establish(":memory:").unwrap()
    }

    #[test]
    fn whatever_is_in_a_row_comes_through_as_it_is() {
        use diesel::connection::SimpleConnection as _;
        let mut connection = database();
        connection
            .batch_execute(
                "CREATE TABLE \"odd \"\"one\" (id TEXT PRIMARY KEY, a, b TEXT, c REAL, d BLOB);
                 INSERT INTO \"odd \"\"one\" VALUES
                   ('x|y', 9223372036854775807, CAST(x'ff00' AS TEXT), 0.1, x'00ff'),
                   ('', NULL, 'a' || char(0) || 'ß', 9e999, 'text'),
                   (NULL, -1, '12', 1e-300, 2.0),
                   (NULL, -1, '12', 1e-300, 2.0);",
            )
            .unwrap();
        assert_eq!(tables(&mut connection).unwrap(), ["odd \"one"]);
        let rows = rows(&mut connection, "odd \"one", "id").unwrap();
        let texts: Vec<String> = rows.iter().map(Row::json).collect();
        assert_eq!(
            texts,
            [
                r#"{"id":null,"a":-1,"b":"12","c":1e-300,"d":2.0}"#,
                r#"{"id":null,"a":-1,"b":"12","c":1e-300,"d":2.0}"#,
                r#"{"id":"","a":null,"b":"a\u0000ß","c":{"$real":"inf"},"d":"text"}"#,
                r#"{"id":"x|y","a":9223372036854775807,"b":{"$text":"ff00"},"c":0.1,"d":{"$blob":"00ff"}}"#,
            ]
        );
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys[2..], ["", "x|y"]);
        assert!(
            keys[0].ends_with("-1") && keys[1].ends_with("-2"),
            "{keys:?}"
        );
        assert_eq!(keys[0][..28], keys[1][..28]);
    }

    proptest::proptest! {
        #[test]
        fn numbers_and_texts_are_the_same_afterwards(
            real in proptest::num::f64::NORMAL, whole: i64, text: String,
        ) {
            use diesel::sql_types::{BigInt, Double};
            let mut connection = database();
            diesel::sql_query("CREATE TABLE t (id INTEGER, r REAL, s TEXT)")
                .execute(&mut connection).unwrap();
            diesel::sql_query("INSERT INTO t VALUES (?, ?, ?)")
                .bind::<BigInt, _>(whole).bind::<Double, _>(real).bind::<Text, _>(&text)
                .execute(&mut connection).unwrap();
            let rows = rows(&mut connection, "t", "id").unwrap();
            proptest::prop_assert_eq!(rows[0].cell("id"), &Cell::Integer(whole));
            proptest::prop_assert_eq!(rows[0].cell("s"), &Cell::Text(text));
            let Cell::Real(read) = *rows[0].cell("r") else { panic!("no real") };
            proptest::prop_assert!((read - real).abs() <= real.abs() * f64::EPSILON);
        }

        #[test]
        fn a_line_that_is_none_is_refused_not_believed(line in "[nirtb|0-9a-fx]{0,20}") {
            let _ = decoded(&line);
        }
    }
}
