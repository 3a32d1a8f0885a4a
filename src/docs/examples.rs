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

/// A value as the property or parameter `name` may have it, in the schema or under the path that `within` names.
pub fn of(within: &str, name: &str, schema: &Value, show: Show, document: &Value) -> Value {
    let component = schema["$ref"].as_str().and_then(|pointer| pointer.rsplit('/').next()).unwrap_or_default();
    let schema = links::follow(document, schema);
    let fits = |value: &Value| value_fits(value, schema);
    if let Some(value) = by_place(within, name).filter(fits).or_else(|| by_name(name).filter(fits)) {
        return value;
    }
    if let Some(value) = ["example", "default"].iter().find_map(|key| schema.get(key)).or(schema["enum"].get(0)) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("object") => object(component, schema, show, document),
        Some("array") => json!([of("", "", &schema["items"], show, document)]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("text"),
    }
}

/// Said of somebody in a situation that the examples are not about.
const SELDOM: [&str; 6] = ["pending", "removedAt", "invitedBy", "impersonatorId", "impersonator", "reason"];

fn object(component: &str, schema: &Value, show: Show, document: &Value) -> Value {
    // Only preferences are keyed by names that no schema lists.
    if let Some(preferences) = by_name("notificationPreferences").filter(|_| schema.get("properties").is_none()) {
        return preferences;
    }
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let shown = |name: &str| match show {
        Show::Required => required(name),
        _ if SELDOM.contains(&name) => required(name),
        Show::Open => component == "Invitation" || name != "token",
        Show::All => name != "usedAt",
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let values = properties.filter(|(name, _)| shown(name));
    let value = |(name, schema): (&String, &Value)| (name.clone(), of(component, name, schema, show, document));
    Value::Object(values.map(value).collect::<Map<_, _>>())
}

fn value_fits(value: &Value, schema: &Value) -> bool {
    let of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array() && (schema["items"]["type"] == "string") == value[0].is_string(),
        Some("integer" | "number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some(_) => value.is_string(),
        None => true,
    };
    of_type && schema["enum"].as_array().is_none_or(|allowed| allowed.contains(value))
}

/// The things beside users: Acme has a team for its support, a role of its own and a key for a program.
fn by_place(within: &str, name: &str) -> Option<Value> {
    const ID: &str = "5f2a9c04be7d4b1c8e63f0a1d97c2b48";
    Some(match (within, name) {
        ("Account" | "NewAccount", "id") => json!("2311"),
        ("Account" | "NewAccount" | "AccountPatch", "name") => json!("Acme"),
        // No account's: the page that tries it out would send it.
        ("/accounts", "confirm") => json!("The name of the account"),
        ("AccountChoice", "accountId") => json!("2312"),
        ("/accounts", "Location") => json!("/accounts/2311"),
        ("Team" | "/teams", "id") => json!(7),
        ("Team" | "NewTeam" | "TeamPatch", "name") => json!("Support"),
        ("/teams", "Location") => json!("/teams/7"),
        ("Role", "id") | ("Role" | "NewRole" | "/roles", "name") => json!("lead-reader"),
        ("Role" | "NewRole" | "RolePermissions", "permissions") => json!(["events.read", "users.read"]),
        ("Role", "builtIn") => json!(false),
        ("/roles", "Location") => json!("/roles/lead-reader"),
        ("Permission", "name") | ("Granted", "permission") => json!("users.create"),
        ("Permission" | "Granted", "description") => json!("Add people to the account and invite them"),
        ("Granted", "sources") => json!(["role:admin", "direct"]),
        ("Event" | "/events", "id") => json!(481),
        ("Event", "event") => json!("user_updated"),
        ("Event", "changes") => json!({ "name": { "before": null, "after": "Grace Hopper" } }),
        ("NewEvent", "changes") => json!({ "source": "website" }),
        ("/events", "Location") => json!("/events/481"),
        ("ApiKey" | "Session" | "/api-keys" | "/sessions", "id") | (_, "sessionId") => json!(ID),
        ("Passkey" | "PasskeyPatch", "name") => json!("Work laptop"),
        ("Passkey" | "/me", "id") | (_, "passkeyId") => json!("w10O6dsBjREZFVajdtZMpQ"),
        ("ApiKey" | "NewApiKey", "name") => json!("Nightly import"),
        ("ApiKey" | "NewApiKey", "permissions") => json!(["users.create", "users.read"]),
        ("ApiKey" | "NewApiKey", "expiresAt") => json!("2027-11-23T08:38:19.000Z"),
        ("ApiKey", "userId") => json!(1),
        ("/api-keys", "Location") => json!(format!("/api-keys/{ID}")),
        _ => return None,
    })
}

/// Grace, whom Ada has just added to Acme.
fn by_name(name: &str) -> Option<Value> {
    Some(match name {
        "id" | "subjectId" => json!(2),
        "email" | "subject" => json!("grace@example.com"),
        "name" => json!("Grace Hopper"),
        "active" => json!(true),
        "teamId" => json!(7),
        "phone" => json!("+1 202 555 0143"),
        "imgSrc" => json!("https://example.com/grace.png"),
        "notificationPreferences" => json!({
            "lead_created": [{ "event": "lead_created", "deliveryPref": ["website", "email"] }],
            "invoice_created": [{ "event": "invoice_created", "accountId": "2311", "deliveryPref": ["weekly_email_digest"] }],
        }),
        "createdBy" | "updatedBy" | "actor" => json!("ada@example.com"),
        "createdAt" | "updatedAt" | "joinedAt" | "usedAt" | "at" => json!("2026-11-23T08:38:19.000Z"),
        "expiresAt" => json!("2026-11-26T08:38:19.000Z"),
        "accountId" | "x-account-id" => json!("2311"),
        "accountName" => json!("Acme"),
        "usersPrimaryAccount" => json!(true),
        "accountAdmin" | "pending" => json!(false),
        "flatRolesList" | "roles" => json!(["member"]),
        "flatPermissionsList" | "permissions" => json!(["users.read"]),
        "members" => json!(3),
        "address" => json!("192.0.2.7"),
        "device" => json!("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        "token" => json!("v4.local.AbOeyaXhRaRcc4VkGkbHhcmt…"),
        "nextCursor" => json!("WyJlbWFpbCIsImdyYWNlQGV4YW1wbGUuY29tIiwyXQ"),
        "Location" => json!("/users/2"),
        "ETag" => json!("\"5d41402abc4b2a76b9719d91\""),
        "Retry-After" => json!("5"),
        "WWW-Authenticate" => json!("Bearer realm=\"rollcall\", error=\"invalid_token\""),
        "x-request-id" | "requestId" => json!(crate::api::outcomes::REQUEST_ID),
        _ => return None,
    })
}
