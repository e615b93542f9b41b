//! A whole board: the assets of a department, how the journal has them, and what a person should look
//! at. Blocking. Few queries, however many cards there are: what is only counted is never read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::net::UnixStream;

use orket_actors::port::store::{RunStatus, StoreError};
use orket_board::text::MOST_CARDS;
use orket_board::{Alert, AlertKind, Board, Card, Epic, Rock, alerts, is_active, is_stuck};
use orket_core::asset::Asset as _;
use orket_core::asset::{AssetSource, Epic as EpicAsset, Issue, Library, Rock as RockAsset};
use orket_core::status::CardStatus;

use super::{latest_rock_build, rock_status, run_in_rock, telling_run};
use crate::owner::folder::DataFolder;
use crate::owner::ports::RunRow;
use crate::owner::socket;
use crate::storage::Reader;
use crate::storage::reader::{BareRun, OverviewCard};

/// Epics of the journal alone that are shown, unless all are.
const MOST_JOURNAL: usize = 20;
/// Builds of at most so many cards are read whole.
const SMALL: u64 = 200;
/// The most gates that are told of.
const MOST_GATES: usize = 50;

/// How much is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The department.
    pub department: &'a str,
    /// Every card and every epic of the journal, instead of those that matter most.
    pub whole: bool,
}

/// The runs of the journal, sorted for looking up.
#[derive(Default)]
struct Ledger {
    /// The newest run of each build of an epic, newest first.
    epics: HashMap<String, Vec<RunRow>>,
    /// Epics in the order of their newest runs.
    order: Vec<String>,
    /// The runs of a build.
    builds: HashMap<String, Vec<String>>,
    counts: HashMap<String, BTreeMap<CardStatus, u64>>,
    /// Runs that are said to be under way.
    running: Vec<String>,
}

impl Ledger {
    fn read(reader: &Reader) -> Result<Self, StoreError> {
        let overview = reader.overview()?;
        let mut ledger = Self {
            counts: overview.counts,
            ..Self::default()
        };
        let mut seen: HashSet<(String, String)> = HashSet::new();
        for run in overview.runs {
            if run.status == RunStatus::Running {
                ledger.running.push(run.run_id.clone());
            }
            let of_build = ledger.builds.entry(run.build_id.clone()).or_default();
            of_build.push(run.run_id.clone());
            if !ledger.epics.contains_key(&run.epic) {
                ledger.order.push(run.epic.clone());
            }
            if seen.insert((run.epic.clone(), run.build_id.clone())) {
                let epic = run.epic.clone();
                ledger.epics.entry(epic).or_default().push(row(run));
            }
        }
        Ok(ledger)
    }

    fn of_epic(&self, epic: &str) -> &[RunRow] {
        self.epics.get(epic).map_or(&[], Vec::as_slice)
    }

    fn of_build(&self, build: &str) -> &[String] {
        self.builds.get(build).map_or(&[], Vec::as_slice)
    }

    fn counts_of(&self, build: &str) -> BTreeMap<CardStatus, u64> {
        let mut counts = BTreeMap::new();
        for run in self.of_build(build) {
            for (status, count) in self.counts.get(run).into_iter().flatten() {
                *counts.entry(*status).or_default() += count;
            }
        }
        counts
    }
}

fn row(run: BareRun) -> RunRow {
    RunRow {
        run_id: run.run_id,
        build_id: run.build_id,
        epic: run.epic,
        target: run.target,
        status: run.status,
        started_ms: run.started_ms,
        ended_ms: run.ended_ms,
    }
}

/// The board of a department; without a reader as the assets alone have it.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn board<S: AssetSource>(
    library: &Library<S>,
    reader: Option<&Reader>,
    folder: &DataFolder,
    wish: Wish<'_>,
) -> Result<Board, StoreError> {
    match reader {
        Some(reader) => reader.at_one_moment(|reader| {
            let ledger = Ledger::read(reader)?;
            let laying = Laying {
                ledger,
                reader: Some(reader),
                whole: wish.whole,
            };
            laying.board(library, folder, wish.department)
        }),
        None => {
            let laying = Laying {
                ledger: Ledger::default(),
                reader: None,
                whole: wish.whole,
            };
            laying.board(library, folder, wish.department)
        }
    }
}

/// The journal laid over assets.
struct Laying<'a> {
    ledger: Ledger,
    reader: Option<&'a Reader>,
    whole: bool,
}

