//! `orket man`: the manual pages, made of what `--help` says.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::args::{Cli, ManArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &ManArgs) -> Result<ExitCode, Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .map_err(|error| Failure::new("E_OUTPUT", error.to_string()))?;
        let page = String::from_utf8_lossy(&page);
        if context.json {
            out::json(&serde_json::json!({"name": "orket.1", "page": page}));
        } else {
            out::print(&page);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let place = context.cwd.join(folder);
    let written = write(&place).map_err(|error| {
        Failure::new(
            "E_OUTPUT",
            format!("{} could not be written: {error}", folder.display()),
        )
        .hint("--out must name a folder that can be written")
    })?;
    if context.json {
        out::json(&serde_json::json!({"folder": place, "pages": written}));
    } else {
        out::print(&format!(
            "{} pages in {}; man -l {}/orket.1 shows the first\n",
            written.len(),
            folder.display(),
            folder.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages of all commands. Their names.
fn write(folder: &Path) -> std::io::Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let mut command = Cli::command();
    command.build();
    let mut names = Vec::new();
    page(&command, folder, &mut names)?;
    names.sort();
    Ok(names)
}

fn page(command: &clap::Command, folder: &Path, names: &mut Vec<String>) -> std::io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    let name = man.get_filename();
    let mut text = Vec::new();
    man.render(&mut text)?;
    std::fs::write(folder.join(&name), text)?;
    names.push(name);
    command
        .get_subcommands()
        .filter(|it| !it.is_hide_set() && it.get_name() != "help")
        .try_for_each(|it| page(it, folder, names))
}
