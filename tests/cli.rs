//! The command line, through the binary.

#[path = "cli/house.rs"]
mod house;

#[path = "cli/approvals.rs"]
mod approvals;
#[path = "cli/attach.rs"]
mod attach;
#[path = "cli/budget.rs"]
mod budget;
#[path = "cli/evidence.rs"]
mod evidence;
#[path = "cli/fork.rs"]
mod fork;
#[path = "cli/gitea_export.rs"]
mod gitea_export;
#[path = "cli/guard.rs"]
mod guard;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/one_card.rs"]
mod one_card;
#[path = "cli/phases.rs"]
mod phases;
#[path = "cli/remembering.rs"]
mod remembering;
#[path = "cli/rocks.rs"]
mod rocks;
#[path = "cli/sandboxes.rs"]
mod sandboxes;
#[path = "cli/skills.rs"]
mod skills;
#[path = "cli/stop.rs"]
mod stop;
#[path = "cli/surroundings.rs"]
mod surroundings;
#[path = "cli/trouble.rs"]
mod trouble;
#[path = "cli/words.rs"]
mod words;
