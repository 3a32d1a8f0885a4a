//! Completes the document that poem-openapi generates from the handlers, by rules that hold for every operation: the
//! contract's names and order, the errors, the headers every answer has, the examples.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{examples, links, operations};
use crate::api::{self, outcomes};

/// What the contract defines stands first, in its order; our own schemas follow.
const OF_THE_CONTRACT: [&str; 4] = ["PulseEvents", "NotificationPreference", "User", "Error"];

/// The contract has these written out where they are used.
const INLINE: [&str; 2] = ["Delivery", "UserAccount"];

/// Properties that `null` clears; poem-openapi doesn't tell them from those that may only be left out.
const CLEARED_BY_NULL: [&str; 4] = [
    "ProfilePatch/properties/name",
    "ProfilePatch/properties/phone",
    "ProfilePatch/properties/imgSrc",
    "MembershipPatch/properties/teamId",
];

/// Properties that hold an object of any kind.
const OBJECTS: [&str; 2] = ["Event/properties/changes", "NewEvent/properties/changes"];

/// What the whole API has in common.
const DESCRIPTION: &str = "\
A directory of users, kept in accounts.

**Authentication.** Send `Authorization: Bearer {token}`. `rollcall init` and `rollcall token` print a token, `POST \
/api-keys` makes one for a program, and the answer to `POST /users` holds the first one of the new user. Neither an API key nor that \
first one is only yours, as your sessions, passkeys and memberships are.

**Accounts.** `x-account-id` names the account a request is about. What you may do and what you see depend on it; nothing of one \
account shows in another.

**Lists.** Each is answered as `{\"items\"}`. Long ones come in pages and have a `nextCursor` until the last one: send it as `cursor` \
for the next page. A cursor stays good while people come and go; nobody is listed twice, nobody is missed.

**Changes at the same time.** A user comes with an `ETag`. Sent back as `If-Match`, it changes that version and no other: if somebody \
was faster, the answer is 412 and nothing was done. With an `Idempotency-Key`, `POST /users` is safe to send again. What doesn't \
go by one of them refuses it.

**Errors.** Whatever goes wrong is answered as `{\"error\", \"status\", \"message\"}`: `error` is a stable code for programs, `message` \
a sentence for people that says what to do. Where something is made, a value that is `null` counts as left out. Every answer \
has an `x-request-id`, which the server's log knows too. Only what cannot be \
read as HTTP at all is answered by a bare 400 or 431.

This documentation comes as [plain pages](/reference) and as [Swagger UI](/docs).";

/// The document as it is published.
pub fn complete() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let generated = serde_json::from_str(&api::document()).unwrap_or_default();
        completed(generated)
    });
    &DOCUMENT
}

fn completed(mut generated: Value) -> Value {
    tidy(&mut generated);
    specify(&mut generated);
    write_out(&mut generated);
    let mut document = json!({
        "openapi": "3.0.3",
        "info": info(),
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": tags(&generated),
        "paths": generated["paths"].take(),
        "components": {
            "parameters": { "xAccountIdHeader": account_header() },
            "schemas": in_order(&generated["components"]["schemas"]),
            "responses": responses(),
            "headers": { "xRequestId": header("x-request-id", "ID of the request, as the server's log knows it") },
            "securitySchemes": generated["components"]["securitySchemes"].take(),
        },
    });
    let known = document.clone();
    for (path, methods) in document["paths"].as_object_mut().into_iter().flatten() {
        for (_, operation) in methods.as_object_mut().into_iter().flatten() {
            operations::complete(operation, path, &known);
        }
    }
    links::drop_unused(&mut document);
    document
}

fn info() -> Value {
    json!({
        "title": "Rollcall",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "contact": { "name": "Whoever runs this server" },
        "license": { "name": "MIT OR Apache-2.0", "url": "https://spdx.org/licenses/" },
    })
}

