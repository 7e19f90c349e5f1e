//! Terms: what stands in a message.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::actor::rusm::actor::types::{Encoding, Term};

/// A term that does not hold what its reader expected.
#[derive(Debug)]
#[non_exhaustive]
pub enum TermError {
    /// Its tag says another encoding.
    Encoding {
        /// What the reader wanted.
        expected: Encoding,
        /// What the tag says.
        found: Encoding,
    },
    /// A text that is not UTF-8.
    Utf8(std::str::Utf8Error),
    /// Bytes that are no JSON, or JSON of another shape.
    Json(serde_json::Error),
}

impl fmt::Display for TermError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { expected, found } => write!(f, "expected a {expected:?} term, found a {found:?} one"),
            Self::Utf8(error) => write!(f, "the text is not UTF-8: {error}"),
            Self::Json(error) => write!(f, "the JSON does not fit: {error}"),
        }
    }
}

impl std::error::Error for TermError {}

impl Term {
    /// Nothing: the empty text.
    pub fn empty() -> Self {
        Self::text("")
    }

    /// UTF-8 text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { encoding: Encoding::Text, bytes: text.into().into_bytes() }
    }

    /// Bytes that only the two parties can read.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { encoding: Encoding::Raw, bytes: bytes.into() }
    }

    /// A value as JSON.
    ///
    /// # Panics
    /// When the value has no JSON form: a map whose keys are no strings, or a `Serialize` that fails.
    pub fn json(value: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(value).expect("a value that has a JSON form");
        Self { encoding: Encoding::Json, bytes }
    }

    /// The text that this term holds.
    ///
    /// # Errors
    /// It is no text term, or not UTF-8.
    pub fn as_text(&self) -> Result<&str, TermError> {
        self.expect(Encoding::Text)?;
        std::str::from_utf8(&self.bytes).map_err(TermError::Utf8)
    }

    /// The value that this term holds as JSON.
    ///
    /// # Errors
    /// It is no JSON term, or the JSON is broken or of another shape.
    pub fn to_json<T: DeserializeOwned>(&self) -> Result<T, TermError> {
        self.expect(Encoding::Json)?;
        serde_json::from_slice(&self.bytes).map_err(TermError::Json)
    }

    fn expect(&self, expected: Encoding) -> Result<(), TermError> {
        if self.encoding == expected { Ok(()) } else { Err(TermError::Encoding { expected, found: self.encoding }) }
    }
}

impl From<&str> for Term {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Term {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<Vec<u8>> for Term {
    fn from(bytes: Vec<u8>) -> Self {
        Self::raw(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_reads_back_as_what_it_was_made_of() {
        assert_eq!(Term::text("hé").as_text().unwrap(), "hé");
        assert_eq!(Term::json(&vec![1, 2]).to_json::<Vec<u32>>().unwrap(), [1, 2]);
    }

    #[test]
    fn a_term_of_another_encoding_is_an_error_that_names_both() {
        let error = Term::text("1").to_json::<u32>().unwrap_err().to_string();
        assert!(error.contains("Json") && error.contains("Text"), "{error}");
        assert!(Term::raw(vec![0xff]).as_text().is_err());
        let broken = Term { encoding: Encoding::Text, bytes: vec![0xff] };
        assert!(broken.as_text().unwrap_err().to_string().contains("UTF-8"));
    }
}