impl Laying<'_> {
    fn board<S: AssetSource>(
        &self,
        library: &Library<S>,
        folder: &DataFolder,
        department: &str,
    ) -> Result<Board, StoreError> {
        let mut board = Board {
            department: department.to_owned(),
            ..Board::default()
        };
        let mut listed = HashSet::new();
        for name in library.list(RockAsset::CATEGORY, department) {
            let (rock, epics) = self.rock(library, &name, department)?;
            listed.extend(epics);
            board.rocks.push(rock);
        }
        for name in library.list(EpicAsset::CATEGORY, department) {
            if !listed.contains(&name) {
                let (mut epic, cards) = epic_of_asset(library, &name, department);
                self.lay(&mut epic, cards, None)?;
                board.epics.push(epic);
            }
        }
        self.only_in_journal(library, &listed, &mut board)?;
        board.orphaned_issues = orphaned_issues(library, department, &board);
        board.alerts = self.dead_owners(folder);
        board.alerts.extend(self.gates()?);
        let of_tree = alerts::of_tree(&board);
        board.alerts.extend(of_tree);
        board.alerts.sort_by_key(|alert| alert.kind);
        Ok(board)
    }

    fn rock<S: AssetSource>(
        &self,
        library: &Library<S>,
        name: &str,
        department: &str,
    ) -> Result<(Rock, Vec<String>), StoreError> {
        let asset = match library.load::<RockAsset>(name, department) {
            Ok(loaded) => loaded.asset,
            Err(error) => {
                let rock = Rock {
                    name: name.to_owned(),
                    error: Some(error.to_string()),
                    ..Rock::default()
                };
                return Ok((rock, Vec::new()));
            }
        };
        let mut epics: Vec<(Epic, Vec<Card>)> = asset
            .epics
            .iter()
            .map(|entry| epic_of_asset(library, &entry.epic, &entry.department))
            .collect();
        let runs = epics.iter().map(|(epic, _)| {
            let name = epic.name.as_str();
            (name, self.ledger.of_epic(name))
        });
        let build = latest_rock_build(name, runs).map(str::to_owned);
        let mut statuses = Vec::with_capacity(epics.len());
        for (epic, cards) in &mut epics {
            statuses.push(self.lay(epic, std::mem::take(cards), build.as_deref())?);
        }
        let mut listed: Vec<String> = asset.epics.into_iter().map(|entry| entry.epic).collect();
        listed.extend(epics.iter().map(|(epic, _)| epic.name.clone()));
        let rock = Rock {
            name: name.to_owned(),
            status: match build {
                Some(_) => rock_status(&statuses).to_owned(),
                None => asset.card.status.as_str().to_owned(),
            },
            error: None,
            epics: epics.into_iter().map(|(epic, _)| epic).collect(),
        };
        Ok((rock, listed))
    }

    /// Puts how the latest build stands over what the asset says. How the run of the rock's build stands.
    fn lay(
        &self,
        epic: &mut Epic,
        of_asset: Vec<Card>,
        rock_build: Option<&str>,
    ) -> Result<Option<RunStatus>, StoreError> {
        let runs = self.ledger.of_epic(&epic.name);
        let of_rock = rock_build.and_then(|build| run_in_rock(&epic.name, build, runs));
        let status = of_rock.map(|run| run.status);
        let (Some(latest), Some(reader)) = (telling_run(&epic.name, of_rock, runs), self.reader)
        else {
            for card in &of_asset {
                *epic.counts.entry(card.status).or_default() += 1;
            }
            epic.cards = of_asset;
            return Ok(status);
        };
        latest.status.as_str().clone_into(&mut epic.status);
        epic.build_id = Some(latest.build_id.clone());
        epic.run_id = Some(latest.run_id.clone());
        self.cards(epic, of_asset, &latest.build_id, reader)?;
        Ok(status)
    }

    fn cards(
        &self,
        epic: &mut Epic,
        of_asset: Vec<Card>,
        build: &str,
        reader: &Reader,
    ) -> Result<(), StoreError> {
        epic.counts = self.ledger.counts_of(build);
        if !self.whole && epic.total() > SMALL {
            epic.cards = self.first_cards(epic, build, reader)?;
            return Ok(());
        }
        let stored = reader.all_cards_of_build(build)?;
        let mut stored: Vec<Option<Card>> = stored.into_iter().map(|it| Some(card(it))).collect();
        let places: HashMap<String, usize> = stored
            .iter()
            .enumerate()
            .filter_map(|(place, card)| Some((card.as_ref()?.id.clone(), place)))
            .collect();
        for asset in of_asset {
            let known = places
                .get(&asset.id)
                .and_then(|it| stored.get_mut(*it)?.take());
            match known {
                // What the card is about, the asset of now says.
                Some(known) => epic.cards.push(Card {
                    summary: asset.summary,
                    seat: asset.seat,
                    priority: asset.priority,
                    ..known
                }),
                None => {
                    *epic.counts.entry(asset.status).or_default() += 1;
                    epic.cards.push(asset);
                }
            }
        }
        epic.cards.extend(stored.into_iter().flatten());
        Ok(())
    }

    /// Of a large build the cards that matter most.
    fn first_cards(
        &self,
        epic: &Epic,
        build: &str,
        reader: &Reader,
    ) -> Result<Vec<Card>, StoreError> {
        let classes: [fn(CardStatus) -> bool; 3] =
            [is_active, is_stuck, |status| status == CardStatus::Ready];
        let mut cards: Vec<Card> = Vec::new();
        for class in classes {
            let there = epic.counts.keys().filter(|status| class(**status));
            for status in there {
                for run in self.ledger.of_build(build) {
                    let left = MOST_CARDS.saturating_sub(cards.len());
                    let of_run = self.ledger.counts.get(run);
                    if left > 0 && of_run.is_some_and(|counts| counts.contains_key(status)) {
                        let found = reader.cards_with_status(run, *status, left)?;
                        cards.extend(found.into_iter().map(card));
                    }
                }
            }
        }
        Ok(cards)
    }

    fn only_in_journal<S: AssetSource>(
        &self,
        library: &Library<S>,
        listed: &HashSet<String>,
        board: &mut Board,
    ) -> Result<(), StoreError> {
        if self.ledger.order.is_empty() {
            return Ok(());
        }
        let mut known: HashSet<String> = listed.clone();
        for department in library.departments() {
            known.extend(library.list(EpicAsset::CATEGORY, &department));
        }
        for name in &self.ledger.order {
            if known.contains(name) {
                continue;
            }
            if !self.whole && board.journal.len() >= MOST_JOURNAL {
                board.journal_more += 1;
                continue;
            }
            let mut epic = Epic {
                name: name.clone(),
                title: name.clone(),
                ..Epic::default()
            };
            let runs = self.ledger.of_epic(name);
            // Under a rock that is gone it is still an epic.
            let latest = telling_run(name, None, runs).or_else(|| runs.first());
            if let (Some(latest), Some(reader)) = (latest, self.reader) {
                latest.status.as_str().clone_into(&mut epic.status);
                epic.build_id = Some(latest.build_id.clone());
                epic.run_id = Some(latest.run_id.clone());
                self.cards(&mut epic, Vec::new(), &latest.build_id, reader)?;
            }
            board.journal.push(epic);
        }
        Ok(())
    }

    /// Runs that are said to be under way, while nobody owns the folder.
    fn dead_owners(&self, folder: &DataFolder) -> Vec<Alert> {
        if self.ledger.running.is_empty() || UnixStream::connect(socket::path(folder)).is_ok() {
            return Vec::new();
        }
        let running = self.ledger.running.iter();
        running
            .map(|run| Alert {
                kind: AlertKind::DeadOwner,
                about: format!("run {run}"),
                message: "its owner is gone; nobody works on it".to_owned(),
                command: Some(format!("orket resume {run}")),
            })
            .collect()
    }

    fn gates(&self) -> Result<Vec<Alert>, StoreError> {
        let Some(reader) = self.reader else {
            return Ok(Vec::new());
        };
        let pending = reader.pending_gates(MOST_GATES)?;
        let told = pending
            .into_iter()
            .map(|(id, card, request, reason)| Alert {
                kind: AlertKind::Gate,
                about: format!("gate {id} of {card}"),
                message: format!("{}: {reason}", request.replace('_', " ")),
                command: Some(format!("orket gates show {id}")),
            });
        Ok(told.collect())
    }
}

