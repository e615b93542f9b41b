//! What a seat is told of a task: the description of its card.

use std::fmt::Write as _;

use super::task::{CliExample, Example, FunctionExample, Mode, Task};

impl Task {
    /// The whole task in words: what to make, where, the rules, and the examples that may be seen.
    #[must_use]
    pub fn card_text(&self) -> String {
        let language = self.evaluation.language.title();
        let file = &self.evaluation.file;
        let mut text = format!(
            "{}\n\nWrite it in {language}, whole, into {file}.",
            self.instruction
        );
        if let Some(signature) = &self.function_signature {
            let _ = write!(text, "\n\nSignature: `{signature}`");
        }
        if !self.constraints.is_empty() {
            text.push_str("\n\nRules:");
            for constraint in &self.constraints {
                let _ = write!(text, "\n- {}", constraint.text);
            }
        }
        if !self.io_examples.is_empty() {
            text.push_str("\n\nExamples:");
            for example in &self.io_examples {
                let shown = match example {
                    Example::Function(call) => self.shown_call(call),
                    Example::Cli(run) => shown_run(run),
                };
                let _ = write!(text, "\n- {shown}");
            }
        }
        text
    }

    fn shown_call(&self, call: &FunctionExample) -> String {
        let arguments: Vec<String> = call.args.iter().map(python).collect();
        let entry = self.evaluation.entry.as_deref().unwrap_or("it");
        let call_text = format!("{entry}({})", arguments.join(", "));
        match &call.raises {
            Some(raises) => format!("{call_text} raises {raises}"),
            None => format!("{call_text} returns {}", python(&call.returns)),
        }
    }

    /// What is executed, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.acceptance_contract.mode {
            Mode::Function => "function",
            Mode::Cli => "program",
        }
    }
}

fn shown_run(run: &CliExample) -> String {
    let with = if run.argv.is_empty() {
        "no argument".to_owned()
    } else {
        format!("arguments {:?}", run.argv)
    };
    format!(
        "{with}, standard input {:?}: exit code {}, standard output {:?}",
        run.stdin, run.exit, run.stdout
    )
}

/// A value as Python writes it.
fn python(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), python(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bank, OWN};

    #[test]
    fn a_function_and_a_program_are_told_of_without_what_is_hidden() {
        let bank = Bank::load(OWN).unwrap();
        let texts = ["017", "005"].map(|id| {
            let task = bank.tasks.iter().find(|task| task.id == id).unwrap();
            format!("{} {}\n\n{}", task.id, task.description, task.card_text())
        });
        insta::assert_snapshot!(texts.join("\n\n----\n\n"));
    }
}
