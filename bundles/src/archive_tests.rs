//! Archives that somebody made to do harm, and any bytes at all.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;
use rawzip::{ZipArchiveWriter, path::EntryPath};

use super::*;

/// An archive of these entries: name, mode, contents.
pub(crate) fn zip(entries: &[(&[u8], u32, &[u8])]) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, mode, body) in entries {
        let (mut entry, config) = archive
            .new_file(EntryPath::verbatim(*name))
            .compression_method(CompressionMethod::DEFLATE)
            .unix_permissions(*mode)
            .start()
            .unwrap();
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::new(6)));
        writer.write_all(body).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

fn told(bytes: &[u8]) -> Vec<String> {
    let problems = look(bytes, "x.orket").unwrap_err();
    problems
        .iter()
        .map(|it| format!("{} {}: {}", it.code.as_str(), it.location, it.message))
        .collect()
}

#[test]
fn a_plain_archive_is_read_to_its_end() {
    let bytes = zip(&[
        (b"orket.json", 0o100_644, b"{}"),
        (b"agents/", 0o040_755, b""),
        (b"agents/a.json", 0o644, b"{\"a\": 1}"),
        (b"orket.yaml", 0o100_644, b"a: 1"),
    ]);
    let contents = look(&bytes, "x.orket").unwrap();
    assert_eq!(contents.count, 4);
    assert_eq!(
        contents.manifest,
        Some(("orket.yaml".to_owned(), b"a: 1".to_vec()))
    );
    let files: Vec<&str> = contents.files.iter().map(String::as_str).collect();
    assert_eq!(files, ["agents/a.json", "orket.json", "orket.yaml"]);
}

#[test]
fn what_would_do_harm_is_refused_by_name() {
    let bytes = zip(&[
        (b"../../etc/passwd", 0o644, b"x"),
        (b"/etc/passwd", 0o644, b"x"),
        (b"a//b", 0o644, b"x"),
        (b"c:/windows", 0o644, b"x"),
        (b"a\\..\\b", 0o644, b"x"),
        (b"bad\x1b[2Jname", 0o644, b"x"),
        (b"\xff\xfe", 0o644, b"x"),
        (b"link", 0o120_777, b"/etc/passwd"),
        (b"pipe", 0o010_644, b""),
        (b"folder/", 0o120_777, b""),
        (b"twice", 0o644, b"1"),
        (b"TWICE", 0o644, b"2"),
        (b"both", 0o644, b"1"),
        (b"both/x", 0o644, b"2"),
    ]);
    insta::assert_snapshot!(told(&bytes).join("\n"));
}

#[test]
fn bombs_end_early() {
    let zeros = vec![0; 2 * 1024 * 1024];
    let bytes = zip(&[
        (b"a", 0o644, &zeros),
        (b"b", 0o644, &zeros),
        (b"c", 0o644, &zeros),
        (b"d", 0o644, &zeros),
    ]);
    assert!(within(&bytes, "x", 8 * 1024 * 1024).is_ok());
    let problems = within(&bytes, "x", 5 * 1024 * 1024).unwrap_err();
    assert_eq!(
        problems,
        [Problem::new(
            Code::InspectArchiveTooLarge,
            "c",
            "the files are more than 5242880 bytes in all"
        )]
    );
    let large = zip(&[(b"orket.yaml", 0o644, &zeros)]);
    assert_eq!(
        told(&large),
        ["E_INSPECT_ARCHIVE_TOO_LARGE orket.yaml: is larger than 1048576 bytes"]
    );
    let many: Vec<String> = (0..=MAX_FILES).map(|it| it.to_string()).collect();
    let many: Vec<(&[u8], u32, &[u8])> = many
        .iter()
        .map(|name| (name.as_bytes(), 0o644, &b""[..]))
        .collect();
    assert_eq!(
        told(&zip(&many)),
        ["E_INSPECT_ARCHIVE_TOO_LARGE x.orket: holds more than 10000 entries"]
    );
}

#[test]
fn what_is_cut_off_or_renamed_is_told() {
    let whole = zip(&[
        (b"orket.json", 0o644, b"{}"),
        (b"a", 0o644, b"hello hello hello"),
    ]);
    assert!(look(&whole, "x").is_ok());
    for end in 0..whole.len() {
        let problems = look(&whole[..end], "x").unwrap_err();
        assert_eq!(
            problems[0].code,
            Code::InspectArchiveInvalid,
            "cut at {end}"
        );
    }
    // Another name where the entry stands than in the directory.
    let mut renamed = whole.clone();
    let place = renamed
        .windows(10)
        .position(|it| it == b"orket.json")
        .unwrap();
    renamed[place] = b'p';
    assert_eq!(
        told(&renamed),
        [
            "E_INSPECT_ARCHIVE_UNSAFE orket.json: has another name in the directory than where it stands"
        ]
    );
    assert!(told(b"").join("").contains("E_INSPECT_ARCHIVE_INVALID"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Whatever is done to an archive, it is read or refused with one of the three codes.
    #[test]
    fn any_change_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = zip(&[
            (b"orket.yaml", 0o644, b"apiVersion: orket.io/v1\nkind: Orket\n"),
            (b"agents/reader.json", 0o100_644, b"{\"a\": [1, 2, 3, 4, 5, 6, 7, 8, 9]}"),
            (b"agents/", 0o040_755, b""),
        ]);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(problems) = look(&bytes, "x") {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(matches!(
                    problem.code,
                    Code::InspectArchiveInvalid
                        | Code::InspectArchiveUnsafe
                        | Code::InspectArchiveTooLarge
                ));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = look(&bytes, "x");
    }
}
