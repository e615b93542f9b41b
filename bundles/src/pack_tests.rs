//! What is packed, and what never is: real folders and real files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::ZipArchive;

use crate::engine::Engine;
use crate::selection::Wish;
use crate::{ENGINE_VERSION, Options, Packed, Packing, inspect, manifest, pack};

fn options() -> Options {
    Options {
        engine: Engine::new(ENGINE_VERSION).unwrap(),
        models: Wish::default(),
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A bundle in the folder `bun`.
fn bundle(base: &Path) {
    let document = manifest::tests::whole();
    write(base, "bun/orket.json", &document.to_string());
    write(base, "bun/machine.json", "{}");
    write(base, "bun/agents/reader.json", "{}");
    write(base, "bun/prompts/reader.md", "Read.\n");
    write(base, "bun/guards/safety.json", "{}");
}

fn packed(base: &Path, output: &str) -> Packed {
    let packing = Packing {
        base,
        source: "bun",
        output: Some(Path::new(output)),
    };
    pack(&packing, &options())
}

/// Name to contents and mode.
fn unpacked(file: &Path) -> BTreeMap<String, (String, u32)> {
    let bytes = fs::read(file).unwrap();
    let archive = ZipArchive::from_slice(&bytes).unwrap();
    let entries = archive.entries().map(|entry| {
        let entry = entry.unwrap();
        let name = String::from_utf8(entry.file_path().as_bytes().to_vec()).unwrap();
        let local = archive.get_entry(entry.wayfinder()).unwrap();
        let mut body = String::new();
        local
            .verifying_reader(DeflateDecoder::new(local.data()))
            .read_to_string(&mut body)
            .unwrap();
        (name, (body, entry.external_attributes() >> 16))
    });
    entries.collect()
}

#[test]
fn secrets_and_what_leads_out_stay_where_they_are() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path();
    bundle(base);
    write(base, "outside.txt", "outside");
    for (path, text) in [
        ("bun/.env", "KEY=1"),
        ("bun/.git/config", "x"),
        ("bun/sub/.git", "gitdir: x"),
        ("bun/state/cards.db", "x"),
        ("bun/state/cards.db-wal", "x"),
        ("bun/id_ed25519", "x"),
        ("bun/node_modules/a/index.js", "x"),
        ("bun/old-0.0.9.orket", "x"),
        ("bun/.gitignore", "x\n"),
        ("bun/notes/ü.md", "notes"),
    ] {
        write(base, path, text);
    }
    let link = |to: &str, at: &str| symlink(to, base.join(at)).unwrap();
    link("../outside.txt", "bun/outside.txt");
    link("/etc/passwd", "bun/passwd.txt");
    link(".env", "bun/settings.txt");
    link("../.git/config", "bun/notes/config.txt");
    link("notes", "bun/again");
    link("nowhere", "bun/broken.txt");
    link("notes/ü.md", "bun/inside.md");
    let socket = std::os::unix::net::UnixListener::bind(base.join("bun/socket")).unwrap();
    let report = packed(base, "bun/out.zip");
    drop(socket);
    assert!(report.ok, "{:?}", report.errors);
    let excluded: Vec<String> = report
        .excluded
        .iter()
        .map(|it| format!("{}: {}", it.path, it.reason.words()))
        .collect();
    insta::assert_snapshot!(excluded.join("\n"));
    let contents = unpacked(&base.join("bun/out.zip"));
    let of = |path: &str| fs::read_to_string(base.join("bun").join(path)).unwrap();
    let expected: BTreeMap<String, (String, u32)> = [
        ".gitignore",
        "agents/reader.json",
        "guards/safety.json",
        "inside.md",
        "machine.json",
        "notes/ü.md",
        "orket.json",
        "prompts/reader.md",
    ]
    .map(|path| (path.to_owned(), (of(path), 0o100_644)))
    .into();
    assert_eq!(contents, expected);
    assert_eq!(report.file_count, expected.len());
    // Packed again, the file of before is no part of itself.
    let again = packed(base, "bun/out.zip");
    assert_eq!(again.file_count, expected.len());
    assert_eq!(unpacked(&base.join("bun/out.zip")), expected);
}

#[test]
fn the_same_files_are_the_same_bytes() {
    let bytes = |mode: u32, order: &[&str]| {
        let base = tempfile::tempdir().unwrap();
        let base = base.path();
        for path in order {
            write(base, &format!("bun/{path}"), path);
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(base.join("bun").join(path), permissions).unwrap();
        }
        bundle(base);
        let report = packed(base, "a.orket");
        assert!(report.ok, "{:?}", report.errors);
        let found = inspect(base, "a.orket", &options());
        assert!(found.ok, "{:?}", found.errors);
        assert_eq!(found.entry_count, Some(7));
        fs::read(base.join("a.orket")).unwrap()
    };
    let first = bytes(0o644, &["z.txt", "a/b.txt"]);
    let second = bytes(0o755, &["a/b.txt", "z.txt"]);
    assert_eq!(first, second);
}

#[test]
fn nothing_is_left_behind_where_it_cannot_be_packed() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path();
    bundle(base);
    let told = |report: &Packed| -> Vec<(String, String)> {
        let errors = report.errors.iter();
        errors
            .map(|it| (it.code.as_str().to_owned(), it.location.clone()))
            .collect()
    };
    let is = |code: &str, location: &str| vec![(code.to_owned(), location.to_owned())];
    // The state machine is a file that is never packed.
    let mut document = manifest::tests::whole();
    document["stateMachine"]["file"] = "machine.db".into();
    write(base, "bun/orket.json", &document.to_string());
    write(base, "bun/machine.db", "x");
    let report = packed(base, "a.orket");
    assert_eq!(
        told(&report),
        is("E_PACK_FILE_EXCLUDED", "stateMachine.file")
    );
    bundle(base);
    // A prompt that leads out.
    write(base, "prompt.md", "x");
    fs::remove_file(base.join("bun/prompts/reader.md")).unwrap();
    symlink("../../prompt.md", base.join("bun/prompts/reader.md")).unwrap();
    let report = packed(base, "a.orket");
    assert_eq!(told(&report), is("E_PACK_VALIDATE_FAILED", "bun"));
    let inner = report.validation.unwrap();
    assert_eq!(
        inner.errors[0].message,
        "prompts/reader.md leads out of the bundle"
    );
    fs::remove_file(base.join("bun/prompts/reader.md")).unwrap();
    // Behind a link to a folder.
    fs::create_dir(base.join("bun/real")).unwrap();
    fs::remove_dir(base.join("bun/prompts")).unwrap();
    symlink("real", base.join("bun/prompts")).unwrap();
    write(base, "bun/real/reader.md", "x");
    let report = packed(base, "a.orket");
    assert_eq!(told(&report), is("E_PACK_FILE_EXCLUDED", "agents.reader"));
    fs::remove_file(base.join("bun/prompts")).unwrap();
    bundle(base);
    // A manifest that stands elsewhere.
    fs::rename(base.join("bun/orket.json"), base.join("prompt.md")).unwrap();
    symlink("../prompt.md", base.join("bun/orket.json")).unwrap();
    let report = packed(base, "a.orket");
    assert_eq!(told(&report), is("E_PACK_FILE_EXCLUDED", "orket.json"));
    fs::remove_file(base.join("bun/orket.json")).unwrap();
    bundle(base);
    // Names that mean something else elsewhere.
    write(base, "bun/a\\..\\b.txt", "x");
    let report = packed(base, "a.orket");
    assert_eq!(
        told(&report),
        is("E_PACK_UNSAFE_ARCHIVE_PATH", "a\\..\\b.txt")
    );
    fs::remove_file(base.join("bun/a\\..\\b.txt")).unwrap();
    // Too much.
    let huge = fs::File::create(base.join("bun/huge.bin")).unwrap();
    huge.set_len(crate::pack::MAX_BYTES + 1).unwrap();
    let report = packed(base, "a.orket");
    assert_eq!(told(&report), is("E_PACK_TOO_LARGE", "huge.bin"));
    fs::remove_file(base.join("bun/huge.bin")).unwrap();
    // Nowhere to write.
    let report = packed(base, "no/such/folder/a.orket");
    assert_eq!(report.errors[0].code.as_str(), "E_PACK_IO");
    let report = packed(base, "bun");
    assert_eq!(report.errors[0].code.as_str(), "E_PACK_IO");
    let report = packed(base, "bun/orket.json");
    assert_eq!(report.errors[0].code.as_str(), "E_PACK_IO");
    // A pipe is not waited for.
    let pipe = base.join("bun/pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let report = packed(base, "bun/pipe");
    assert_eq!(report.errors[0].code.as_str(), "E_PACK_IO");
    let left: Vec<_> = fs::read_dir(base)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "only bun and prompt.md: {left:?}");
}

