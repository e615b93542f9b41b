//! What stands at the end of each `--help`.

pub const PROGRAM: &str = "\
Examples:
  orket-load                                          a server of its own, 100 deliveries, 200 heartbeats, …
  orket-load --profile baseline --out baseline.json --html baseline.html
  orket-load api --rate 2000 --seconds 30             an open loop: 2,000 requests a second are due
  orket-load soak --minutes 20 --html soak.html
  orket-load compare old.json new.json --fail-above 1.2";

pub const ALL: &str = "\
Examples:
  orket-load --profile smoke --beside-bare --assert thresholds.json
  orket-load --api-base-url http://127.0.0.1:8082 --webhook-base-url http://127.0.0.1:8080 \\
    --ws-url ws://127.0.0.1:8082/ws/events --epic golden_flow --out result.json";

pub const API: &str = "\
Examples:
  orket-load api --concurrency 64 --seconds 10        as fast as 64 connections can
  orket-load api --rate 500 --path '/v1/cards?limit=50' --path /v1/system/heartbeat
  orket-load api --beside-bare --json                 and the ratio to a bare server";

pub const WEBHOOK: &str = "\
Examples:
  orket-load webhook --rate 300 --seconds 30
  orket-load webhook --beside-bare --folder /srv/orket
  GITEA_WEBHOOK_SECRET=… orket-load webhook --webhook-url http://127.0.0.1:8080";

pub const WEBSOCKET: &str = "\
Examples:
  orket-load websocket --clients 1000 --seconds 30
  ORKET_API_KEY=… orket-load websocket --api-url http://127.0.0.1:8082 --clients 200";

pub const MIXED: &str = "\
Examples:
  orket-load mixed --seconds 60
  orket-load mixed --api-rate 500 --webhook-rate 100 --epic-rate 10 --ws-clients 50 --html mixed.html";

pub const SOAK: &str = "\
Examples:
  orket-load soak --minutes 20 --out soak.json --html soak.html
  orket-load soak --seconds 60                        the same rules, scaled";

pub const COMPARE: &str = "\
Examples:
  orket-load compare before.json after.json
  orket-load compare before.json after.json --fail-above 1.25 --only p99_ms";

pub const PAGE: &str = "\
Examples:
  orket-load page report.json --html report.html";

pub const EPICS: &str = "\
Examples:
  orket-load epics --cards 10000 --artifacts none
  orket-load epics --cards 2000 --latency lognormal:800ms,0.5 --turns 1000 --fault-rate 0.05 --seed 7
  orket-load epics --shape layers --fault-rate 0.1 --faults reset,garbage,hang --kill-at 0.5 --verify
  orket-load epics --measure ttr                      kill to first resumed step, 10,000 cards open
  orket-load epics --measure ttd                      silence to detection";

pub const OVERLOAD: &str = "\
Examples:
  orket-load overload                                 ten times what it takes, for a minute
  orket-load overload --seconds 5 --factor 20 --html overload.html
  orket-load overload --max-runs 100 --set ORKET_MAX_CONCURRENT_TURNS=64";
