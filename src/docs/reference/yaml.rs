//! A component printed like YAML: its references are links, and a long list of names is set in columns.

use serde_json::Value;

/// One thing that an operation refers to.
pub struct Component {
    pub pointer: String,
    pub blocks: Vec<Block>,
}

impl Component {
    pub fn new(pointer: String, value: &Value) -> Self {
        let text = super::super::to_yaml(value);
        let lines: Vec<&str> = text.lines().collect();
        let blocks = lines.chunk_by(|a, b| is_name(a) == is_name(b)).flat_map(Block::of).collect();
        Self { pointer, blocks }
    }

    pub fn anchor(&self) -> String {
        anchor(&self.pointer)
    }
}

/// `#/components/schemas/User` → `schemas-User`.
pub fn anchor(pointer: &str) -> String {
    pointer.trim_start_matches("#/components/").replace('/', "-")
}

pub enum Block {
    Line(Line),
    /// Many short names in a row.
    Names(Vec<String>),
}

impl Block {
    /// More names than this in a row go into columns.
    const MANY: usize = 20;

    fn of(lines: &[&str]) -> Vec<Self> {
        if lines.len() > Self::MANY && lines.iter().all(|line| is_name(line)) {
            let name = |line: &&str| line.trim_start().trim_start_matches("- ").to_owned();
            return vec![Self::Names(lines.iter().map(name).collect())];
        }
        lines.iter().map(|line| Self::Line(Line::parse(line))).collect()
    }
}

fn is_name(line: &str) -> bool {
    line.trim_start().strip_prefix("- ").is_some_and(|name| !name.contains([' ', ':']))
}

/// `    $ref: '#/components/…'` in its parts.
pub struct Line {
    pub indent: String,
    pub key: String,
    pub value: String,
    /// Where the value leads, if it is a reference.
    pub target: Option<String>,
}

impl Line {
    fn parse(line: &str) -> Self {
        let content = line.trim_start_matches([' ', '-']);
        let (indent, content) = line.split_at(line.len() - content.len());
        let is_key = |key: &str| !key.is_empty() && !key.contains(' ');
        let split = content.find(": ").or_else(|| content.ends_with(':').then(|| content.len() - 1));
        let (key, value) = match split {
            Some(colon) if is_key(&content[..colon]) => content.split_at(colon + 1),
            _ => ("", content),
        };
        let pointer = value.trim().trim_matches('\'');
        let target = (key == "$ref:").then(|| anchor(pointer));
        Self { indent: indent.into(), key: key.into(), value: value.into(), target }
    }
}
