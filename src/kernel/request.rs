//! What a turn asks for, read from its request. Everything is looked at before anything is done.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::call::Call;
use super::links::{Reference, references};
use super::name::{Stem, escaped};
use super::record::{Target, Tombstone, Triplet};
use super::result::Issue;
use super::words::{Code, Stage};
use super::{CONTRACT_VERSION, LSI_VERSION, below, canonical};
use orket_core::canonical::sha256_hex;

/// The longest id of a turn, in bytes.
const LONGEST_TURN_ID: usize = 128;

/// A turn's request, for the schema.
#[derive(Debug, ToSchema)]
#[schema(as = KernelTurnRequest)]
pub struct TurnRequestShape {
    /// `turn-0001` and on for those that are promoted.
    pub turn_id: String,
    /// `kernel_api/v1`.
    pub contract_version: Option<String>,
    /// `stage_only`, or `stage_and_request_promotion`.
    pub commit_intent: Option<String>,
    /// What it brings: `tool_call`, `stage_triplet` `{stem, body, links, manifest?}`,
    /// `stage_tombstone` `{stem, tombstone}`, `context`.
    #[schema(value_type = Option<Object>)]
    pub turn_input: Option<Map<String, Value>>,
    /// What is known of it: `role`, `task`, `capability_resolved`, `side_effects_declared`,
    /// `requested_permissions`, `declared_permissions`.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Map<String, Value>>,
}

/// What a turn asks for.
#[derive(Debug)]
pub struct TurnRequest {
    /// About a tool call.
    pub call: Option<Call>,
    /// To stage a body.
    pub triplet: Option<StagedTriplet>,
    /// To stage a tombstone.
    pub tombstone: Option<(Stem, Value)>,
    /// To promote what is staged.
    pub is_promotion: bool,
}

/// A body with its links and its manifest, each as its canonical text and the digest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedTriplet {
    /// What is kept of it.
    pub record: Triplet,
    /// The objects, by digest.
    pub objects: [(String, String); 3],
    /// What it refers to.
    pub references: Vec<Reference>,
}

/// The turn's id, when the request has its outer shape.
///
/// # Errors
///
/// The id as far as there is one, and what is wrong.
pub fn turn_id(request: &Map<String, Value>) -> Result<String, Box<(String, Issue)>> {
    let given = request
        .get("turn_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let fail = |at: &str, why: String| Err(Box::new((given.to_owned(), Issue::shape(at, why))));
    if let Some(version) = request.get("contract_version")
        && version.as_str() != Some(CONTRACT_VERSION)
    {
        return fail("/contract_version", format!("must be `{CONTRACT_VERSION}`"));
    }
    if given.len() > LONGEST_TURN_ID || escaped(given).is_none() {
        return fail(
            "/turn_id",
            format!("must be a text of 1 to {LONGEST_TURN_ID} bytes"),
        );
    }
    Ok(given.to_owned())
}

/// Whether a request asks to promote its turn.
#[must_use]
pub fn is_promotion(request: &Map<String, Value>) -> bool {
    request.get("commit_intent").and_then(Value::as_str) == Some("stage_and_request_promotion")
}

fn object<'a>(
    parent: &'a Map<String, Value>,
    name: &str,
    at: &str,
) -> Result<Option<&'a Map<String, Value>>, Issue> {
    match parent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Issue::shape(below(at, name), "must be an object")),
    }
}

