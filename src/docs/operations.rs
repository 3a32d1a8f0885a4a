//! What every operation gets: its parameters by reference, its errors, the headers of its answers, its examples.

use serde_json::{Map, Value, json};

use super::examples::{self, Show};
use crate::api::outcomes::{self, Outcome, Shape};

/// Completes one operation. `document` is where its references lead.
pub fn complete(operation: &mut Value, path: &str, document: &Value) {
    let outcomes = applicable(operation, path);
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        complete_parameter(parameter, path, document);
    }
    if let Some(body) = operation.pointer_mut("/requestBody/content/application~1json") {
        body["examples"] = request_examples(&body["schema"], document);
    }
    let mut responses = answers(operation["responses"].take(), path, document);
    for outcome in outcomes {
        let pointer = format!("#/components/responses/{}", outcome.name);
        responses.insert(outcome.status().to_string(), json!({ "$ref": pointer }));
    }
    operation["responses"] = responses.into();
    lead_with_id(operation);
}

/// What can go wrong in it.
fn applicable(operation: &Value, path: &str) -> Vec<Outcome> {
    let has = |key: &str| operation.get(key).is_some();
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let takes = |name: &str| parameters().any(|parameter| parameter["name"] == name);
    let shape = Shape {
        id: operation["operationId"].as_str().unwrap_or_default(),
        secured: has("security"),
        body: has("requestBody"),
        names_one: path.contains('{'),
        guarded: takes("If-Match"),
        repeatable: takes("Idempotency-Key"),
    };
    outcomes::all().into_iter().filter(|outcome| (outcome.applies)(&shape)).collect()
}

/// The account header is one component wherever it is required. Only required parameters have an example, since
/// Swagger UI would fill in, and send, those of the others.
fn complete_parameter(parameter: &mut Value, path: &str, document: &Value) {
    let name = parameter["name"].as_str().unwrap_or_default().to_owned();
    if parameter["required"] != true {
        return;
    }
    if name == "x-account-id" {
        *parameter = json!({ "$ref": "#/components/parameters/xAccountIdHeader" });
        return;
    }
    parameter["example"] = examples::of(noun(path), &name, &parameter["schema"], Show::All, document);
}

/// The first part of a path, `/users`: what its parameters are about.
fn noun(path: &str) -> &str {
    let end = path[1..].find('/').map_or(path.len(), |end| end + 1);
    &path[..end]
}

fn request_examples(schema: &Value, document: &Value) -> Value {
    let minimal = examples::of("", "", schema, Show::Required, document);
    let full = examples::of("", "", schema, Show::All, document);
    let minimal = Some(minimal).filter(|minimal| *minimal != full && *minimal != json!({}));
    let mut all = Map::new();
    if let Some(minimal) = minimal {
        all.insert("minimal".into(), json!({ "summary": "What is required", "value": minimal }));
    }
    all.insert("full".into(), json!({ "summary": "Everything", "value": full }));
    all.into()
}

/// The answers that are no errors, each with an example and the headers it always has.
fn answers(declared: Value, path: &str, document: &Value) -> Map<String, Value> {
    let mut answers = Map::new();
    for (status, mut answer) in declared.as_object().cloned().into_iter().flatten() {
        // The handlers' error type; its outcomes take its place.
        if status == "default" {
            continue;
        }
        let declared = answer["headers"].as_object().into_iter().flatten();
        let mut headers: Map<_, _> = declared.map(|(name, header)| declared_header(name, header, path)).collect();
        headers.insert("x-request-id".into(), request_id_header());
        answer["headers"] = headers.into();
        let show = if status == "201" { Show::All } else { Show::Open };
        for (_, body) in answer.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
            body["example"] = examples::of("", "", &body["schema"], show, document);
        }
        answers.insert(status, answer);
    }
    answers
}

/// poem-openapi writes names of headers in capitals.
fn declared_header(name: &str, header: &Value, path: &str) -> (String, Value) {
    let words = name.split('-').map(|word| format!("{}{}", &word[..1], word[1..].to_ascii_lowercase()));
    let name = if name == "ETAG" { "ETag".to_owned() } else { words.collect::<Vec<_>>().join("-") };
    let mut header = header.clone();
    header["example"] = examples::of(noun(path), &name, &header["schema"], Show::All, &Value::Null);
    (name, header)
}

pub fn request_id_header() -> Value {
    json!({ "$ref": "#/components/headers/xRequestId" })
}

/// Puts `operationId` first, where readers of the document look for it.
fn lead_with_id(operation: &mut Value) {
    if let Some(map) = operation.as_object_mut()
        && let Some(id) = map.shift_remove("operationId")
    {
        map.shift_insert(0, "operationId".into(), id);
    }
}
