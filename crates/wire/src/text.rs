//! Bytes as a text that people copy: a word that says what it is, a dot, and base64url of the
//! bytes and their check bytes (docs/protocol.md §2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ripieno_study::{Hasher, Tag};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::error::WireError;
use crate::field::put_secret;

/// Bytes by which a typing error is told.
const CHECK_BYTES: usize = 4;
/// The longest text that is looked at, in bytes: more is no such text.
const MAX_TEXT: usize = 16 << 10;

/// Why a text is not an invitation or a credential. It never quotes the text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadText {
    /// It begins otherwise, or is far too long.
    #[error("this is no {what}: one begins with {word:?}; copy all of it, from there to its end")]
    Beginning {
        /// What was expected.
        what: &'static str,
        /// How such a text begins.
        word: &'static str,
    },
    /// It is such a text of another version.
    #[error(
        "this {what} is of another version than {word:?}: update this program, or ask for one \
         made with the same version"
    )]
    Version {
        /// What was expected.
        what: &'static str,
        /// How one of this version begins.
        word: &'static str,
    },
    /// A character, or their number, is not of base64url; or the check bytes do not fit.
    #[error("there is a typing error in this {what}, or an end is missing: copy all of it again")]
    Typing {
        /// What was expected.
        what: &'static str,
    },
    /// It was copied well and does not hold what it must.
    #[error("this {what} cannot be used: {error}")]
    Content {
        /// What was expected.
        what: &'static str,
        /// In what it fails.
        error: WireError,
    },
}

/// A kind of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// What it is, in a word.
    pub(crate) what: &'static str,
    /// How it begins, with the version and the dot.
    pub(crate) word: &'static str,
}

impl Form {
    /// The text of these bytes.
    pub(crate) fn write(self, bytes: &[u8]) -> Zeroizing<String> {
        let length = bytes.len().saturating_add(CHECK_BYTES);
        let mut checked = Zeroizing::new(Vec::with_capacity(length));
        checked.extend_from_slice(bytes);
        checked.extend_from_slice(&self.check(bytes));
        // Reserved in advance: what a text leaves behind when it grows is not erased.
        let room = self.word.len().saturating_add(length.saturating_mul(2));
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(self.word);
        URL_SAFE_NO_PAD.encode_string(checked.as_slice(), &mut text);
        text
    }

    /// The bytes of a text, as mail or a terminal wrapped it: white space counts nowhere.
    pub(crate) fn read(self, text: &str) -> Result<Bytes, BadText> {
        let Form { what, word } = self;
        if text.len() > MAX_TEXT {
            return Err(BadText::Beginning { what, word });
        }
        let mut dense = Zeroizing::new(String::with_capacity(text.len()));
        dense.extend(text.chars().filter(|c| !c.is_whitespace()));
        let body = dense.strip_prefix(word).ok_or_else(|| self.misses(&dense))?;
        // A decoder that fails may leave bytes behind in what it was given, so they are erased.
        let mut bytes = Zeroizing::new(Vec::with_capacity(body.len()));
        URL_SAFE_NO_PAD.decode_vec(body, &mut bytes).map_err(|_| BadText::Typing { what })?;
        match bytes.split_last_chunk::<CHECK_BYTES>() {
            Some((content, check)) if *check == self.check(content) => {
                Ok(put_secret(content.to_vec()))
            }
            _ => Err(BadText::Typing { what }),
        }
    }

    /// The error for content that cannot be used.
    pub(crate) fn content(self) -> impl FnOnce(WireError) -> BadText {
        move |error| BadText::Content { what: self.what, error }
    }

    /// Why a text does not begin with the word.
    fn misses(self, text: &str) -> BadText {
        let Form { what, word } = self;
        // "ripieno-invitation-1." without the version.
        let name = word.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
        match text.strip_prefix(name) {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
                BadText::Version { what, word }
            }
            _ => BadText::Beginning { what, word },
        }
    }

    /// Bound to the kind of text: the bytes of one never pass for another.
    fn check(self, bytes: &[u8]) -> [u8; CHECK_BYTES] {
        let digest = Hasher::new(Tag::Text).part(self.word).part(bytes).finish();
        let [a, b, c, d, ..] = *digest.as_bytes();
        [a, b, c, d]
    }
}
