//! What is sent by those who mean harm, or whose programs are broken.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use orket_webhook::metrics::Came;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{connect, on, receive, request};
use crate::payloads::{old_review, pull_request, push, review};
use crate::rig::{Choices, Rig, run, sign};

/// xorshift64*: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn odd_value(random: &mut Random) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!(".."),
        json!("a/b"),
        json!("\u{0}\u{202e}\u{1f600}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!({}),
        json!([[[[[[]]]]]]),
        json!({"login": {"login": {}}}),
        json!("approved"),
        json!("closed"),
        json!("ISSUE-"),
        json!("'; DROP TABLE webhook_events; --"),
    ];
    random.pick(&odd).clone()
}

/// Changes something somewhere in a value.
fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(fields) if !fields.is_empty() && random.below(5) > 0 => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = random.pick(&names).clone();
            match random.below(8) {
                0 => {
                    fields.remove(&name);
                }
                1 => {
                    fields.insert(name.to_uppercase(), odd_value(random));
                }
                _ => change(&mut fields[&name], random),
            }
        }
        Value::Array(items) if !items.is_empty() && random.below(3) > 0 => {
            let at = random.below(items.len());
            change(&mut items[at], random);
        }
        other => *other = odd_value(random),
    }
}

/// Changes bytes.
fn garble(body: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(body.len());
        match random.below(4) {
            0 => body.truncate(at),
            1 => body.insert(at, u8::try_from(random.below(256)).unwrap()),
            2 => {
                let again = body[at..].to_vec();
                body.extend_from_slice(&again);
            }
            _ if !body.is_empty() => body[at] = u8::try_from(random.below(256)).unwrap(),
            _ => {}
        }
    }
}

#[test]
fn ten_thousand_mutations_break_nothing() {
    const MANY: usize = 10_000;
    const LANES: usize = 16;
    let samples = [
        (
            "pull_request",
            pull_request("opened", 7, "[ISSUE-A1] Add a page"),
        ),
        (
            "pull_request",
            pull_request("synchronized", 7, "[ISSUE-A1] Add a page"),
        ),
        ("pull_request", pull_request("closed", 7, "Add a page")),
        ("pull_request_approved", review("approved", "grace", "good")),
        ("pull_request_rejected", review("rejected", "grace", "bad")),
        ("pull_request_comment", review("comment", "grace", "hm")),
        (
            "pull_request_review",
            old_review("approved", "grace", "good"),
        ),
        (
            "pull_request_review",
            old_review("changes_requested", "grace", "bad"),
        ),
        ("push", push()),
    ];
    let seed = u64::from(std::process::id()) << 32 | 0x9e37_79b9;
    println!("seed {seed}");
    run(async {
        let rig = Rig::start(Choices {
            each: 1_000_000,
            all: 1_000_000,
            wrong: 1_000_000,
            ..Choices::default()
        })
        .await;
        let address = rig.address();
        let lanes = (0..LANES).map(|lane| {
            let samples = samples.clone();
            actix_rt::spawn(async move {
                let mut random = Random(seed.wrapping_mul(u64::try_from(lane).unwrap() * 2 + 1));
                let mut stream: Option<TcpStream> = None;
                let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
                for number in 0..MANY / LANES {
                    let (event, mut sample) = random.pick(&samples).clone();
                    for _ in 0..random.below(4) {
                        change(&mut sample, &mut random);
                    }
                    let mut body = sample.to_string().into_bytes();
                    if random.below(3) == 0 {
                        garble(&mut body, &mut random);
                    }
                    let mut event = event.as_bytes().to_vec();
                    let mut signature = sign(&body).into_bytes();
                    let mut id = format!("{lane}-{number}").into_bytes();
                    match random.below(20) {
                        0 => garble(&mut event, &mut random),
                        1 => garble(&mut signature, &mut random),
                        2 => garble(&mut id, &mut random),
                        _ => {}
                    }
                    let plain = |text: &mut Vec<u8>| text.retain(|byte| !b"\r\n\0".contains(byte));
                    plain(&mut event);
                    plain(&mut signature);
                    plain(&mut id);
                    let headers = [
                        ("X-Gitea-Event".to_owned(), event),
                        ("X-Gitea-Signature".to_owned(), signature),
                        ("X-Gitea-Delivery".to_owned(), id),
                    ];
                    // A connection may be closed after something that is no HTTP at all; then a new one.
                    let mut reply = None;
                    let mut used = None;
                    for kept in [stream.take(), None] {
                        let mut connection = match kept {
                            Some(connection) => connection,
                            None => connect(None, address).await.unwrap(),
                        };
                        let answer = on(&mut connection, "/webhook/gitea", &headers, &body).await;
                        if let Ok(answer) = answer {
                            (reply, used) = (Some(answer), Some(connection));
                            break;
                        }
                    }
                    let reply = reply.unwrap_or_else(|| {
                        panic!("no answer to {:?}", String::from_utf8_lossy(&body))
                    });
                    assert!(
                        matches!(reply.status, 200 | 400 | 401 | 413),
                        "{}: {}",
                        reply.status,
                        String::from_utf8_lossy(&body)
                    );
                    *statuses.entry(reply.status).or_default() += 1;
                    let closes = reply.header("connection").is_some_and(|it| it == "close");
                    stream = used.filter(|_| !closes);
                }
                statuses
            })
        });
        let mut all = std::collections::BTreeMap::<u16, usize>::new();
        for lane in lanes.collect::<Vec<_>>() {
            for (status, count) in lane.await.unwrap() {
                *all.entry(status).or_default() += count;
            }
        }
        println!("{all:?}");
        assert_eq!(all.values().sum::<usize>(), MANY);
        assert!(all[&200] > MANY / 4 && all[&400] > MANY / 20, "{all:?}");
        assert_eq!(rig.get("/health").await.status, 200);
        assert_eq!(rig.receiver().metrics.count(Came::Failed), 0);
    });
}

