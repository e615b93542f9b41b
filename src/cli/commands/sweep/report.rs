//! `orket sweep report`: Markdown, points, and a plot, beside one another.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use orket_sweep::explorers::report::{Links, markdown};
use orket_sweep::explorers::{scatter, svg};

use super::files;
use crate::cli::args::sweep::ReportArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &ReportArgs) -> Result<ExitCode, Failure> {
    let summary = files::summary(context, &args.summary)?;
    let beside = |file: &Path, name: &str| file.with_file_name(name);
    let md = args
        .out_md
        .clone()
        .unwrap_or_else(|| beside(&args.summary, "quant_sweep_report.md"));
    let out = |given: &Option<PathBuf>, name| given.clone().unwrap_or_else(|| beside(&md, name));
    let points_file = out(&args.out_scatter, "quant_sweep_scatter.json");
    let svg_file = out(&args.out_svg, "quant_sweep_scatter.svg");
    let source = args.summary.display().to_string();
    let points = scatter::of(&summary, &source, args.include_invalid, &files::now());
    let links = Links {
        svg: &link(&md, &svg_file),
        scatter: &link(&md, &points_file),
    };
    let json = serde_json::to_string_pretty(&points)
        .map_err(|error| files::failure(&points_file, error))?;
    files::write(context, &svg_file, &svg::plot(&points))?;
    files::write(context, &points_file, &(json + "\n"))?;
    files::write(context, &md, &markdown(&summary, &points, &links))?;
    if context.json {
        out::json(&serde_json::json!({
            "summary_path": source,
            "out_md": md,
            "out_scatter": points_file,
            "out_svg": svg_file,
            "points": points.points.len(),
        }));
    } else {
        out::print(&format!(
            "{}\n{}\n{}\n",
            md.display(),
            points_file.display(),
            svg_file.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// A file as a page links to it: by its name when it is beside the page.
fn link(page: &Path, file: &Path) -> String {
    match (page.parent() == file.parent(), file.file_name()) {
        (true, Some(name)) => name.to_string_lossy().into_owned(),
        (true | false, _) => file.display().to_string(),
    }
}
