//! Why a codec refused something.

use std::fmt;

use crate::causality::ClockError;
use crate::store::StoreError;

/// Why a codec refused a value or bytes. Each names the codec.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// More bytes than the codec makes or takes.
    TooLong {
        /// Which codec.
        codec: &'static str,
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        bytes_max: usize,
    },
    /// Bytes that are no value of the type, or nested too deep.
    Malformed {
        /// Which codec.
        codec: &'static str,
        /// What was expected, or found.
        why: String,
    },
    /// Bytes beside the value.
    Leftover {
        /// Which codec.
        codec: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A value that has no such bytes.
    Unencodable {
        /// Which codec.
        codec: &'static str,
        /// What is in the way.
        why: String,
    },
}

impl CodecError {
    /// Bytes that are no value of the type.
    #[must_use]
    pub fn malformed(codec: &'static str, why: impl fmt::Display) -> Self {
        Self::Malformed { codec, why: why.to_string() }
    }

    /// A value that has no such bytes.
    #[must_use]
    pub fn unencodable(codec: &'static str, why: impl fmt::Display) -> Self {
        Self::Unencodable { codec, why: why.to_string() }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { codec, bytes, bytes_max } => {
                write!(f, "{codec}: {bytes} bytes: expected at most {bytes_max}")
            }
            Self::Malformed { codec, why } => write!(f, "{codec}: {why}"),
            Self::Leftover { codec, bytes } => write!(f, "{codec}: {bytes} bytes left over"),
            Self::Unencodable { codec, why } => write!(f, "{codec}: cannot be encoded: {why}"),
        }
    }
}

impl std::error::Error for CodecError {}

/// Of clocks that come in through the plain interface.
impl From<ClockError> for StoreError {
    fn from(error: ClockError) -> Self {
        match error {
            ClockError::CounterTooLarge { slot, counter } => Self::CounterTooLarge { slot, counter },
            error => Self::Undecodable { why: error.to_string() },
        }
    }
}

/// Of messages and contexts.
impl From<CodecError> for StoreError {
    fn from(error: CodecError) -> Self {
        Self::Undecodable { why: error.to_string() }
    }
}