/// Kilobytes of this process that are in memory.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .trim()
        .parse()
        .unwrap()
}

fn from(last: u8) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
}

fn signed(body: &[u8], id: &str) -> [(&'static str, String); 3] {
    [
        ("X-Gitea-Event", "push".to_owned()),
        ("X-Gitea-Signature", sign(body)),
        ("X-Gitea-Delivery", id.to_owned()),
    ]
}

async fn post(last: u8, to: SocketAddr, headers: &[(&str, String)], body: &[u8]) -> Option<u16> {
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let reply = request(from(last), to, "POST", "/webhook/gitea", &headers, body).await;
    reply.ok().map(|reply| reply.status)
}

/// Valid, forged, replayed, oversized, malformed, slow and too many, each from an address of its own, for
/// `ORKET_STORM_SECONDS` (3 when it is not set).
#[test]
fn in_a_storm_what_is_valid_gets_through_and_nothing_else_is_kept() {
    let seconds = std::env::var("ORKET_STORM_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(3));
    run(async {
        let choices = Choices {
            each: 600,
            all: 60_000,
            wrong: 60,
            is_real_time: true,
            ..Choices::default()
        };
        let rig = Rig::start(choices).await;
        let to = rig.address();
        let end = Instant::now() + lasts;
        // One that everybody may overhear.
        let overheard =
            json!({"overheard": true, "repository": crate::payloads::repository()}).to_string();
        let first = post(
            2,
            to,
            &signed(overheard.as_bytes(), "overheard"),
            overheard.as_bytes(),
        )
        .await;
        assert_eq!(first, Some(200));
        let before = resident_kib();
        let mut attackers = Vec::new();
        for lane in 0..4_u8 {
            let overheard = overheard.clone();
            // Forged: a right body with a wrong signature.
            attackers.push(actix_rt::spawn(async move {
                while Instant::now() < end {
                    let mut headers = signed(b"other", "forged");
                    headers[2].1 = format!("forged-{lane}");
                    let _ = post(3, to, &headers, b"{\"forged\":1}").await;
                }
            }));
            // Replayed, each time under another id, which nobody signed.
            attackers.push(actix_rt::spawn(async move {
                let mut number = 0_u64;
                while Instant::now() < end {
                    number += 1;
                    let headers = signed(overheard.as_bytes(), &format!("replay-{lane}-{number}"));
                    let _ = post(4, to, &headers, overheard.as_bytes()).await;
                }
            }));
            // Oversized: announced, and in pieces without saying how much it will be.
            attackers.push(actix_rt::spawn(async move {
                let large = vec![b'a'; (1 << 20) + 1];
                while Instant::now() < end {
                    let _ = post(5, to, &signed(&large, "large"), &large).await;
                    let Ok(mut stream) = connect(from(5), to).await else { continue };
                    let head = b"POST /webhook/gitea HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
                    let _ = stream.write_all(head).await;
                    let piece = [b"10000\r\n".as_slice(), &[b'a'; 1 << 16], b"\r\n"].concat();
                    for _ in 0..20 {
                        if stream.write_all(&piece).await.is_err() {
                            break;
                        }
                    }
                    let _ = receive(&mut stream).await;
                }
            }));
            // Malformed.
            attackers.push(actix_rt::spawn(async move {
                let mut random = Random(0x1234_5678 + u64::from(lane));
                while Instant::now() < end {
                    let mut bytes = pull_request("opened", 7, "x").to_string().into_bytes();
                    garble(&mut bytes, &mut random);
                    bytes.truncate(200);
                    let _ = post(6, to, &signed(&bytes, "malformed"), &bytes).await;
                    let Ok(mut stream) = connect(from(6), to).await else {
                        continue;
                    };
                    let _ = stream.write_all(b"\x16\x03\x01\x02 GET / \r\n\r\n").await;
                    let _ = stream.read(&mut [0; 64]).await;
                }
            }));
        }
        // Slow: many connections that send a byte now and then.
        attackers.push(actix_rt::spawn(async move {
            let mut slow = Vec::new();
            while Instant::now() < end {
                if slow.len() < 200
                    && let Ok(mut stream) = connect(from(7), to).await
                {
                    let head = b"POST /webhook/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{";
                    let _ = stream.write_all(head).await;
                    slow.push(stream);
                }
                for stream in &mut slow {
                    let _ = stream.write_all(b" ").await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }));
        // Too many: signed, of another repository, far more than it may.
        let flood = actix_rt::spawn(async move {
            let mut stored = 0_u64;
            let mut number = 0_u64;
            while Instant::now() < end {
                number += 1;
                let body = json!({"number": number, "repository": {"name": "flood", "owner": {"login": "acme"}}});
                let body = body.to_string();
                let status = post(
                    8,
                    to,
                    &signed(body.as_bytes(), &format!("flood-{number}")),
                    body.as_bytes(),
                )
                .await;
                stored += u64::from(status == Some(200));
            }
            stored
        });
        // Valid, five a second, from an address of its own, within its quota of ten a second.
        let mut valid = 0_u64;
        let mut slowest = Duration::ZERO;
        while Instant::now() < end {
            valid += 1;
            let mut body = push();
            body["valid"] = json!(valid);
            let body = body.to_string();
            let began = Instant::now();
            let status = post(
                2,
                to,
                &signed(body.as_bytes(), &format!("valid-{valid}")),
                body.as_bytes(),
            )
            .await;
            assert_eq!(status, Some(200), "valid delivery {valid}");
            slowest = slowest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for attacker in attackers {
            attacker.await.unwrap();
        }
        let flooded = flood.await.unwrap();
        let grown = resident_kib().saturating_sub(before) / 1_024;
        let metrics = &rig.receiver().metrics;
        let counts: Vec<(Came, u64)> = [
            Came::Stored,
            Came::Duplicate,
            Came::PeerLimited,
            Came::Limited,
            Came::TooLarge,
            Came::TooSlow,
            Came::Denied,
            Came::Invalid,
            Came::Failed,
        ]
        .map(|came| (came, metrics.count(came)))
        .to_vec();
        println!("{lasts:?}: {valid} valid, slowest {slowest:?}; memory +{grown} MiB; {counts:?}");
        let rows = u64::try_from(rig.count("webhook_events").await).unwrap();
        assert_eq!(rows, 1 + valid + flooded, "{counts:?}");
        // Ten a second, and as much at once as a minute brings.
        assert!(flooded <= 600 + 10 * (lasts.as_secs() + 1), "{flooded}");
        assert_eq!(metrics.count(Came::Failed), 0);
        assert!(metrics.count(Came::PeerLimited) > 0, "{counts:?}");
        assert!(grown < 64, "memory grew by {grown} MiB");
        assert_eq!(rig.get("/health").await.status, 200);
    });
}

#[test]
fn who_was_wrong_too_often_is_refused_before_its_body_is_read() {
    run(async {
        let rig = Rig::start(Choices {
            wrong: 3,
            ..Choices::default()
        })
        .await;
        let forged = [("X-Gitea-Signature", "00".to_owned())];
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(post(9, rig.address(), &forged, b"{}").await.unwrap());
        }
        assert_eq!(statuses, [401, 401, 401, 401, 429]);
        // The code host may stand behind the same address: what it signs is taken, and what is forged and
        // looks like it is refused for that.
        let body = push().to_string();
        let headers = signed(body.as_bytes(), "one");
        let valid = post(9, rig.address(), &headers, body.as_bytes()).await;
        assert_eq!(valid, Some(200));
        let alike = [("X-Gitea-Signature", "0".repeat(64))];
        assert_eq!(post(9, rig.address(), &alike, b"{}").await, Some(401));
        assert_eq!(post(9, rig.address(), &forged, b"{}").await, Some(429));
        assert_eq!(post(10, rig.address(), &forged, b"{}").await, Some(401));
    });
}

/// Somebody behind the address of the code host sends what is wrong all the time, and large bodies that
/// never end.
#[test]
fn who_shares_an_address_with_the_code_host_cannot_silence_it() {
    run(async {
        let choices = Choices {
            wrong: 60,
            is_real_time: true,
            ..Choices::default()
        };
        let rig = Rig::start(choices).await;
        let to = rig.address();
        let mut hanging = Vec::new();
        for _ in 0..8 {
            let mut stream = connect(from(20), to).await.unwrap();
            let head =
                b"POST /webhook/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let most = vec![b'a'; (1 << 20) - 1];
            stream.write_all(&most).await.unwrap();
            hanging.push(stream);
        }
        for number in 0..100 {
            let unsigned: [(&str, String); 0] = [];
            let status = post(20, to, &unsigned, b"{}").await.unwrap();
            assert_eq!(status == 429, number > 60, "{number}: {status}");
        }
        for number in 0..20 {
            let body = json!({"number": number + 1, "repository": crate::payloads::repository()});
            let body = body.to_string();
            let headers = signed(body.as_bytes(), &format!("shared-{number}"));
            let status = post(20, to, &headers, body.as_bytes()).await;
            assert_eq!(status, Some(200), "{number}");
        }
        assert_eq!(rig.count("webhook_events").await, 20);
    });
}

#[test]
fn behind_a_trusted_proxy_clients_are_told_apart() {
    run(async {
        let choices = Choices {
            wrong: 1,
            proxies: "127.0.0.11",
            ..Choices::default()
        };
        let rig = Rig::start(choices).await;
        let forged = |client: &str| {
            [
                ("X-Gitea-Signature", "00".to_owned()),
                ("X-Forwarded-For", client.to_owned()),
            ]
        };
        let mut statuses = Vec::new();
        for client in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            statuses.push(
                post(11, rig.address(), &forged(client), b"{}")
                    .await
                    .unwrap(),
            );
        }
        assert_eq!(statuses, [401, 401, 429, 401]);
        // Nobody else is believed.
        let mut statuses = Vec::new();
        for client in ["192.0.2.3", "192.0.2.4", "192.0.2.5"] {
            statuses.push(
                post(12, rig.address(), &forged(client), b"{}")
                    .await
                    .unwrap(),
            );
        }
        assert_eq!(statuses, [401, 401, 429]);
    });
}
