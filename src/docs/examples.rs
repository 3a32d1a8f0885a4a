//! Examples made from schemas: a believable value for each property by its name, a plain one by its type otherwise. So
//! a new operation has examples as soon as it has a schema.

use serde_json::{Map, Value, json};

use super::links;

/// How much of an object to show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Only what must be sent.
    Required,
    /// All of it, but for secrets.
    Open,
    /// All of it: the answer to what made a thing is the one place where its secret is shown.
    All,
}

/// A value as the property or parameter `name` may have it.
pub fn of(name: &str, schema: &Value, show: Show, document: &Value) -> Value {
    let schema = links::follow(document, schema);
    let fits = |value: &Value| value_fits(value, schema);
    if let Some(value) = by_name(name).filter(fits) {
        return value;
    }
    if let Some(value) = ["example", "default"].iter().find_map(|key| schema.get(key)).or(schema["enum"].get(0)) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("object") => object(schema, show, document),
        Some("array") => json!([of("", &schema["items"], show, document)]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("text"),
    }
}

fn object(schema: &Value, show: Show, document: &Value) -> Value {
    let required = |name: &String| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let shown = |name: &String| match show {
        Show::Required => required(name),
        Show::Open => name != "token",
        Show::All => true,
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let values = properties.filter(|(name, _)| shown(name));
    Value::Object(values.map(|(name, schema)| (name.clone(), of(name, schema, show, document))).collect::<Map<_, _>>())
}

fn value_fits(value: &Value, schema: &Value) -> bool {
    let of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array() && (schema["items"]["type"] == "string") == value[0].is_string(),
        Some("integer" | "number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => value.is_string(),
    };
    of_type && schema["enum"].as_array().is_none_or(|allowed| allowed.contains(value))
}

/// Grace, whom Ada has just added to Acme.
fn by_name(name: &str) -> Option<Value> {
    Some(match name {
        "id" => json!(2),
        "email" => json!("grace@example.com"),
        "name" => json!("Grace Hopper"),
        "active" => json!(true),
        "teamId" => json!(7),
        "phone" => json!("+1 202 555 0143"),
        "imgSrc" => json!("https://example.com/grace.png"),
        "notificationPreferences" => json!({
            "lead_created": [{ "event": "lead_created", "deliveryPref": ["website", "email"] }],
            "invoice_created": [{ "event": "invoice_created", "accountId": "2311", "deliveryPref": ["weekly_email_digest"] }],
        }),
        "createdBy" | "updatedBy" => json!("ada@example.com"),
        "createdAt" | "updatedAt" => json!("2026-11-23T08:38:19.000Z"),
        "accountId" | "x-account-id" => json!("2311"),
        "accountName" => json!("Acme"),
        "usersPrimaryAccount" => json!(true),
        "accountAdmin" => json!(false),
        "flatRolesList" => json!(["member"]),
        "flatPermissionsList" => json!(["users.read"]),
        "token" => json!("v4.local.AbOeyaXhRaRcc4VkGkbHhcmt…"),
        "nextCursor" => json!("WyJlbWFpbCIsImdyYWNlQGV4YW1wbGUuY29tIiwyXQ"),
        "Location" => json!("/users/2"),
        "Retry-After" => json!("5"),
        "WWW-Authenticate" => json!("Bearer realm=\"rollcall\", error=\"invalid_token\""),
        "x-request-id" => json!(crate::api::outcomes::REQUEST_ID),
        _ => return None,
    })
}
