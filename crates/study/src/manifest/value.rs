//! One value of a manifest, converted or refused with its position.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::error::{ManifestError, list, quoted};

/// The longest name, title or purpose, in bytes.
pub const MAX_LABEL: usize = 256;

/// A value with its dotted key.
pub(super) struct Value<'a> {
    text: &'a str,
    path: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    pub(super) fn new(text: &'a str, path: String, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { text, path, value }
    }

    /// An error at this value; `reason` follows the key.
    pub(super) fn error(&self, reason: impl AsRef<str>) -> ManifestError {
        let reason = format!("{} {}", self.path, reason.as_ref());
        ManifestError::at(self.text, self.value.span().start, reason)
    }

    /// A name for people or of a column: not empty, no longer than [`MAX_LABEL`] bytes, without
    /// control characters and without blanks at its ends.
    pub(super) fn label(&self) -> Result<String, ManifestError> {
        let text = self.string()?;
        let reason = if text.trim().is_empty() {
            "is empty".into()
        } else if text.len() > MAX_LABEL {
            format!("has {} bytes; allowed: up to {MAX_LABEL}", text.len())
        } else if text.chars().any(char::is_control) {
            "contains a control character, such as a tab or a line break".into()
        } else if text.trim() != text {
            format!("is {}: remove the blanks at its ends", quoted(text))
        } else {
            return Ok(text.into());
        };
        Err(self.error(reason))
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ManifestError> {
        let text = self.string()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let allowed = list(words.iter().map(|(word, _)| *word));
            self.error(format!("is {}; allowed: {allowed}", quoted(text)))
        })
    }

    /// An integer within a range.
    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, ManifestError> {
        let allowed = || format!("allowed: integers from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = self.value.get_ref() else {
            return Err(self.wrong_type("integer", &allowed()));
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let shown: String = integer.to_string().chars().take(40).collect();
            self.error(format!("is {shown}; {}", allowed()))
        })
    }

    /// A finite number that `fits`; `allowed` says which do.
    pub(super) fn number(
        &self,
        fits: impl Fn(f64) -> bool,
        allowed: &str,
    ) -> Result<f64, ManifestError> {
        let shown = match self.value.get_ref() {
            DeValue::Float(float) => float.to_string(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.to_string(),
            _ => return Err(self.wrong_type("number", &format!("allowed: {allowed}"))),
        };
        let number = shown.parse().ok();
        number.filter(|number: &f64| number.is_finite() && fits(*number)).ok_or_else(|| {
            let shown: String = shown.chars().take(40).collect();
            self.error(format!("is {shown}; allowed: {allowed}"))
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, ManifestError> {
        let wrong = || self.wrong_type("boolean", "allowed: true, false");
        self.value.get_ref().as_bool().ok_or_else(wrong)
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<Vec<Value<'a>>, ManifestError> {
        let wrong = || self.wrong_type("list", "allowed: a list of names in [ ]");
        let array = self.value.get_ref().as_array().ok_or_else(wrong)?;
        Ok(array.iter().map(|item| Value::new(self.text, self.path.clone(), item)).collect())
    }

    /// Whether the value is a string.
    pub(super) fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }

    fn string(&self) -> Result<&'a str, ManifestError> {
        let wrong = || self.wrong_type("string", "allowed: text in quotation marks");
        self.value.get_ref().as_str().ok_or_else(wrong)
    }

    fn wrong_type(&self, wanted: &str, allowed: &str) -> ManifestError {
        let (wanted, found) = (with_article(wanted), type_of(self.value.get_ref()));
        self.error(format!("wants {wanted}, found {found}; {allowed}"))
    }
}

/// The type of a value with its article: `an integer`.
pub(super) fn type_of(value: &DeValue<'_>) -> String {
    with_article(value.type_str())
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {noun}")
}