impl TurnRequest {
    /// Reads the rest of a request whose turn has this id.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn read(request: &Map<String, Value>, turn_id: &str) -> Result<Self, Issue> {
        match request.get("commit_intent") {
            None | Some(Value::Null) => {}
            Some(Value::String(word)) if word == "stage_only" || is_promotion(request) => {}
            Some(_) => {
                let why = "must be `stage_only` or `stage_and_request_promotion`";
                return Err(Issue::shape("/commit_intent", why));
            }
        }
        let outer = object(request, "context", "")?;
        let empty = Map::new();
        let input = object(request, "turn_input", "")?.unwrap_or(&empty);
        let at = "/turn_input";
        let inner = object(input, "context", at)?;
        let call = object(input, "tool_call", at)?
            .map(|tool_call| Call::read(tool_call, inner, outer))
            .transpose()
            .map_err(|wrong| Issue::shape(wrong.0, wrong.1))?;
        Ok(Self {
            call,
            triplet: object(input, "stage_triplet", at)?
                .map(|triplet| StagedTriplet::read(triplet, turn_id))
                .transpose()?,
            tombstone: object(input, "stage_tombstone", at)?
                .map(|tombstone| staged_tombstone(tombstone, turn_id))
                .transpose()?,
            is_promotion: is_promotion(request),
        })
    }
}

fn stem(parent: &Map<String, Value>, at: &str) -> Result<Stem, Issue> {
    let at = below(at, "stem");
    match parent.get("stem").and_then(Value::as_str).map(Stem::new) {
        Some(Ok(stem)) => Ok(stem),
        Some(Err(wrong)) => Err(Issue::shape(at, wrong.to_string())),
        None => Err(Issue::shape(at, "must be a text")),
    }
}

fn staged_tombstone(given: &Map<String, Value>, turn_id: &str) -> Result<(Stem, Value), Issue> {
    let at = "/turn_input/stage_tombstone";
    let stem = stem(given, at)?;
    let tombstone = given.get("tombstone").cloned().unwrap_or_default();
    let at = below(at, "tombstone");
    Tombstone::read(&stem, turn_id, &tombstone)
        .map_err(|(code, why)| Issue::new(Stage::Promotion, code, at.clone(), why))?;
    canonical::to_string(&tombstone).map_err(|error| no_form(&at, &error))?;
    Ok((stem, tombstone))
}

fn no_form(at: &str, error: &canonical::NoForm) -> Issue {
    let at = format!("{at}{}", error.at());
    Issue::new(
        Stage::Lsi,
        Code::ECanonicalizationError,
        at,
        error.to_string(),
    )
}

