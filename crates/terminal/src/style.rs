//! Colours, on a terminal only.

use std::io::{self, IsTerminal};

/// How text is emphasised.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// For stdout: colours where it is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn of_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colours: wanted && io::stdout().is_terminal() }
    }

    /// For a heading.
    #[must_use]
    pub fn bold(self, text: impl AsRef<str>) -> String {
        self.wrap("1", text.as_ref())
    }

    /// For what went well: green.
    #[must_use]
    pub fn good(self, text: impl AsRef<str>) -> String {
        self.wrap("32", text.as_ref())
    }

    /// For what did not: red.
    #[must_use]
    pub fn bad(self, text: impl AsRef<str>) -> String {
        self.wrap("31", text.as_ref())
    }

    /// For what the eye shall find: cyan.
    #[must_use]
    pub fn accent(self, text: impl AsRef<str>) -> String {
        self.wrap("36", text.as_ref())
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
