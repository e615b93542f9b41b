//! old in a doc
use crate::old;
use crate::things::{old as other, self, old::{deep, old}};
use std::collections::old as alias;
use std::fs::{self, File};
use std::net::Config;
use super::old::*;

/// old
macro_rules! make { ($old:ident, $x:expr) => { let $old = old!($x); old }; }

#[derive(Debug, thiserror::Error)]
#[error("{old} was bad: {old:?} {{old}} {}", old.len())]
#[serde(rename = "old")]
struct Foo<'old, T> { old: &'old T, pub r#old: u8 }

fn old<'old>(old: Foo<'old, u8>) -> Foo<'old, u8> {
    let Foo { old, .. } = old;
    let Foo { old: inner, .. } = Foo { old, ..other };
    let Foo { ref old, .. } = Foo { old: old };
    let Config { old: a, .. } = Config { old: old, b };
    println!("old {old} {0:old$} {x:?}", old, x = old.old);
    write!(f, "{old}", )?;
    write!(f, "no", "{old}");
    custom!("{old}", old => old::old, std::fs::old, fs::old, self.old);
    assert_eq!(old, old, "{old:>1$}", r#"{old}"#);
    let s = r#"old {old}"#; let b = b"old"; let c = 'o'; // old
    'old: loop { break 'old; }
    old::old::<old>(old.old(), <old as Old>::old(), fs::old(), std::mem::old::<u8>(), File::old());
    old!(old); r#old + old.0.old
}
impl Old for old { type old = old; const old: old = old; }
mod old { pub(in crate::old) fn x() {} }
