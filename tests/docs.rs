//! The document says what the contract says and what the server does; its other forms say the same.

use std::collections::BTreeSet;

use poem::http::Method;
use rollcall::domain::pulse::PulseEvent;
use serde_json::{Value, json};

use crate::guards::sources;
use crate::support::{ADA, TestApp};

async fn document() -> Value {
    TestApp::empty().get("/openapi.json").send().await.json()
}

/// Path, method and what is said of it, for every operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// What a `$ref` leads to, or the value itself.
fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(pointer) => document.pointer(&pointer[1..]).unwrap_or_else(|| panic!("{pointer} leads nowhere")),
        None => value,
    }
}

fn each_ref(value: &Value, f: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| match value {
            Value::String(pointer) if key == "$ref" => f(pointer),
            value => each_ref(value, f),
        }),
        Value::Array(values) => values.iter().for_each(|value| each_ref(value, f)),
        _ => {}
    }
}

#[tokio::test]
async fn the_whole_document() {
    let mut document = document().await;
    document["info"]["version"] = "[version]".into();
    insta::assert_snapshot!("openapi.json", format!("{document:#}"));
}

/// The schemas of the contract: name and type (or reference) of each property, in its order.
const CONTRACT: &[(&str, &[(&str, &str)])] = &[
    (
        "NotificationPreference",
        &[("event", "#/components/schemas/PulseEvents"), ("accountId", "string"), ("deliveryPref", "array of string")],
    ),
    (
        "User",
        &[
            ("id", "integer"),
            ("email", "string email"),
            ("name", "string"),
            ("active", "boolean"),
            ("teamId", "integer"),
            ("phone", "string"),
            ("imgSrc", "string"),
            ("notificationPreferences", "object"),
            ("createdBy", "string"),
            ("updatedBy", "string"),
            ("createdAt", "string date-time"),
            ("updatedAt", "string date-time"),
            ("accounts", "array of object"),
            ("flatRolesList", "array of string"),
            ("flatPermissionsList", "array of string"),
            ("token", "string"),
        ],
    ),
    ("Error", &[("error", "string"), ("status", "integer"), ("message", "string")]),
];

fn kind(schema: &Value) -> String {
    let text = |key: &str| schema[key].as_str();
    match (text("$ref"), text("type"), text("format")) {
        (Some(pointer), ..) => pointer.into(),
        (_, Some("array"), _) => format!("array of {}", kind(&schema["items"])),
        (_, Some("string"), Some(format)) => format!("string {format}"),
        (_, Some(name), _) => name.into(),
        _ => panic!("{schema} has no type"),
    }
}

#[tokio::test]
async fn schemas_are_those_of_the_contract() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    for (name, expected) in CONTRACT {
        let properties = schemas[name]["properties"].as_object().unwrap();
        let found: Vec<_> = properties.iter().map(|(name, schema)| (name.as_str(), kind(schema))).collect();
        // Ours, for situations that the contract doesn't know: they stand behind what it has.
        let own = |name: &str| matches!(name, "pending" | "removedAt");
        let found: Vec<_> =
            found.iter().map(|(name, kind)| (*name, kind.as_str())).filter(|(name, _)| !own(name)).collect();
        assert_eq!(found, *expected, "{name}");
    }
    let names: Vec<_> = schemas.as_object().unwrap().keys().take(4).collect();
    assert_eq!(names, ["PulseEvents", "NotificationPreference", "User", "Error"]);
    assert_eq!(schemas["NotificationPreference"]["required"], json!(["event"]));
    assert_eq!(schemas["Error"]["required"][0], "error");
    let deliveries = &schemas["NotificationPreference"]["properties"]["deliveryPref"]["items"]["enum"];
    assert_eq!(*deliveries, json!(["website", "weekly_email_digest", "monthly_email_digest", "email", "sms"]));
    let account = schemas["User"]["properties"]["accounts"]["items"]["properties"].as_object().unwrap();
    let account: Vec<_> = account.iter().map(|(name, schema)| format!("{name}: {}", kind(schema))).collect();
    let expected =
        ["accountId: string", "accountName: string", "usersPrimaryAccount: boolean", "accountAdmin: boolean"];
    assert_eq!(account, expected);
    let header = json!({
        "in": "header",
        "name": "x-account-id",
        "schema": { "type": "string" },
        "description": "Account ID for the request",
        "required": true,
        "example": "2311",
    });
    assert_eq!(document["components"]["parameters"]["xAccountIdHeader"], header);
}