fn card(stored: OverviewCard) -> Card {
    Card {
        id: stored.card_id,
        summary: stored.summary,
        seat: stored.seat,
        priority: stored.priority,
        status: stored.status,
        wait_reason: stored.wait_reason,
        code: stored.code,
        note: stored.note,
    }
}

fn card_of_asset(issue: &Issue) -> Card {
    Card {
        id: issue.id.to_string(),
        summary: issue.card.name.clone(),
        seat: issue.seat.clone(),
        priority: issue.card.priority,
        status: issue.card.status,
        wait_reason: issue.card.wait_reason,
        code: None,
        note: String::new(),
    }
}

fn epic_of_asset<S: AssetSource>(
    library: &Library<S>,
    name: &str,
    department: &str,
) -> (Epic, Vec<Card>) {
    match library.load::<EpicAsset>(name, department) {
        Ok(loaded) => {
            let cards = loaded.asset.issues.iter().map(card_of_asset).collect();
            let epic = Epic {
                name: loaded.name,
                title: loaded.asset.card.name,
                status: loaded.asset.card.status.as_str().to_owned(),
                ..Epic::default()
            };
            (epic, cards)
        }
        Err(error) => {
            let epic = Epic {
                name: name.to_owned(),
                error: Some(error.to_string()),
                ..Epic::default()
            };
            (epic, Vec::new())
        }
    }
}

/// Issues with a file of their own that no epic of the board has.
fn orphaned_issues<S: AssetSource>(
    library: &Library<S>,
    department: &str,
    board: &Board,
) -> Vec<Card> {
    let names = library.list(Issue::CATEGORY, department);
    if names.is_empty() {
        return Vec::new();
    }
    let under_rocks = board.rocks.iter().flat_map(|rock| &rock.epics);
    let epics = under_rocks.chain(&board.epics);
    let taken: HashSet<&str> = epics
        .flat_map(|epic| &epic.cards)
        .map(|card| card.id.as_str())
        .collect();
    let loaded = names
        .iter()
        .filter_map(|name| library.load::<Issue>(name, department).ok());
    loaded
        .map(|loaded| card_of_asset(&loaded.asset))
        .filter(|card| !taken.contains(card.id.as_str()))
        .collect()
}
