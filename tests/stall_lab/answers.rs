//! What the servers answer: one good reply, and every way to hang.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orket_core::tool::ToolCall;
use orket_core::tool_call::render;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::time::sleep;

use super::kinds::THINKING_CLOCK;
use super::servers::{REPEATED, Seen, kind_of, wall_ms};

/// What a repeating model says for ever.
const REFRAIN: &str = "All work and no play makes the model a dull machine, again and again. ";
/// A protocol.
#[derive(Clone, Copy)]
pub enum Wire {
    Ollama,
    OpenAi,
}

impl Wire {
    fn text(self, text: &str) -> String {
        match self {
            Self::Ollama => json!({"message": {"content": text}, "done": false}).to_string() + "\n",
            Self::OpenAi => {
                let delta = json!({"choices": [{"delta": {"content": text}}]});
                format!("data: {delta}\n\n")
            }
        }
    }

    fn thought(self, text: &str) -> String {
        match self {
            Self::Ollama => {
                json!({"message": {"content": "", "thinking": text}, "done": false}).to_string()
                    + "\n"
            }
            Self::OpenAi => {
                let delta = json!({"choices": [{"delta": {"reasoning_content": text}}]});
                format!("data: {delta}\n\n")
            }
        }
    }

    fn end(self) -> String {
        match self {
            Self::Ollama => {
                json!({"message": {"content": ""}, "done": true, "eval_count": 2}).to_string()
                    + "\n"
            }
            Self::OpenAi => {
                let last = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
                format!("data: {last}\n\ndata: [DONE]\n\n")
            }
        }
    }
}

/// The answer to one question.
pub struct Answer {
    pub wire: Wire,
    pub card: String,
    pub number: usize,
    pub seen: Arc<Seen>,
    pub writer: OwnedWriteHalf,
    pub gone: Arc<AtomicBool>,
    pub finished: watch::Receiver<bool>,
}

impl Answer {
    pub async fn give(&mut self) -> io::Result<()> {
        let card = self.card.clone();
        let kind = kind_of(&card);
        if self.number > 1 && kind != "never" {
            return self.good(&[]).await;
        }
        match kind {
            "living" | "passing" => self.living().await,
            "thinking" => self.thinking().await,
            "mute" => Ok(()),
            "headers" => self.headers().await,
            "silence" | "silence_sse" | "never" => self.broken_off().await,
            "half_closed" => {
                self.broken_off().await?;
                self.writer.shutdown().await
            }
            "repeat" => self.repeat().await,
            "endless" => self.endless(Duration::from_millis(40)).await,
            "late" => self.endless(Duration::from_millis(100)).await,
            "nap" | "stubborn" | "chatter" | "once" => self.good(&[call(kind, json!({}))]).await,
            "loop" => unreachable!("it is asked several times"),
            other => panic!("what is a `{other}`?"),
        }
    }

    async fn send(&mut self, bytes: &str) -> io::Result<()> {
        if self.gone.load(Ordering::Acquire) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // Noted before: the client can hear it no earlier.
        let now = wall_ms();
        self.seen.update(&self.card, self.number, |ask| {
            ask.longest_gap_ms = ask.longest_gap_ms.max(now - ask.last_sent_ms);
            ask.last_sent_ms = now;
        });
        self.writer.write_all(bytes.as_bytes()).await
    }

    async fn headers(&mut self) -> io::Result<()> {
        self.send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            .await
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(&self.wire.text(text)).await?;
        self.seen.update(&self.card, self.number, |ask| {
            ask.sent.push_str(text);
            if ask.crossed_ms.is_none() && ask.sent.len() as u64 > REPEATED {
                ask.crossed_ms = Some(ask.last_sent_ms);
            }
        });
        Ok(())
    }

    async fn end_with(&mut self, more: &[ToolCall]) -> io::Result<()> {
        let mut calls = more.to_vec();
        calls.push(call(
            "update_issue_status",
            json!({"status": "code_review"}),
        ));
        self.say(&render(&calls)).await?;
        self.send(&self.wire.end()).await
    }

    async fn good(&mut self, more: &[ToolCall]) -> io::Result<()> {
        self.headers().await?;
        self.end_with(more).await
    }

    async fn broken_off(&mut self) -> io::Result<()> {
        self.headers().await?;
        for word in ["What came ", "before ", "the silence."] {
            self.say(word).await?;
            sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }

    /// A chunk every now and then, for as long as the lab lasts.
    async fn living(&mut self) -> io::Result<()> {
        self.headers().await?;
        self.seen.open.fetch_add(1, Ordering::Relaxed);
        let mut chunk = 0_u64;
        let said = loop {
            let text = format!("still here, {chunk}; ");
            if let Err(error) = self.say(&text).await {
                break Err(error);
            }
            chunk += 1;
            let rest = Duration::from_millis(200 + (chunk * 37) % 150);
            let mut finished = self.finished.clone();
            tokio::select! {
                _ = finished.wait_for(|finished| *finished) => break Ok(()),
                () = sleep(rest) => {}
            }
        };
        self.seen.open.fetch_sub(1, Ordering::Relaxed);
        said?;
        self.end_with(&[]).await
    }

    /// Thoughts for longer than any clock of its run but that of the whole turn.
    async fn thinking(&mut self) -> io::Result<()> {
        self.headers().await?;
        for _ in 0..2 * THINKING_CLOCK / 150 {
            let thought = self.wire.thought("hm, ");
            self.send(&thought).await?;
            sleep(Duration::from_millis(150)).await;
        }
        self.end_with(&[]).await
    }

    async fn repeat(&mut self) -> io::Result<()> {
        self.headers().await?;
        self.say("It begins well. ").await?;
        loop {
            self.say(&REFRAIN.repeat(8)).await?;
            sleep(Duration::from_millis(30)).await;
        }
    }

    async fn endless(&mut self, rest: Duration) -> io::Result<()> {
        self.headers().await?;
        for chunk in 0_u64.. {
            self.say(&format!("and then {chunk}, ")).await?;
            sleep(rest).await;
        }
        Ok(())
    }

    /// The connection is kept until the client has closed it.
    pub async fn wait_for_close(&self) {
        while !self.gone.load(Ordering::Acquire) {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn call(tool: &str, args: Value) -> ToolCall {
    let args = match args {
        Value::Object(args) => args,
        _ => Map::new(),
    };
    ToolCall {
        tool: tool.to_owned(),
        args,
    }
}