#[test]
fn the_time_in_an_archive_is_the_first_there_is() {
    let base = tempfile::tempdir().unwrap();
    bundle(base.path());
    assert!(packed(base.path(), "a.orket").ok);
    let bytes = fs::read(base.path().join("a.orket")).unwrap();
    let archive = ZipArchive::from_slice(&bytes).unwrap();
    for entry in archive.entries() {
        let entry = entry.unwrap();
        let time = entry.last_modified_dos();
        assert_eq!((time.year(), time.month(), time.day()), (1980, 1, 1));
        assert_eq!((time.hour(), time.minute(), time.second()), (0, 0, 0));
    }
}

#[test]
fn wrong_fields_of_an_archive_are_told_as_of_old() {
    let base = tempfile::tempdir().unwrap();
    let mut document = manifest::tests::whole();
    document["guards"] = serde_json::json!(["luck"]);
    let bytes =
        crate::archive::tests::zip(&[(b"orket.json", 0o644, document.to_string().as_bytes())]);
    fs::write(base.path().join("a.orket"), bytes).unwrap();
    let found = inspect(base.path(), "a.orket", &options());
    let told: Vec<(&str, &str)> = found
        .errors
        .iter()
        .map(|it| (it.code.as_str(), it.location.as_str()))
        .collect();
    assert_eq!(told, [("E_MANIFEST_PARSE", "guards[0]")]);
    assert_eq!(found.entry_count, Some(1));
    assert_eq!(found.name, None);
}
