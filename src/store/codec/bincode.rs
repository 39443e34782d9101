//! The codec that is the default: a version byte, then bincode.
//!
//! bincode is unmaintained (RUSTSEC-2025-0141), so it is pinned and nothing outside this file knows it.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use ::bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use ::bincode::serde::{encode_into_slice, encode_into_std_write, seed_decode_from_slice};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limited::{DEPTH_MAX, Limited};
use super::{BYTES_MAX, Codec, CodecError, MEMORY_MAX, check_length};

const NAME: &str = "bincode";

/// The first byte of messages and values; another form of them will have another one.
pub(in crate::store) const FORMAT: u8 = 1;

/// Bincode counts what it reads by its size in memory, and a number of one byte may be one of sixteen.
const GROWTH_MAX: usize = 16;
/// Most of what is encoded has no more bytes.
const SHORT: usize = 128;
const SMALL: usize = 64 << 10;
const MEDIUM: usize = 1 << 20;

type Form<const N: usize> = Configuration<LittleEndian, Varint, Limit<N>>;

/// Compact bytes for any serde type: a version byte, then bincode 2 with numbers of variable length. The wire form unless
/// another is asked for.
///
/// ```
/// use distributed_data_consistency::store::{Bincode, Codec};
///
/// let bytes = Bincode::default().encode(&("bread".to_owned(), 2_u32))?;
/// assert_eq!(bytes, b"\x01\x05bread\x02");
/// let (what, how_many): (String, u32) = Bincode::default().decode(&bytes)?;
/// assert_eq!((what.as_str(), how_many), ("bread", 2));
/// # Ok::<(), distributed_data_consistency::store::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bincode {
    /// The longest bytes that it makes or takes.
    pub bytes_max: usize,
    /// How deep what it decodes may be nested.
    pub depth_max: usize,
    /// How much memory what it decodes may take, in bytes.
    pub memory_max: usize,
}

impl Default for Bincode {
    fn default() -> Self {
        Self { bytes_max: BYTES_MAX, depth_max: DEPTH_MAX, memory_max: MEMORY_MAX }
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Bincode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        let bytes = encode_as(FORMAT, value)?;
        check_length(NAME, bytes.len(), self.bytes_max)?;
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        decode_as(FORMAT, bytes, self)
    }
}

/// `format`, and the value behind it; however long.
pub(in crate::store) fn encode_as<T: Serialize>(format: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(SHORT);
    bytes.push(format);
    match encode_into_std_write(value, &mut bytes, standard()) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(CodecError::unencodable(NAME, error)),
    }
}

/// As [`encode_as`], shared: what is short is written but once.
pub(in crate::store) fn encode_shared<T: Serialize>(format: u8, value: &T) -> Result<Arc<[u8]>, CodecError> {
    let mut short = [format; SHORT];
    match encode_into_slice(value, &mut short[1..], standard()) {
        Ok(length) => Ok(Arc::from(&short[..=length])),
        Err(_) => encode_as(format, value).map(Arc::from),
    }
}

/// The value that `bytes` hold behind `format`, no less and no more.
pub(in crate::store) fn decode_as<T: DeserializeOwned>(
    format: u8,
    bytes: &[u8],
    limits: &Bincode,
) -> Result<T, CodecError> {
    check_length(NAME, bytes.len(), limits.bytes_max)?;
    match bytes.split_first() {
        None => Err(CodecError::malformed(NAME, "no bytes: expected a version byte")),
        Some((&found, body)) if found == format => {
            let (value, length) = decode_body(body, limits)?;
            let bytes = body.len() - length;
            if bytes > 0 { Err(CodecError::Leftover { codec: NAME, bytes }) } else { Ok(value) }
        }
        Some((found, _)) => Err(CodecError::malformed(NAME, format_args!("format {found}: expected {format}"))),
    }
}

/// A few bytes may claim a text of any length, for which bincode makes room before it reads it. So the less there is to
/// read, the less it may claim.
fn decode_body<T: DeserializeOwned>(body: &[u8], limits: &Bincode) -> Result<(T, usize), CodecError> {
    if body.len() <= SMALL {
        decode_form(body, limits, standard().with_limit::<{ SMALL * GROWTH_MAX }>())
    } else if body.len() <= MEDIUM {
        decode_form(body, limits, standard().with_limit::<{ MEDIUM * GROWTH_MAX }>())
    } else {
        decode_form(body, limits, standard().with_limit::<MEMORY_MAX>())
    }
}

fn decode_form<T: DeserializeOwned, const N: usize>(
    body: &[u8],
    limits: &Bincode,
    form: Form<N>,
) -> Result<(T, usize), CodecError> {
    let room = Cell::new(limits.memory_max);
    let seed = Limited::new(PhantomData::<T>, limits.depth_max, &room);
    seed_decode_from_slice(seed, body, form).map_err(|error| CodecError::malformed(NAME, error))
}