#[tokio::test]
async fn all_events_in_the_order_of_the_contract() {
    let document = document().await;
    let events: Vec<_> = document["components"]["schemas"]["PulseEvents"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(events, PulseEvent::ALL.iter().map(|event| event.name()).collect::<Vec<_>>());
    assert_eq!(
        (events.len(), events[0], events[81], events[162]),
        (163, "lead_created", "user_removed_from_account", "cron_job")
    );
}

#[tokio::test]
async fn create_user_is_as_the_contract_has_it() {
    let document = document().await;
    let create = &document["paths"]["/users"]["post"];
    assert_eq!(create["summary"], "Create a new user");
    let description = create["description"].as_str().unwrap();
    assert!(description.starts_with("Creates a new user in the system with the provided details\n"));
    // Beside the contract's one parameter there is ours, which nobody has to know.
    assert_eq!(create["parameters"][0], json!({ "$ref": "#/components/parameters/xAccountIdHeader" }));
    assert_eq!(create["parameters"][1]["name"], "Idempotency-Key");
    assert_eq!((&create["parameters"][1]["required"], &create["parameters"][2]), (&json!(false), &json!(null)));
    assert_eq!(create["security"], json!([{ "bearerAuth": [] }]));
    assert_eq!(document["components"]["securitySchemes"]["bearerAuth"]["scheme"], "bearer");
    let body = &create["requestBody"]["content"]["application/json"];
    assert_eq!(body["examples"]["minimal"]["value"], json!({ "email": "grace@example.com" }));
    let created = &create["responses"]["201"];
    assert_eq!(created["description"], "User created successfully");
    assert_eq!(created["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/User");
    let example = created["content"]["application/json"]["example"].as_object().unwrap();
    assert!(example.keys().eq(CONTRACT[1].1.iter().map(|(name, _)| name)));
}

#[tokio::test]
async fn every_operation_is_described_whole() {
    let document = document().await;
    let tags: BTreeSet<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].to_string()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        for text in ["operationId", "summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|text| !text.is_empty()), "{place} has no {text}");
        }
        assert!(ids.insert(operation["operationId"].to_string()), "{place} shares its operationId");
        assert!(tags.contains(&operation["tags"][0].to_string()), "{place} has no tag that is described");
        assert!(operation["security"].is_array(), "{place} has no security");
        let responses = operation["responses"].as_object().unwrap();
        let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        let parameters: Vec<_> = parameters.iter().map(|parameter| follow(&document, parameter)).collect();
        let takes = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
        let has_body = operation["requestBody"].is_object();
        for status in ["400", "401", "500", "503"] {
            assert!(responses.contains_key(status), "{place} doesn't tell of {status}");
        }
        let tells = |status: &str, expected: bool| {
            assert_eq!(responses.contains_key(status), expected, "{place} {status}");
        };
        tells("403", !matches!(path, "/permissions") && (method, path) != ("get", "/accounts"));
        tells("404", path.contains('{'));
        tells("412", takes("If-Match"));
        tells("415", has_body);
        tells("422", takes("Idempotency-Key"));
        if method == "get" {
            tells("409", false);
        }
        for (status, response) in responses {
            let response = follow(&document, response);
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{place} {status}");
            assert!(response["headers"]["x-request-id"].is_object(), "{place} {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = follow(&document, parameter);
            assert!(parameter["description"].is_string(), "{place}: {parameter}");
        }
    }
}

#[tokio::test]
async fn no_reference_leads_nowhere_and_no_component_is_idle() {
    let document = document().await;
    let mut used = BTreeSet::new();
    each_ref(&document, &mut |pointer| {
        assert!(document.pointer(&pointer[1..]).is_some(), "{pointer} leads nowhere");
        used.insert(pointer.to_owned());
    });
    for kind in ["parameters", "schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "{kind}/{name} is idle");
        }
    }
}

#[tokio::test]
async fn yaml_and_json_say_the_same() {
    let test = TestApp::empty();
    let yaml = test.get("/openapi.yaml").send().await;
    assert_eq!(yaml.header("content-type"), "application/yaml");
    assert!(yaml.text.starts_with("openapi: 3.0"));
    let json = test.get("/openapi.json").send().await;
    assert_eq!(json.header("content-type"), "application/json");
    assert_eq!(serde_yaml::from_str::<Value>(&yaml.text).unwrap(), json.json());
    assert_eq!(rollcall::docs::json_text(), json.text);
    assert_eq!(rollcall::docs::yaml_text(), yaml.text);
}

