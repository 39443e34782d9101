//! How much memory an envelope in protocol buffers will take, before anything is made of it.
//!
//! `prost` makes whatever the bytes say: an empty message of two bytes becomes a struct. So the bytes are walked first, along
//! the schema of [`Protobuf`](super::Protobuf), and what each message in them takes is summed up.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::limited::GROWTH;
use super::mirror;
use crate::causality::{Actor, Dot};
use crate::store::{KeyState, Write};

/// A message of the schema.
#[derive(Clone, Copy)]
enum Schema {
    Envelope,
    Update,
    Pull,
    Reply,
    KeyState,
    Write,
    Dot,
    Counters,
}

impl Schema {
    /// The message in the field `tag`, if there is one in it.
    fn inside(self, tag: u32) -> Option<Self> {
        match (self, tag) {
            (Self::Envelope, 3) => Some(Self::Update),
            (Self::Envelope, 4) => Some(Self::Pull),
            (Self::Envelope, 5) => Some(Self::Reply),
            (Self::Reply, 7) => Some(Self::KeyState),
            (Self::Update, 2) | (Self::KeyState, 2) => Some(Self::Write),
            (Self::KeyState, 3) => Some(Self::Dot),
            (Self::Update, 3) | (Self::Pull, 2) | (Self::Reply, 8) | (Self::KeyState, 4) => Some(Self::Counters),
            _ => None,
        }
    }

    /// What one takes, in the form of `prost` and in the one that is made of it.
    fn size(self) -> usize {
        match self {
            // There is one of them.
            Self::Envelope | Self::Update | Self::Pull | Self::Reply => 0,
            Self::KeyState => mirror::KEY_STATE_BYTES + size_of::<KeyState>(),
            Self::Write => mirror::WRITE_BYTES + size_of::<Write>(),
            Self::Dot => mirror::DOT_BYTES + size_of::<Dot>(),
            Self::Counters => mirror::COUNTERS_BYTES + size_of::<(Actor, u64, Vec<(u64, u64)>)>() * 2,
        }
    }

    /// True if the field `tag` holds packed numbers.
    fn is_numbers(self, tag: u32) -> bool {
        matches!((self, tag), (Self::Write, 2) | (Self::Counters, 4))
    }
}

/// True if decoding `bytes` takes no more than `memory_max`, if they are an envelope; what is malformed is left for the decoder
/// to refuse.
pub(super) fn fits(bytes: &[u8], memory_max: usize) -> bool {
    let mut room = memory_max;
    walk(Schema::Envelope, bytes, &mut room).is_some()
}

/// Takes the room that a message needs; `None` if there is not so much. The schema is five levels deep, and so is this.
fn walk(schema: Schema, mut bytes: &[u8], room: &mut usize) -> Option<()> {
    *room = room.checked_sub(GROWTH * schema.size())?;
    while let Ok((tag, wire_type)) = decode_key(&mut bytes) {
        let Some(field) = take_field(wire_type, &mut bytes) else { break };
        if let Some(message) = schema.inside(tag) {
            walk(message, field, room)?;
        } else if schema.is_numbers(tag) {
            // Each of one byte or more, once as it came and once as it is kept.
            let number = 2 * GROWTH * size_of::<u64>();
            *room = room.checked_sub(number.saturating_mul(field.len().max(1)))?;
        } else {
            *room = room.checked_sub(field.len())?;
        }
    }
    Some(())
}

/// The bytes of one field; nothing for a number. `None` if they are not all there.
fn take_field<'b>(wire_type: WireType, bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = match wire_type {
        WireType::Varint => decode_varint(bytes).ok().map(|_| 0)?,
        WireType::LengthDelimited => usize::try_from(decode_varint(bytes).ok()?).ok()?,
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    let (field, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(field)
}
