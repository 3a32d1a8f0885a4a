//! An operation as its page shows it, read from the document and nowhere else.

use poem::http::StatusCode;
use serde_json::{Map, Value};

use super::prose::{self, Paragraph};
use super::yaml::{self, Component};
use crate::docs::links;

pub struct Operation {
    pub id: String,
    pub tag: String,
    /// In capitals.
    pub method: String,
    pub path: String,
    pub summary: String,
    pub description: Vec<Paragraph>,
    pub is_secured: bool,
    /// How to get a token.
    pub security: Vec<Paragraph>,
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    pub answers: Vec<Answer>,
    pub references: Vec<Component>,
}

pub struct Parameter {
    pub name: String,
    /// `header`, `path` or `query`.
    pub place: String,
    pub is_required: bool,
    pub kind: String,
    pub description: Vec<Paragraph>,
    /// "1 to 200", "25 if left out".
    pub limits: Vec<String>,
    pub choices: Vec<String>,
    pub example: String,
}

pub struct Body {
    pub is_required: bool,
    pub schema: Option<Link>,
    pub examples: Vec<Example>,
}

pub struct Answer {
    pub status: String,
    pub reason: &'static str,
    pub is_error: bool,
    pub description: Vec<Paragraph>,
    pub headers: Vec<Header>,
    pub schema: Option<Link>,
    pub examples: Vec<Example>,
}

pub struct Header {
    pub name: String,
    pub description: Vec<Paragraph>,
    pub example: String,
}

pub struct Example {
    pub name: String,
    pub text: String,
    /// The sentence of an error, which says what to do.
    pub message: Vec<Paragraph>,
}

/// To a component on the same page.
pub struct Link {
    pub name: String,
    pub anchor: String,
}

impl Operation {
    pub fn required(&self) -> Vec<&Parameter> {
        self.parameters.iter().filter(|parameter| parameter.is_required).collect()
    }

    pub fn optional(&self) -> Vec<&Parameter> {
        self.parameters.iter().filter(|parameter| !parameter.is_required).collect()
    }

    pub fn successes(&self) -> Vec<&Answer> {
        self.answers.iter().filter(|answer| !answer.is_error).collect()
    }

    pub fn failures(&self) -> Vec<&Answer> {
        self.answers.iter().filter(|answer| answer.is_error).collect()
    }

    /// Whether calling it changes something.
    pub fn changes(&self) -> bool {
        self.method != "GET"
    }
}

/// Every operation, in the order of the document.
pub fn all(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            all.push(read(path, method, operation, document));
        }
    }
    all
}

fn read(path: &str, method: &str, operation: &Value, document: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    Operation {
        id: text(&operation["operationId"]),
        tag: text(&operation["tags"][0]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: prose::parse(&text(&operation["description"])),
        is_secured: operation.get("security").is_some(),
        security: security(operation, document),
        parameters: parameters.map(|parameter| read_parameter(links::follow(document, parameter))).collect(),
        body: operation.get("requestBody").map(read_body),
        answers: entries(&operation["responses"])
            .map(|(status, answer)| read_answer(status, answer, document))
            .collect(),
        references: references(operation, document),
    }
}

fn security(operation: &Value, document: &Value) -> Vec<Paragraph> {
    let scheme = operation["security"][0].as_object().and_then(|names| names.keys().next());
    let scheme = scheme.map(|name| &document["components"]["securitySchemes"][name]);
    prose::parse(&scheme.map(|scheme| text(&scheme["description"])).unwrap_or_default())
}

fn read_parameter(parameter: &Value) -> Parameter {
    let schema = &parameter["schema"];
    let mut limits = Vec::new();
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => {}
        (least, Value::Null) => limits.push(format!("at least {least}")),
        (Value::Null, most) => limits.push(format!("at most {most}")),
        (least, most) => limits.push(format!("{least} to {most}")),
    }
    if let Some(default) = schema.get("default") {
        limits.push(format!("{} if left out", plain(default)));
    }
    let choices = match schema["type"].as_str() {
        Some("boolean") => vec!["true".into(), "false".into()],
        _ => schema["enum"].as_array().into_iter().flatten().map(plain).collect(),
    };
    Parameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        is_required: parameter["required"] == true,
        kind: text(&schema["type"]),
        description: prose::parse(&text(&parameter["description"])),
        limits,
        choices,
        example: parameter.get("example").map(plain).unwrap_or_default(),
    }
}

fn read_body(body: &Value) -> Body {
    let content = &body["content"]["application/json"];
    Body { is_required: body["required"] == true, schema: link(&content["schema"]), examples: examples(content) }
}

fn read_answer(status: &str, answer: &Value, document: &Value) -> Answer {
    let resolved = links::follow(document, answer);
    let content = entries(&resolved["content"]).next().map_or(&Value::Null, |(_, content)| content);
    let headers = entries(&resolved["headers"]).map(|(name, header)| {
        let header = links::follow(document, header);
        Header {
            name: name.to_owned(),
            description: prose::parse(&text(&header["description"])),
            example: header.get("example").map(plain).unwrap_or_default(),
        }
    });
    let code = status.parse().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer {
        status: status.to_owned(),
        reason: code.canonical_reason().unwrap_or_default(),
        is_error: code.is_client_error() || code.is_server_error(),
        description: prose::parse(&text(&resolved["description"])),
        headers: headers.collect(),
        schema: link(answer).or_else(|| link(&content["schema"])),
        examples: examples(content),
    }
}

/// `example`, or `examples` with their names.
fn examples(content: &Value) -> Vec<Example> {
    let read = |name: String, value: &Value| Example {
        name,
        text: format!("{value:#}"),
        message: prose::parse(&text(&value["message"])),
    };
    if let Some(value) = content.get("example") {
        return vec![read(String::new(), value)];
    }
    let named = entries(&content["examples"]);
    named
        .map(|(name, example)| read(example["summary"].as_str().unwrap_or(name).to_owned(), &example["value"]))
        .collect()
}

fn link(value: &Value) -> Option<Link> {
    let pointer = value["$ref"].as_str()?;
    let name = pointer.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Link { name, anchor: yaml::anchor(pointer) })
}

/// Everything the operation refers to, in the order of the document.
fn references(operation: &Value, document: &Value) -> Vec<Component> {
    let reached = links::reached_from(operation, document);
    let kinds = entries(&document["components"]);
    let all = kinds.flat_map(|(kind, components)| {
        entries(components).map(move |(name, value)| (format!("#/components/{kind}/{name}"), value))
    });
    all.filter(|(pointer, _)| reached.contains(pointer))
        .map(|(pointer, value)| Component::new(pointer, value))
        .collect()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