#[tokio::test]
async fn the_part_about_users_stands_alone() {
    let whole = document().await;
    let answer = TestApp::empty().get("/users/swagger.yaml").send().await;
    let part: Value = serde_yaml::from_str(&answer.text).unwrap();
    assert!(part["paths"].as_object().unwrap().keys().eq(["/users"]));
    assert_eq!(part["paths"]["/users"], whole["paths"]["/users"]);
    each_ref(&part, &mut |pointer| assert!(part.pointer(&pointer[1..]).is_some(), "{pointer} leads nowhere"));
    assert!(part["components"]["responses"].get("NotFound").is_none());
    assert_eq!(part["components"]["securitySchemes"], whole["components"]["securitySchemes"]);
}

#[tokio::test]
async fn the_source_of_the_route_is_served() {
    let answer = TestApp::empty().get("/users/route.rs").send().await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(answer.text.contains("operation_id = \"createUser\""));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let test = TestApp::empty();
    for path in ["/openapi.json", "/openapi.yaml", "/users/swagger.yaml", "/users/route.rs", "/docs"] {
        let first = test.get(path).send().await;
        assert_eq!(first.status, 200, "{path}");
        assert_eq!(first.header("cache-control"), "no-cache");
        let again = |tag: &str| test.get(path).header("if-none-match", tag.to_owned()).send();
        for tag in [first.header("etag"), &format!("\"other\", W/{}", first.header("etag")), "*"] {
            let second = again(tag).await;
            assert_eq!((second.status.as_u16(), second.text.as_str()), (304, ""), "{path} {tag}");
            assert_eq!(second.header("etag"), first.header("etag"));
        }
        assert_eq!(again("\"other\"").await.status, 200);
        let zipped = test.get(path).header("accept-encoding", "gzip").header("if-none-match", "*").send().await;
        assert_ne!(zipped.header("etag"), first.header("etag"), "two forms, two tags");
        assert_eq!(zipped.header("vary"), "accept-encoding");
        let plain = test.get(path).header("accept-encoding", "br, gzip;q=0").send().await;
        assert_eq!(plain.header("content-encoding"), "");
    }
}

/// What the document says may be null is cleared by it.
/// Codes that only pages and the command line tell.
const NOT_OF_THE_API: [&str; 8] = [
    "account_missing",
    "invalid_reason",
    "invalid_time",
    "no_file",
    "password_too_long",
    "password_too_short",
    "password_too_weak",
    "unreadable_body",
];

/// The second argument of a call, if it is a text that is written out.
fn second_argument(arguments: &str) -> Option<&str> {
    let (mut depth, mut quoted) = (0, false);
    let comma = arguments.find(|c| {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0 && !quoted
    })?;
    arguments[comma + 1..].trim_start().strip_prefix('"')?.split('"').next()
}

