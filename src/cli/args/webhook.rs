//! `orket webhook`.

use clap::{Args, Subcommand};

/// `orket webhook`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Needs GITEA_WEBHOOK_SECRET and GITEA_TOKEN (docs/GITEA_SETUP.md).\n\nExamples:\n  orket webhook --port 0\n  orket webhook deliveries"
)]
pub struct WebhookArgs {
    /// The address to listen on [default: ORKET_WEBHOOK_HOST, 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// The port to listen on [default: ORKET_WEBHOOK_PORT, 8080]; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// What was delivered, in place of listening
    #[command(subcommand)]
    pub command: Option<WebhookCommand>,
}

/// Besides listening.
#[derive(Debug, Clone, Subcommand)]
pub enum WebhookCommand {
    /// What was delivered, and what became of it
    Deliveries(DeliveriesArgs),
}

/// `orket webhook deliveries`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  orket webhook deliveries")]
pub struct DeliveriesArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<DeliveriesCommand>,
}

/// What to do with deliveries.
#[derive(Debug, Clone, Subcommand)]
pub enum DeliveriesCommand {
    /// The latest, newest first
    #[command(after_help = "Example:\n  orket webhook deliveries list --limit 10")]
    List(ListDeliveriesArgs),
    /// One of them: what it said, what was decided, what was done
    #[command(
        after_help = "Example:\n  orket webhook deliveries show 12   # exits 1 without delivery 12"
    )]
    Show {
        /// Its number, or the id that the host gave it
        #[arg(value_name = "DELIVERY")]
        delivery: String,
        /// Print what was sent, byte for byte, and nothing else
        #[arg(long)]
        payload: bool,
    },
    /// Have what failed, or may have failed, of one tried again; what is done is not done twice
    #[command(
        after_help = "Example:\n  orket webhook deliveries redeliver 12   # exits 1 without delivery 12"
    )]
    Redeliver {
        /// Its number, or the id that the host gave it
        #[arg(value_name = "DELIVERY")]
        delivery: String,
    },
}

/// `orket webhook deliveries list`.
#[derive(Debug, Clone, Args)]
pub struct ListDeliveriesArgs {
    /// Only those about this pull request
    #[arg(long, value_name = "OWNER/NAME#NUMBER")]
    pub pr: Option<String>,
    /// Only those of which something failed or is still to be done
    #[arg(long)]
    pub open: bool,
    /// Only those before this number
    #[arg(long, value_name = "NUMBER")]
    pub before: Option<i64>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub limit: i64,
}

impl Default for ListDeliveriesArgs {
    fn default() -> Self {
        Self {
            pr: None,
            open: false,
            before: None,
            limit: 50,
        }
    }
}
