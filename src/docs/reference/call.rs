//! An operation as a line for the terminal.

use url::form_urlencoded;

use super::operation::Operation;

/// A `curl` line with what is required and the smallest example body.
pub fn curl(operation: &Operation, address: &str) -> String {
    let mut path = operation.path.clone();
    let mut lines = Vec::new();
    if operation.is_secured {
        lines.push("-H \"authorization: Bearer $TOKEN\"".to_owned());
    }
    for parameter in operation.required() {
        match parameter.place.as_str() {
            "path" => path = path.replace(&format!("{{{}}}", parameter.name), &parameter.example),
            "query" => {
                let joint = if path.contains('?') { '&' } else { '?' };
                let values = [(&parameter.name, &parameter.example)];
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish();
                path = format!("{path}{joint}{query}");
            }
            "header" => lines.push(format!("-H {}", quoted(&format!("{}: {}", parameter.name, parameter.example)))),
            _ => {}
        }
    }
    let body = operation.body.as_ref().and_then(|body| body.examples.first());
    if let Some(example) = body {
        lines.push("-H 'content-type: application/json'".to_owned());
        lines.push(format!("-d {}", quoted(&on_one_line(&example.text))));
    }
    // curl takes GET without a body, and POST with one, for granted.
    let method = match (operation.method.as_str(), body) {
        ("GET", None) | ("POST", Some(_)) => String::new(),
        (method, _) => format!("-X {method} "),
    };
    let address = format!("{address}{path}");
    let address = if path.contains('?') { quoted(&address) } else { address };
    lines.insert(0, format!("curl {method}{address}"));
    lines.join(" \\\n  ")
}

fn on_one_line(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
