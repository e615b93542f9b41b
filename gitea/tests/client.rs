//! The client against a Gitea on a real socket: what it sends, and what it makes of every failure.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use orket_actors::clock::VirtualClock;
use orket_actors::port::clock::Clock;
use orket_fake_gitea::{FakeGitea, Fault, Route};
use orket_gitea::{
    Credentials, Gitea, GiteaError, GiteaErrorKind as Kind, GiteaOptions, Merge, MergeWay,
    NewIssue, Pull, PullRef, PullState, RepoRef, Secret,
};

/// Far longer than anything here takes; a test that needs it fails.
const LONG: Duration = Duration::from_secs(20);

fn options(fake: &FakeGitea) -> GiteaOptions {
    GiteaOptions {
        timeout: LONG,
        ..GiteaOptions::new(fake.url(), Credentials::Token(Secret::new(fake.token())))
    }
}

fn gitea(fake: &FakeGitea) -> Gitea {
    Gitea::new(options(fake)).unwrap()
}

fn repo() -> RepoRef {
    "acme/shop".parse().unwrap()
}

fn pull() -> PullRef {
    PullRef {
        repo: repo(),
        number: 7,
    }
}

fn merge() -> Merge {
    Merge {
        way: MergeWay::Squash,
        title: Some("Add a shop (#7)".to_owned()),
        message: Some("Approved by ann".to_owned()),
        delete_branch: true,
        head_sha: Some("a1".to_owned()),
    }
}

/// A Gitea with pull 7 of acme/shop.
fn fake() -> FakeGitea {
    let fake = FakeGitea::start();
    fake.add_pull("acme/shop", 7, "a1", "bob");
    fake
}

