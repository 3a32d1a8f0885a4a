//! Asking once, before something is done that takes something away.

use askama::Template;

use super::form::Faults;
use super::frame::Frame;

#[derive(Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    pub frame: Frame,
    /// The question.
    pub title: String,
    /// Whom or what it touches, and what can't be undone.
    pub sentences: Vec<String>,
    /// What the button says.
    pub button: &'static str,
    /// Whether it takes something away.
    pub grave: bool,
    /// A word that must be typed, if there is one, what was typed last, and what was wrong with that.
    pub typed: Option<(String, String, Faults)>,
    /// Where "cancel" leads.
    pub back: String,
}