#[tokio::test]
async fn every_code_of_a_value_is_in_the_document() {
    let document = document().await.to_string();
    let mut seen = 0;
    for (path, text) in sources("src/domain").into_iter().chain(sources("src/api")) {
        let calls = ["Error::invalid(", "Problem::new("].into_iter().flat_map(|call| text.split(call).skip(1));
        for code in calls.filter_map(second_argument) {
            let known = document.contains(&format!("`{code}`")) || document.contains(&format!("\"{code}\""));
            assert!(known || NOT_OF_THE_API.contains(&code), "{}: {code}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[tokio::test]
async fn null_clears_what_the_document_says() {
    let test = TestApp::new();
    let ada = test.client(ADA, "2311");
    ada.post("/teams", json!({ "name": "Support" })).await.done();
    let full = json!({ "email": "grace@example.com", "name": "G", "phone": "030 901820", "imgSrc": "https://example.com/g", "teamId": 1 });
    ada.post("/users", full).await.done();
    let document = document().await;
    let mut cleared = BTreeSet::new();
    for (schema, path) in [("ProfilePatch", "/users/2"), ("MembershipPatch", "/users/2/membership")] {
        for (name, property) in document["components"]["schemas"][schema]["properties"].as_object().unwrap() {
            if property["nullable"] == true {
                let user = ada.patch(path, json!({ name.as_str(): null })).await.done();
                assert_eq!(user.get(name), None, "{name}");
                cleared.insert(name.clone());
            }
        }
    }
    assert!(cleared.iter().eq(["imgSrc", "name", "phone", "teamId"]));
}

/// Fails when another version of poem-openapi makes a page in which our places aren't found any more.
#[tokio::test]
async fn swagger_ui_shows_the_document_and_runs_nothing_else() {
    use base64::Engine;
    use sha2::Digest;
    let test = TestApp::empty();
    let page = test.get("/docs").send().await;
    assert!(page.text.starts_with("<!doctype html>\n<html lang=\"en\">\n"));
    assert!(page.text.contains("<title>Rollcall API</title>"));
    let (_, spec) = page.text.split_once("let spec = ").unwrap();
    let (spec, _) = spec.split_once(";\n").unwrap();
    assert_eq!(serde_json::from_str::<Value>(spec).unwrap(), document().await);
    let policy = page.header("content-security-policy");
    let ended = page.text.split("</script>");
    let scripts: Vec<_> = ended.filter_map(|text| Some(text.split_once("<script")?.1.split_once('>')?.1)).collect();
    assert_eq!(scripts.len(), 2);
    for script in scripts {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none'"));
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
    for loaded in ["src=\"http", "href=\"http", "src=\"//"] {
        let shell = page.text.rsplit_once("</head>").unwrap().1;
        assert!(!shell.contains(loaded));
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let test = TestApp::new();
    let document = document().await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
        let address = path.split('/').map(filled).collect::<Vec<_>>().join("/");
        let answer = test.call(Method::TRACE, &address).send().await;
        assert!(answer.error().starts_with("405 method_not_allowed"), "{path}");
        for method in methods.as_object().unwrap().keys() {
            let allowed = answer.header("allow").split(", ");
            assert!(allowed.clone().any(|name| name == method.to_uppercase()), "{address}: {}", answer.header("allow"));
        }
    }
    assert_eq!(test.call(Method::DELETE, "/users").send().await.header("allow"), "POST, GET, HEAD");
    let head = test.call(Method::HEAD, "/me").token(&test.token(ADA)).send().await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn every_operation_has_a_page_that_shows_all_of_it() {
    let test = TestApp::empty();
    let document = document().await;
    let index = test.get("/reference").send().await;
    assert_eq!(index.status, 200);
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(index.text.contains(&format!("href=\"/reference/{id}\"")), "the index lacks {id}");
        let page = test.get(&format!("/reference/{id}")).send().await;
        assert_eq!(page.status, 200, "{id}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let has = |text: &str| assert!(page.text.contains(text), "the page of {id} lacks {text}");
        has(&operation["summary"].as_str().unwrap().replace('\'', "&#39;"));
        has(&method.to_uppercase());
        has(path);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            has(&format!("<code>{}</code>", follow(&document, parameter)["name"].as_str().unwrap()));
        }
        for status in operation["responses"].as_object().unwrap().keys() {
            has(&format!("\">{status}</span>"));
        }
        if path == "/users" {
            for (name, _) in CONTRACT.iter().flat_map(|(_, properties)| *properties) {
                has(&format!("<b>{name}:</b>"));
            }
            for event in PulseEvent::ALL {
                has(&format!("- {event}\n"));
            }
        }
        let ids: BTreeSet<_> = page.text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for link in page.text.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.contains(link), "the page of {id} links to #{link}, which isn't there");
        }
    }
}

#[tokio::test]
async fn the_curl_line_names_the_address_people_use() {
    let line = async |test: TestApp, host: &str| {
        let page = test.get("/reference/createUser").header("host", host).send().await.text;
        let (_, line) = page.split_once("curl-line\">curl ").unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(line(TestApp::empty(), "people.example:8080").await, "http://people.example:8080/users");
    assert_eq!(line(TestApp::empty(), "x';rm -rf ~;'").await, "http://127.0.0.1:8080/users");
    let public = TestApp::with(|config| config.public_url = Some("https://people.example/".parse().unwrap()));
    assert_eq!(line(public, "127.0.0.1:8080").await, "https://people.example/users");
}

#[tokio::test]
async fn an_operation_that_does_not_exist_has_no_page() {
    let test = TestApp::empty();
    let answer = test.get("/reference/deleteEverything").send().await;
    assert_eq!(answer.status, 404);
    assert!(answer.text.contains("<p>There is no such operation; it may have been renamed.</p>"));
    assert_eq!(test.get("/reference/users/create").send().await.status, 404);
}