#[tokio::test]
async fn a_pull_is_looked_at_merged_and_commented_on() {
    let fake = fake();
    let (user, password) = fake.user_password();
    let basic = Credentials::Basic {
        user: user.to_owned(),
        password: Secret::new(password),
    };
    let gitea = Gitea::new(GiteaOptions::new(format!("{}/", fake.url()), basic)).unwrap();
    assert_eq!(gitea.version().await.unwrap(), "1.24.0+fake");
    let mut expected = Pull {
        state: PullState::Open,
        is_merged: false,
        head_sha: "a1".to_owned(),
        head_ref: "feature".to_owned(),
        base_ref: "main".to_owned(),
        author: "bob".to_owned(),
        mergeable: true,
        merge_commit_sha: None,
        clone_url: format!("{}/acme/shop.git", fake.url()),
    };
    assert_eq!(gitea.pull(&pull()).await.unwrap(), expected);

    let id = gitea
        .comment(&pull(), "Merging. <!-- k1 -->")
        .await
        .unwrap();
    gitea.merge(&pull(), &merge()).await.unwrap();

    let merged = fake
        .with(|state| state.pull("acme/shop", 7).cloned())
        .unwrap();
    let how = merged.merged.unwrap();
    assert_eq!(how.how, "squash");
    assert_eq!(how.title.as_deref(), Some("Add a shop (#7)"));
    assert_eq!(how.message.as_deref(), Some("Approved by ann"));
    assert!(how.branch_deleted);
    expected.state = PullState::Closed;
    expected.is_merged = true;
    expected.mergeable = false;
    expected.merge_commit_sha = Some(how.commit);
    assert_eq!(gitea.pull(&pull()).await.unwrap(), expected);
    assert_eq!(gitea.find_comment(&pull(), "k1").await.unwrap(), Some(id));
    assert_eq!(gitea.find_comment(&pull(), "k2").await.unwrap(), None);
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_merged_is_told_apart() {
    let fake = fake();
    let gitea = gitea(&fake);
    fake.push("acme/shop", 7, "a2");
    let refusal = gitea.merge(&pull(), &merge()).await.unwrap_err();
    assert_eq!(refusal.kind, Kind::Conflict);
    assert_eq!(refusal.said(), Some("head out of date"));
    fake.push("acme/shop", 7, "a1");
    fake.change_pull("acme/shop", 7, |pull| pull.mergeable = false);
    let kind = |outcome: Result<(), GiteaError>| {
        let refusal = outcome.unwrap_err();
        assert!(!refusal.may_have_happened && !refusal.is_transient());
        refusal.kind
    };
    assert_eq!(
        kind(gitea.merge(&pull(), &merge()).await),
        Kind::NotMergeable
    );
    fake.change_repository("acme/shop", |at| at.archived = true);
    assert_eq!(kind(gitea.merge(&pull(), &merge()).await), Kind::Locked);
    fake.change_repository("acme/shop", |at| at.archived = false);
    gitea.close(&pull()).await.unwrap();
    gitea.close(&pull()).await.unwrap();
    assert_eq!(
        kind(gitea.merge(&pull(), &merge()).await),
        Kind::NotMergeable
    );
    fake.merge_behind_your_back("acme/shop", 7);
    assert_eq!(
        kind(gitea.merge(&pull(), &merge()).await),
        Kind::NotMergeable
    );
    assert_eq!(kind(gitea.close(&pull()).await), Kind::Refused(412));
    let nowhere = PullRef {
        number: 8,
        ..pull()
    };
    assert_eq!(kind(gitea.close(&nowhere).await), Kind::NotFound);
    let merges = fake.with(|state| state.pull("acme/shop", 7).map(|pull| pull.merges));
    assert_eq!(merges, Some(0));
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn labels_are_found_over_all_pages_whatever_their_case() {
    let fake = fake();
    for number in 0..120 {
        fake.add_label("acme/shop", &format!("label-{number}"));
    }
    fake.add_label("acme/shop", "Requirements");
    let issue = NewIssue {
        title: "Requirements for #7".to_owned(),
        body: "Rejected four times. <!-- k7 -->".to_owned(),
        labels: ["requirements", "Orket", "orket", "LABEL-60"]
            .map(str::to_owned)
            .to_vec(),
    };
    let gitea = gitea(&fake);
    let number = gitea.open_issue(&repo(), &issue).await.unwrap();
    assert_eq!(number, 8);
    let (names, labels) = fake.with(|state| {
        let at = &state.repositories["acme/shop"];
        let name = |id: &u64| {
            let label = at.labels.iter().find(|label| label.id == *id);
            label.map(|label| label.name.clone()).unwrap()
        };
        let names: Vec<String> = at.issues[&8].labels.iter().map(name).collect();
        (names, at.labels.len())
    });
    assert_eq!(names, ["Requirements", "Orket", "label-60"]);
    assert_eq!(labels, 122);
    let at = repo();
    let found = |containing| gitea.find_issue(&at, "Requirements for #7", containing);
    fake.change_repository("acme/shop", |at| {
        at.issues.get_mut(&8).unwrap().open = false
    });
    assert_eq!(found("k7").await.unwrap(), Some(8));
    assert_eq!(found("k8").await.unwrap(), None);
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_label_that_somebody_makes_meanwhile_is_used() {
    let fake = fake();
    fake.fail_next(Route::CreateLabel, Fault::EffectThenStatus(409));
    let issue = NewIssue {
        title: "t".to_owned(),
        body: "b".to_owned(),
        labels: vec!["orket".to_owned()],
    };
    assert_eq!(gitea(&fake).open_issue(&repo(), &issue).await.unwrap(), 8);
    assert_eq!(
        fake.with(|state| state.repositories["acme/shop"].labels.len()),
        1
    );
    fake.fail_next(Route::CreateIssue, Fault::Reset);
    let error = gitea(&fake).open_issue(&repo(), &issue).await.unwrap_err();
    assert!(error.may_have_happened);
    fake.fail_next(Route::Labels, Fault::Reset);
    let error = gitea(&fake).open_issue(&repo(), &issue).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_happened), (Kind::Broken, false));
}

#[tokio::test]
async fn comments_are_found_with_and_without_pages() {
    let fake = fake();
    let gitea = gitea(&fake);
    let own = fake.user_password().0.to_owned();
    fake.change_repository("acme/shop", |at| {
        let comment = |id, author: &str, key| orket_fake_gitea::Comment {
            id,
            on: 7,
            body: format!("<!-- key-{key}; -->"),
            author: author.to_owned(),
        };
        // Others may write the same, to have it taken for ours.
        at.comments.push(comment(1, "ann", 129));
        let ours = (0..129).map(|id| comment(1001 + id, &own, id + 1));
        at.comments.extend(ours);
    });
    for (in_pages, requests) in [(false, 1), (true, 3)] {
        fake.with(|state| {
            state.comments_in_pages = in_pages;
            state.requests.clear();
        });
        let found = gitea.find_comment(&pull(), "key-129;").await.unwrap();
        assert_eq!(found, Some(1129));
        assert_eq!(gitea.find_comment(&pull(), "key-130;").await.unwrap(), None);
        // And one that asks who we are.
        assert_eq!(fake.requests().len(), 2 * (1 + requests));
    }
}

#[tokio::test]
async fn each_failure_says_whether_it_may_have_happened() {
    let retry_after = Some(Duration::from_secs(9));
    let no_wait = Kind::TooMany { retry_after: None };
    // What befalls the request; what the client says; is it doubtful; was it merged.
    let cases = [
        (Fault::Status(401), Kind::Unauthorized, false, false),
        (Fault::Status(403), Kind::Unauthorized, false, false),
        (Fault::Status(404), Kind::NotFound, false, false),
        (Fault::Status(405), Kind::NotMergeable, false, false),
        (Fault::Status(409), Kind::Conflict, false, false),
        (Fault::Status(410), Kind::Gone, false, false),
        (Fault::Status(422), Kind::Refused(422), false, false),
        (Fault::Status(302), Kind::Refused(302), false, false),
        (Fault::Status(423), Kind::Locked, false, false),
        (Fault::Status(429), no_wait, false, false),
        (
            Fault::StatusWithRetryAfter(429, 9),
            Kind::TooMany { retry_after },
            false,
            false,
        ),
        (Fault::Status(500), Kind::Server(500), true, false),
        (Fault::EffectThenStatus(503), Kind::Server(503), true, true),
        (Fault::Hold, Kind::Timeout, true, true),
        (Fault::Reset, Kind::Broken, true, true),
        (Fault::ResetBefore, Kind::Broken, true, false),
        (Fault::Garbage, Kind::Broken, true, true),
        (Fault::Endless, Kind::Broken, true, true),
    ];
    for (fault, kind, doubt, merged) in cases {
        let fake = fake();
        let timeout = match &fault {
            Fault::Hold => Duration::from_millis(50),
            _ => LONG,
        };
        let gitea = Gitea::new(GiteaOptions {
            timeout,
            ..options(&fake)
        });
        let gitea = gitea.unwrap();
        fake.fail_next(Route::Merge, fault.clone());
        let error = gitea.merge(&pull(), &merge()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.may_have_happened),
            (kind, doubt),
            "{fault:?}"
        );
        let state = fake
            .with(|state| state.pull("acme/shop", 7).cloned())
            .unwrap();
        assert_eq!(state.merged.is_some(), merged, "{fault:?}");
        fake.fail_next(Route::Pull, fault.clone());
        let error = gitea.pull(&pull()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.may_have_happened),
            (kind, false),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_gitea_that_is_down_was_not_asked_and_comes_back() {
    let fake = fake();
    let gitea = gitea(&fake);
    fake.stop_listening();
    let error = gitea.merge(&pull(), &merge()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.may_have_happened),
        (Kind::Connect, false)
    );
    assert!(error.is_transient());
    fake.heal().unwrap();
    gitea.merge(&pull(), &merge()).await.unwrap();
}

#[tokio::test]
async fn five_failures_open_the_breaker_and_one_probe_closes_it() {
    let fake = fake();
    let clock = Arc::new(VirtualClock::default());
    let time = Arc::clone(&clock);
    let gitea = Gitea::with_clock(options(&fake), move || time.now_ms()).unwrap();
    let kind = async || gitea.pull(&pull()).await.map(|_| ()).map_err(|e| e.kind);
    // Refusals are answers.
    fake.fail_always(Route::Pull, Fault::Status(404));
    for _ in 0..6 {
        assert_eq!(kind().await, Err(Kind::NotFound));
    }
    fake.heal().unwrap();
    fake.fail_always(Route::Pull, Fault::Status(503));
    for _ in 0..5 {
        assert_eq!(kind().await, Err(Kind::Server(503)));
    }
    let asked = fake.requests().len();
    clock.advance(Duration::from_secs(10));
    let retry_after = Duration::from_secs(20);
    assert_eq!(kind().await, Err(Kind::Open { retry_after }));
    // Clones share it.
    let of_clone = gitea.clone().close(&pull()).await.unwrap_err();
    assert_eq!(of_clone.kind, Kind::Open { retry_after });
    assert!(!of_clone.may_have_happened && of_clone.is_transient());
    assert_eq!(fake.requests().len(), asked);
    clock.advance(retry_after);
    assert_eq!(kind().await, Err(Kind::Server(503)));
    let retry_after = Duration::from_secs(30);
    assert_eq!(kind().await, Err(Kind::Open { retry_after }));
    clock.advance(retry_after);
    fake.heal().unwrap();
    assert_eq!(kind().await, Ok(()));
    assert_eq!(kind().await, Ok(()));
}

#[tokio::test]
async fn a_prefix_stays_and_names_are_single_segments() {
    let fake = fake();
    let token = Credentials::Token(Secret::new(fake.token()));
    let url = format!("{}/git/", fake.url());
    let gitea = Gitea::new(GiteaOptions::new(url, token)).unwrap();
    let odd = RepoRef::new("a?b#c%d", "ä").unwrap();
    let _ = gitea.repository(&odd).await.unwrap_err();
    let paths: Vec<String> = fake.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/git/api/v1/repos/a%3Fb%23c%25d/%C3%A4"]);
}

#[tokio::test]
async fn a_repository_is_made_once_where_it_belongs() {
    let fake = FakeGitea::start();
    let (user, _) = fake.user_password();
    let gitea = gitea(&fake);
    fake.with(|state| state.organizations.insert("acme".to_owned()));
    let at = |owner: &str| RepoRef::new(owner, "runs").unwrap();
    for owner in ["acme", user] {
        for _ in 0..2 {
            let made = gitea.ensure_repository(&at(owner), true, "main").await;
            assert_eq!(made.unwrap().full_name, format!("{owner}/runs"));
        }
    }
    // A token without a scope for organizations makes its user's own all the same.
    fake.with(|state| state.repositories.remove(&format!("{user}/runs")));
    fake.fail_next(Route::CreateForOrganization, Fault::Status(403));
    gitea
        .ensure_repository(&at(user), true, "main")
        .await
        .unwrap();
    fake.fail_next(Route::CreateForOrganization, Fault::Status(403));
    let foreign = gitea.ensure_repository(&at("foreign"), true, "main").await;
    assert_eq!(foreign.unwrap_err().kind, Kind::Unauthorized);
    let stranger = gitea.ensure_repository(&at("stranger"), true, "main").await;
    assert_eq!(stranger.unwrap_err().kind, Kind::NotFound);
    let names: Vec<String> = fake.with(|state| state.repositories.keys().cloned().collect());
    assert_eq!(names, ["acme/runs".to_owned(), format!("{user}/runs")]);
    assert_eq!(fake.violations(), Vec::<String>::new());
}

/// Every text that a failed call leaves behind.
async fn words<T>(call: impl Future<Output = Result<T, GiteaError>>) -> String {
    let error = call.await.map(|_| ()).unwrap_err();
    format!("{error}\n{error:?}\n")
}

#[tokio::test]
async fn no_secret_is_in_any_word() {
    let fake = fake();
    let secret = "s3cr3t-of-the-test";
    let both = [
        Credentials::Token(Secret::new(secret)),
        Credentials::Basic {
            user: "bot".to_owned(),
            password: Secret::new(secret),
        },
    ];
    // "bot:s3cr3t-of-the-test"
    let in_base64 = "Ym90OnMzY3IzdC1vZi10aGUtdGVzdA==";
    for credentials in both {
        let is_token = matches!(credentials, Credentials::Token(_));
        let options = GiteaOptions {
            timeout: Duration::from_millis(200),
            ..GiteaOptions::new(fake.url(), credentials)
        };
        let mut all = format!("{options:?}");
        let gitea = Gitea::new(options).unwrap();
        all += &format!("{gitea:?}");
        all += &words(gitea.pull(&pull())).await;
        for fault in [
            Fault::Status(500),
            Fault::Reset,
            Fault::Garbage,
            Fault::Hold,
        ] {
            fake.fail_next(Route::Comment, fault);
            all += &words(gitea.comment(&pull(), "hello")).await;
        }
        fake.stop_listening();
        all += &words(gitea.merge(&pull(), &merge())).await;
        fake.heal().unwrap();
        // A server that repeats what it was sent.
        let said = format!("token {secret} or Basic {in_base64} is wrong");
        fake.fail_next(Route::Pull, Fault::Saying(422, said));
        let repeated = gitea.pull(&pull()).await.unwrap_err();
        all += &format!("{repeated} {repeated:?}");
        assert!(!all.contains(secret), "{all}");
        assert!(is_token || !all.contains(in_base64), "{all}");
        assert!(all.contains("***"));
    }
}

#[tokio::test]
async fn the_fake_holds_requests_to_their_shape() {
    // What no call of the client sends: wrong types, unknown fields, unknown words, no JSON.
    let fake = fake();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |path: &str, body: &'static str| {
        let request = http
            .post(format!("{}/api/v1/repos/acme/shop/{path}", fake.url()))
            .header("Authorization", format!("token {}", fake.token()))
            .header("Content-Type", "application/json")
            .body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        send("issues", r#"{"title":"t","labels":["bug"]}"#).await,
        422
    );
    assert_eq!(send("issues", r#"{"title":"t","labels":[99]}"#).await, 422);
    assert_eq!(send("pulls/7/merge", r#"{"Do":"yes"}"#).await, 422);
    assert_eq!(send("pulls/7/merge", r#"{"do":"merge"}"#).await, 422);
    assert_eq!(send("issues/7/comments", "hello").await, 422);
    assert_eq!(send("pulls/7/mergers", "{}").await, 422);
    assert_eq!(fake.violations().len(), 7, "{:#?}", fake.violations());
}
