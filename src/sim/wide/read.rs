//! What [`write`](super::write) has written, as the type that is asked for.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::Value;
use toml::de::Error;

/// # Errors
/// If the value is not of this type.
pub(in crate::sim) fn read<A: DeserializeOwned>(value: Value) -> Result<A, Error> {
    A::deserialize(Reader(value))
}

struct Reader(Value);

/// The key of a table, which may stand for a number or a truth.
struct Key(String);

impl IntoDeserializer<'_, Error> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl IntoDeserializer<'_, Error> for Key {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Both sides of a pair.
fn pair(item: Value) -> Result<(Reader, Reader), Error> {
    match item {
        Value::Array(items) => match <[Value; 2]>::try_from(items) {
            Ok([key, value]) => Ok((Reader(key), Reader(value))),
            Err(_) => Err(Error::custom("expected a pair of a key and a value")),
        },
        _ => Err(Error::custom("expected a pair of a key and a value")),
    }
}

fn entries(table: toml::Table) -> impl Iterator<Item = (Key, Reader)> {
    table.into_iter().map(|(key, value)| (Key(key), Reader(value)))
}

/// Numbers that may stand as their digits.
macro_rules! digits {
    ($($asked:ident gives $visit:ident),+ $(,)?) => {
        $(fn $asked<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.digits().and_then(|digits| digits.parse().ok()) {
                Some(number) => visitor.$visit(number),
                None => self.deserialize_any(visitor),
            }
        })+
    };
}

impl Reader {
    fn digits(&self) -> Option<&str> {
        self.0.as_str()
    }
}

impl Key {
    fn digits(&self) -> Option<&str> {
        Some(&self.0)
    }
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self))),
            Value::Table(table) => visitor.visit_map(MapDeserializer::new(entries(table))),
            plain => plain.deserialize_any(visitor),
        }
    }

    digits!(
        deserialize_u64 gives visit_u64,
        deserialize_i128 gives visit_i128,
        deserialize_u128 gives visit_u128,
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::Table(table) if table.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::Array(items) if items.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let pairs: Vec<(Self, Self)> = items.into_iter().map(pair).collect::<Result<_, _>>()?;
                visitor.visit_map(MapDeserializer::new(pairs.into_iter()))
            }
            other => Self(other).deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            Value::Table(table) if table.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(entries(table))))
            }
            _ => Err(Error::custom("expected the name of a variant, or a table with just one")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 f32 f64 char str string bytes byte_buf seq tuple tuple_struct struct identifier
        ignored_any
    }
}

impl<'de> Deserializer<'de> for Key {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
    }

    digits!(
        deserialize_bool gives visit_bool,
        deserialize_i8 gives visit_i8,
        deserialize_i16 gives visit_i16,
        deserialize_i32 gives visit_i32,
        deserialize_i64 gives visit_i64,
        deserialize_i128 gives visit_i128,
        deserialize_u8 gives visit_u8,
        deserialize_u16 gives visit_u16,
        deserialize_u32 gives visit_u32,
        deserialize_u64 gives visit_u64,
        deserialize_u128 gives visit_u128,
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