/// The tags, in the order in which operations use them.
fn tags(generated: &Value) -> Vec<Value> {
    let mut tags = generated["tags"].as_array().cloned().unwrap_or_default();
    let paths = generated["paths"].to_string();
    tags.sort_by_key(|tag| paths.find(&format!("\"tags\":[{}", tag["name"])));
    tags
}

/// As the contract has it, property by property.
fn account_header() -> Value {
    json!({
        "in": "header",
        "name": "x-account-id",
        "schema": { "type": "string" },
        "description": "Account ID for the request",
        "required": true,
        "example": "2311",
    })
}

fn in_order(schemas: &Value) -> Map<String, Value> {
    let named = |name: &str| schemas.get(name).map(|schema| (name.to_owned(), schema.clone()));
    let ours = schemas.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let ours = ours.filter(|name| !OF_THE_CONTRACT.contains(name));
    OF_THE_CONTRACT.into_iter().chain(ours).filter_map(named).collect()
}

/// A header of an answer, always there.
pub fn header(name: &str, description: &str) -> Value {
    let schema = json!({ "type": "string" });
    let example = examples::of("", name, &schema, examples::Show::All, &Value::Null);
    json!({ "description": description, "required": true, "schema": schema, "example": example })
}

/// `components/responses`: every error, with what the server says.
fn responses() -> Map<String, Value> {
    let response = |outcome: outcomes::Outcome| {
        let mut headers = Map::new();
        headers.insert("x-request-id".into(), operations::request_id_header());
        if let Some((name, description)) = outcome.header {
            headers.insert(name.into(), header(name, description));
        }
        let examples: Map<_, _> =
            outcome.examples().map(|(code, body)| (code.to_owned(), json!({ "value": body }))).collect();
        let content = json!({ "schema": { "$ref": "#/components/schemas/Error" }, "examples": examples });
        let response = json!({
            "description": outcome.description,
            "headers": headers,
            "content": { "application/json": content },
        });
        (outcome.name.into_owned(), response)
    };
    outcomes::all().into_iter().map(response).collect()
}

/// Takes out what says nothing, and undoes what is only due to the generator: texts broken into lines as they are in
/// the source, whole numbers written as fractions, titles that repeat a schema's name.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| match key.as_str() {
                "deprecated" => *value != false,
                "explode" => *value != true,
                "title" => !value.is_string(),
                _ => true,
            });
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = paragraphs(text);
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        Value::Number(number) =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "only numbers that are whole")]
            if let Some(whole) = number.as_f64().filter(|n| number.is_f64() && n.fract() == 0.0) {
                *value = json!(whole as i64);
            }
        }
        _ => {}
    }
}

/// Says what the generator can't know.
fn specify(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    let mut say = |place: &str, key: &str, value: Value| {
        if let Some(property) = schemas.pointer_mut(&format!("/{place}")) {
            property[key] = value;
        }
    };
    for place in CLEARED_BY_NULL {
        say(place, "nullable", json!(true));
    }
    for place in OBJECTS {
        say(place, "type", json!("object"));
        say(place, "additionalProperties", json!(true));
    }
}

/// One line a paragraph; lists keep theirs.
fn paragraphs(text: &str) -> String {
    let lines = text.trim().lines().map(str::trim);
    lines.fold(String::new(), |text, line| match line {
        "" => text + "\n\n",
        _ if text.is_empty() || text.ends_with('\n') => text + line,
        _ if line.starts_with("- ") => text + "\n" + line,
        _ => text + " " + line,
    })
}

/// Replaces references to [`INLINE`] schemas by the schemas.
fn write_out(document: &mut Value) {
    let mut schemas = document["components"]["schemas"].clone();
    for name in INLINE {
        let mut schema = schemas[name].take();
        // In the contract only the property that holds them is described.
        if let Some(map) = schema.as_object_mut() {
            map.shift_remove("description");
        }
        replace(document, &json!({ "$ref": format!("#/components/schemas/{name}") }), &schema);
    }
}

fn replace(value: &mut Value, old: &Value, new: &Value) {
    if value == old {
        *value = new.clone();
        return;
    }
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, old, new)),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, old, new)),
        _ => {}
    }
}
