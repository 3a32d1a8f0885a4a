//! Follows `$ref`s: what a part of the document needs to stand on its own.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Every pointer (`#/components/…`) that `part` needs, directly or through what it refers to.
pub fn reached_from(part: &Value, document: &Value) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = pointers(part);
    while let Some(pointer) = waiting.pop() {
        if let Some(target) = resolve(document, &pointer) {
            waiting.extend(pointers(target).into_iter().filter(|next| !reached.contains(next)));
        }
        reached.insert(pointer);
    }
    reached
}

/// What a pointer points at.
pub fn resolve<'a>(document: &'a Value, pointer: &str) -> Option<&'a Value> {
    document.pointer(pointer.strip_prefix('#')?)
}

/// The value itself, or what it refers to.
pub fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|pointer| resolve(document, pointer));
    target.unwrap_or(value)
}

/// The document with only one of its paths, and only what that one needs.
pub fn only_path(document: &Value, path: &str) -> Value {
    let mut part = document.clone();
    keep(&mut part["paths"], |name| name == path);
    let tags: BTreeSet<String> = strings(&part["paths"], "tags").into_iter().collect();
    if let Some(all) = part["tags"].as_array_mut() {
        all.retain(|tag| tag["name"].as_str().is_some_and(|name| tags.contains(name)));
    }
    drop_unused(&mut part);
    part
}

/// Drops the components that no operation leads to. Security schemes are referred to by name, not by pointer: they stay.
pub fn drop_unused(document: &mut Value) {
    let used = reached_from(&document["paths"], document);
    for (kind, components) in document["components"].as_object_mut().into_iter().flatten() {
        if kind != "securitySchemes" {
            keep(components, |name| used.contains(&format!("#/components/{kind}/{name}")));
        }
    }
}

fn keep(value: &mut Value, wanted: impl Fn(&str) -> bool) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|name, _| wanted(name));
    }
}

fn pointers(value: &Value) -> Vec<String> {
    strings(value, "$ref")
}

/// Every string under `key`, alone or in a list, at any depth.
fn strings(value: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_object(value, &mut |map| match map.get(key) {
        Some(Value::String(text)) => found.push(text.clone()),
        Some(Value::Array(texts)) => found.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned)),
        _ => {}
    });
    found
}

fn each_object(value: &Value, f: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            f(map);
            map.values().for_each(|value| each_object(value, f));
        }
        Value::Array(values) => values.iter().for_each(|value| each_object(value, f)),
        _ => {}
    }
}
