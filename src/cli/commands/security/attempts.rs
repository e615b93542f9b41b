//! What is tried over the network.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Attempt;
use super::house::{House, secret};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// All of them, one after the other: some are counted.
pub async fn all(house: &House) -> Vec<Attempt> {
    let client = match client() {
        Ok(client) => client,
        Err(error) => return vec![Attempt::of("a client", false, "one", error.to_string())],
    };
    let api = |path: &str| client.get(format!("{}{path}", house.api));
    let hook = |path: &str| {
        client
            .request(Method::POST, format!("{}{path}", house.webhook))
            .header("content-type", "application/json")
            .header("x-gitea-event", "pull_request")
            .body("{}")
    };
    let key = house.key.as_str();
    vec![
        status("the API with its key", api("/v1/version").header("x-api-key", key), 200).await,
        status("the API without a key", api("/v1/version"), 403).await,
        status(
            "the API with a wrong key",
            api("/v1/version").header("x-api-key", secret()),
            403,
        )
        .await,
        status(
            "the API with its key in the address",
            api(&format!("/v1/version?api_key={key}&X-API-Key={key}")),
            403,
        )
        .await,
        status("metrics without a key", api("/metrics"), 403).await,
        status(
            "a run without a key",
            client
                .post(format!("{}/v1/runs", house.api))
                .header("content-type", "application/json")
                .body("{\"epic\":\"golden_flow\"}"),
            403,
        )
        .await,
        status(
            "a shutdown without a key",
            client.post(format!("{}/v1/shutdown", house.api)),
            403,
        )
        .await,
        origin(api("/v1/version").header("x-api-key", key)).await,
        raw(
            "live events without a key",
            &house.api,
            "GET /ws/events HTTP/1.1",
            "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            &["403"],
        )
        .await,
        raw(
            "live events with a wrong key in the address",
            &house.api,
            &format!("GET /ws/events?api_key={} HTTP/1.1", secret()),
            "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            &["403"],
        )
        .await,
        raw(
            "a file outside, by dots",
            &house.api,
            "GET /v1/system/read?path=../../../../etc/passwd HTTP/1.1",
            &format!("x-api-key: {key}\r\n"),
            &["400", "403", "404", "422"],
        )
        .await,
        raw(
            "a path that leaves the API by dots",
            &house.api,
            "GET /v1/../../etc/passwd HTTP/1.1",
            &format!("x-api-key: {key}\r\n"),
            &["400", "403", "404"],
        )
        .await,
        status("a delivery without a signature", hook("/webhook/gitea"), 401).await,
        status(
            "a delivery with a wrong signature",
            hook("/webhook/gitea").header("x-gitea-signature", "0".repeat(64)),
            401,
        )
        .await,
        status("the receiver's test address", hook("/webhook/test"), 403).await,
        status(
            "the receiver's test address with a token",
            hook("/webhook/test").header("x-webhook-test-token", secret()),
            403,
        )
        .await,
    ]
}

fn client() -> reqwest::Result<Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
}

async fn status(name: &str, request: RequestBuilder, expected: u16) -> Attempt {
    let seen = match request.send().await {
        Ok(response) => response.status().as_u16().to_string(),
        Err(error) => error.to_string(),
    };
    let expected = expected.to_string();
    Attempt::of(name, seen == expected, &expected, seen.clone())
}

async fn origin(request: RequestBuilder) -> Attempt {
    let sent = request
        .header("origin", "https://stranger.example")
        .send()
        .await;
    let (ok, seen) = match sent {
        Ok(response) => match response.headers().get("access-control-allow-origin") {
            None => (true, "no permission".to_owned()),
            Some(value) => (false, format!("permission for {value:?}")),
        },
        Err(error) => (false, error.to_string()),
    };
    Attempt::of("a browser's page from elsewhere", ok, "no permission", seen)
}

/// A request as bytes, for what no client would send.
async fn raw(name: &str, base: &str, first: &str, headers: &str, expected: &[&str]) -> Attempt {
    let address = base.trim_start_matches("http://");
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let text = format!("{first}\r\nhost: {address}\r\n{headers}\r\n");
        stream.write_all(text.as_bytes()).await?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&head).into_owned())
    };
    let seen = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(head)) => head.rsplit(' ').next().unwrap_or_default().to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => "no answer".to_owned(),
    };
    let ok = expected.contains(&seen.as_str());
    Attempt::of(name, ok, &expected.join(" or "), seen)
}
