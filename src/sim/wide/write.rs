//! Anything that serde can say, as a value of TOML.

use std::collections::BTreeSet;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use toml::Value;
use toml::ser::Error;

/// # Errors
/// Only what the value itself says as it is asked.
pub(in crate::sim) fn write(value: &impl Serialize) -> Result<Value, Error> {
    value.serialize(Writer)
}

#[derive(Clone, Copy)]
struct Writer;

/// Several values, or pairs of them, and what they are the payload of.
struct Items {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

struct Entries {
    variant: Option<&'static str>,
    key: Option<Value>,
    entries: Vec<(Value, Value)>,
}

fn integer<N: Copy + ToString + TryInto<i64>>(number: N) -> Value {
    number.try_into().map_or_else(|_| Value::String(number.to_string()), Value::Integer)
}

/// `{ put = … }` for the variant `put`.
fn tagged(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        None => value,
        Some(variant) => Value::Table([(variant.to_owned(), value)].into_iter().collect()),
    }
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

impl Entries {
    /// A table if each key has a text of its own, else pairs.
    fn into_value(self) -> Value {
        let keys: Option<BTreeSet<String>> = self.entries.iter().map(|(key, _)| key_text(key)).collect();
        let value = match keys {
            Some(keys) if keys.len() == self.entries.len() => {
                let entry = |(key, value)| Some((key_text(&key)?, value));
                Value::Table(self.entries.into_iter().filter_map(entry).collect())
            }
            _ => Value::Array(self.entries.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect()),
        };
        tagged(self.variant, value)
    }
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    fn serialize_bool(self, truth: bool) -> Result<Value, Error> {
        Ok(Value::Boolean(truth))
    }

    fn serialize_i8(self, number: i8) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_i16(self, number: i16) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_i32(self, number: i32) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_i64(self, number: i64) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_i128(self, number: i128) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_u8(self, number: u8) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_u16(self, number: u16) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_u32(self, number: u32) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_u64(self, number: u64) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_u128(self, number: u128) -> Result<Value, Error> {
        Ok(integer(number))
    }

    fn serialize_f32(self, number: f32) -> Result<Value, Error> {
        Ok(Value::Float(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Result<Value, Error> {
        Ok(Value::Float(number))
    }

    fn serialize_char(self, c: char) -> Result<Value, Error> {
        Ok(Value::String(c.into()))
    }

    fn serialize_str(self, text: &str) -> Result<Value, Error> {
        Ok(Value::String(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Error> {
        Ok(Value::Array(bytes.iter().map(|byte| integer(*byte)).collect()))
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Table(toml::Table::new()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Array(Vec::new()))
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<Value, Error> {
        Ok(Value::String(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        Ok(tagged(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, _count: Option<usize>) -> Result<Items, Error> {
        Ok(Items { variant: None, items: Vec::new() })
    }

    fn serialize_tuple(self, _count: usize) -> Result<Items, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _count: usize) -> Result<Items, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _count: usize,
    ) -> Result<Items, Error> {
        Ok(Items { variant: Some(variant), items: Vec::new() })
    }

    fn serialize_map(self, _count: Option<usize>) -> Result<Entries, Error> {
        Ok(Entries { variant: None, key: None, entries: Vec::new() })
    }

    fn serialize_struct(self, _name: &'static str, _count: usize) -> Result<Entries, Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _count: usize,
    ) -> Result<Entries, Error> {
        Ok(Entries { variant: Some(variant), key: None, entries: Vec::new() })
    }
}

/// What has items, by the name that serde has for adding one.
macro_rules! items {
    ($($adds:ident by $add:ident),+) => {
        $(impl $adds for Items {
            type Ok = Value;
            type Error = Error;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.items.push(value.serialize(Writer)?);
                Ok(())
            }

            fn end(self) -> Result<Value, Error> {
                Ok(tagged(self.variant, Value::Array(self.items)))
            }
        })+
    };
}

items!(
    SerializeSeq by serialize_element,
    SerializeTuple by serialize_element,
    SerializeTupleStruct by serialize_field,
    SerializeTupleVariant by serialize_field
);

/// What has fields.
macro_rules! fields {
    ($($adds:ident),+) => {
        $(impl $adds for Entries {
            type Ok = Value;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.entries.push((Value::String(key.to_owned()), value.serialize(Writer)?));
                Ok(())
            }

            fn end(self) -> Result<Value, Error> {
                Ok(self.into_value())
            }
        })+
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(key.serialize(Writer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().ok_or_else(|| Error::custom("a value without a key"))?;
        self.entries.push((key, value.serialize(Writer)?));
        Ok(())
    }

    fn end(self) -> Result<Value, Error> {
        Ok(self.into_value())
    }
}