impl StagedTriplet {
    fn read(given: &Map<String, Value>, turn_id: &str) -> Result<Self, Issue> {
        let at = "/turn_input/stage_triplet";
        let stem = stem(given, at)?;
        let missing = |name: &str| Issue::shape(below(at, name), "must be an object");
        let empty = Map::new();
        let body = object(given, "body", at)?.ok_or_else(|| missing("body"))?;
        let links = object(given, "links", at)?.ok_or_else(|| missing("links"))?;
        let manifest = object(given, "manifest", at)?.unwrap_or(&empty);
        let kept = |name: &str, object: &Map<String, Value>| {
            let text = canonical::object_to_string(object)
                .map_err(|error| no_form(&below(at, name), &error))?;
            Ok((sha256_hex(text.as_bytes()), text))
        };
        let (body_digest, body_text) = kept("body", body)?;
        let (links_digest, links_text) = kept("links", links)?;
        let (manifest_digest, manifest_text) = kept("manifest", manifest)?;
        let references = references(links).map_err(|unnameable| {
            Issue::new(
                Stage::BaseShape,
                Code::EBaseShapeInvalidLinksValue,
                format!("{at}{}", unnameable.0),
                unnameable.to_string(),
            )
        })?;
        let (dto_type, dto_id) = Target::of_body(body);
        Ok(Self {
            record: Triplet {
                lsi_version: LSI_VERSION.to_owned(),
                stem,
                dto_type,
                dto_id,
                body_digest: body_digest.clone(),
                links_digest: links_digest.clone(),
                manifest_digest: manifest_digest.clone(),
                updated_at_turn: turn_id.to_owned(),
            },
            objects: [
                (body_digest, body_text),
                (links_digest, links_text),
                (manifest_digest, manifest_text),
            ],
            references,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(request: Value) -> (Code, String) {
        let issue = TurnRequest::read(request.as_object().unwrap(), "turn-0001").unwrap_err();
        (issue.code, issue.location)
    }

    #[test]
    fn a_turn_needs_an_id_and_the_right_version() {
        let id = |request: Value| turn_id(request.as_object().unwrap());
        assert_eq!(
            id(json!({"turn_id": "t", "contract_version": CONTRACT_VERSION})).unwrap(),
            "t"
        );
        let place = |request: Value| {
            let (given, issue) = *id(request).unwrap_err();
            assert_eq!(issue.code, Code::EBaseShapeInvalidManifestValue);
            (given, issue.location)
        };
        let long = "t".repeat(129);
        assert_eq!(place(json!({})), (String::new(), "/turn_id".into()));
        assert_eq!(
            place(json!({"turn_id": 1})),
            (String::new(), "/turn_id".into())
        );
        assert_eq!(
            place(json!({"turn_id": long})),
            (long.clone(), "/turn_id".into())
        );
        assert_eq!(
            place(json!({"turn_id": "t", "contract_version": "kernel_api/v0"})),
            ("t".into(), "/contract_version".into())
        );
    }

    #[test]
    fn whatever_is_malformed_is_named_with_its_place() {
        let shape = |at: &str| (Code::EBaseShapeInvalidManifestValue, at.to_owned());
        let triplet = |field: &str, value: Value| {
            let mut triplet = json!({"stem": "a", "body": {}, "links": {}});
            triplet[field] = value;
            json!({"turn_input": {"stage_triplet": triplet}})
        };
        let at = "/turn_input/stage_triplet";
        let cases = [
            (json!({"turn_input": 1}), shape("/turn_input")),
            (
                json!({"commit_intent": "stage_and_promote"}),
                shape("/commit_intent"),
            ),
            (
                json!({"turn_input": {"tool_call": []}}),
                shape("/turn_input/tool_call"),
            ),
            (json!({"turn_input": {"stage_triplet": "a"}}), shape(at)),
            (triplet("stem", json!("../a")), shape(&format!("{at}/stem"))),
            (triplet("stem", Value::Null), shape(&format!("{at}/stem"))),
            (triplet("body", Value::Null), shape(&format!("{at}/body"))),
            (triplet("links", json!([])), shape(&format!("{at}/links"))),
            (
                triplet("manifest", json!("")),
                shape(&format!("{at}/manifest")),
            ),
            (
                triplet("links", json!({"a": {"type": "x", "id": ""}})),
                (
                    Code::EBaseShapeInvalidLinksValue,
                    format!("{at}/links/a/id"),
                ),
            ),
            (
                triplet("body", json!({"a": {"b": [0.5]}})),
                (Code::ECanonicalizationError, format!("{at}/body/a/b/0")),
            ),
            (
                json!({"turn_input": {"stage_tombstone": {"stem": "a", "tombstone": {"kind": "x"}}}}),
                (
                    Code::ETombstoneInvalid,
                    "/turn_input/stage_tombstone/tombstone".into(),
                ),
            ),
        ];
        for (request, expected) in cases {
            assert_eq!(refused(request.clone()), expected, "{request}");
        }
    }

    #[test]
    fn a_triplet_is_kept_as_digests_of_canonical_texts() {
        let request = json!({"turn_input": {"stage_triplet": {"stem": "a/b.v1",
            "body": {"id": "S1", "dto_type": "skill"}, "links": {"x": {"type": "t", "id": "i"}}}}});
        let read = TurnRequest::read(request.as_object().unwrap(), "turn-0001").unwrap();
        let triplet = read.triplet.unwrap();
        assert_eq!(triplet.objects[0].1, r#"{"dto_type":"skill","id":"S1"}"#);
        assert_eq!(triplet.objects[2].0, canonical::digest(&json!({})).unwrap());
        assert_eq!(triplet.record.target().unwrap().id, "S1");
        assert_eq!(triplet.references.len(), 1);
        assert!(!read.is_promotion);
    }
}
