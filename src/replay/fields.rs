//! A TOML table as a reader wants it: each field asked for by name, each error with its place.

use std::time::Duration;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::duration;
use super::error::{Wrong, clip};
use super::quote::DEPTH_MAX;

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Field<'a>(&'a Spanned<DeValue<'a>>);

/// A table and where it begins.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    at: usize,
    entries: &'a DeTable<'a>,
}

impl<'a> Field<'a> {
    pub(super) fn at(self) -> usize {
        self.0.span().start
    }

    /// This is not what was expected.
    pub(super) fn wrong(self, expected: &str) -> Wrong {
        let found = match self.0.get_ref() {
            DeValue::String(text) => clip(text),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().chars().take(40).collect(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Integer(_) => "a number".to_owned(),
            DeValue::Float(_) => "a number with decimals".to_owned(),
            DeValue::Datetime(_) => "a date or time".to_owned(),
            DeValue::Array(_) => "an array".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        Wrong::new(self.at(), format!("expected {expected}, found {found}"))
    }

    pub(super) fn text(self, expected: &str) -> Result<&'a str, Wrong> {
        self.as_text().ok_or_else(|| self.wrong(expected))
    }

    pub(super) fn as_text(self) -> Option<&'a str> {
        self.0.get_ref().as_str()
    }

    /// A text that `parse` makes something of.
    pub(super) fn parsed<T>(self, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Wrong> {
        self.as_text().and_then(parse).ok_or_else(|| self.wrong(expected))
    }

    /// An integer from `min` to `max`.
    pub(super) fn whole(self, min: u64, max: u64, expected: &str) -> Result<u64, Wrong> {
        let number = self.0.get_ref().as_integer();
        let number = number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number.filter(|number| (min..=max).contains(number)).ok_or_else(|| self.wrong(expected))
    }

    /// An integer from `-most` to `most`.
    pub(super) fn signed(self, most: u32, expected: &str) -> Result<i32, Wrong> {
        let number = self.0.get_ref().as_integer();
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.filter(|number| number.unsigned_abs() <= most.into());
        number.and_then(|number| i32::try_from(number).ok()).ok_or_else(|| self.wrong(expected))
    }

    pub(super) fn duration(self) -> Result<Duration, Wrong> {
        let text = self.text("a duration like \"9ms\"")?;
        duration::parse(text).map_err(|expected| self.wrong(expected.0))
    }

    pub(super) fn is_true(self) -> bool {
        self.0.get_ref().as_bool() == Some(true)
    }

    pub(super) fn items(self, expected: &str) -> Result<impl ExactSizeIterator<Item = Field<'a>> + use<'a>, Wrong> {
        let items = self.0.get_ref().as_array().ok_or_else(|| self.wrong(expected))?;
        Ok(items.iter().map(Field))
    }

    pub(super) fn table(self, expected: &str) -> Result<Table<'a>, Wrong> {
        let entries = self.0.get_ref().as_table().ok_or_else(|| self.wrong(expected))?;
        Ok(Table { at: self.at(), entries })
    }

    /// The value without its place.
    pub(super) fn value(self) -> Result<Value, Wrong> {
        self.nested(0)
    }

    fn nested(self, depth: usize) -> Result<Value, Wrong> {
        if depth > DEPTH_MAX {
            return Err(Wrong::new(self.at(), format!("expected at most {DEPTH_MAX} levels of nesting")));
        }
        Ok(match self.0.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                Value::Integer(number.map_err(|_| self.wrong("an integer of at most 64 bits"))?)
            }
            DeValue::Float(number) => {
                let number = number.as_str().parse();
                Value::Float(number.map_err(|_| self.wrong("a number that a 64-bit float can hold"))?)
            }
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(moment) => Value::Datetime(*moment),
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| Field(item).nested(depth + 1)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(entries) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|(key, item)| Ok((key.get_ref().to_string(), Field(item).nested(depth + 1)?)));
                Value::Table(entries.collect::<Result<_, _>>()?)
            }
        })
    }
}

impl<'a> Table<'a> {
    /// The document itself.
    pub(super) fn top(entries: &'a DeTable<'a>) -> Self {
        Self { at: 0, entries }
    }

    pub(super) fn get(self, key: &str) -> Option<Field<'a>> {
        self.entries.get(key).map(Field)
    }

    /// The field `key`, which is `expected`.
    pub(super) fn need(self, key: &str, expected: &str) -> Result<Field<'a>, Wrong> {
        self.get(key).ok_or_else(|| Wrong::new(self.at, format!("expected a field \"{key}\": {expected}")))
    }

    /// Refuses fields other than `known`.
    pub(super) fn only(self, known: &[&str]) -> Result<(), Wrong> {
        let entries = self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        match entries.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let message = format!("expected one of {}, found a field {}", known.join(", "), clip(key.get_ref()));
                Err(Wrong::new(key.span().start, message))
            }
        }
    }

    /// All fields in the order in which they stand, each with where its name does.
    pub(super) fn entries(self) -> impl Iterator<Item = (usize, &'a str, Field<'a>)> {
        let entries = self.entries.iter();
        let mut entries: Vec<_> =
            entries.map(|(key, value)| (key.span().start, key.get_ref().as_ref(), Field(value))).collect();
        entries.sort_unstable_by_key(|(at, _, _)| *at);
        entries.into_iter()
    }

    /// The one field that is not one of `known`.
    pub(super) fn one_besides(self, known: &[&str], expected: &str) -> Result<(&'a str, Field<'a>), Wrong> {
        let entries = self.entries.iter().map(|(key, value)| (key.get_ref().as_ref(), Field(value)));
        self.one(entries.filter(|(key, _)| !known.contains(key)).collect(), expected)
    }

    /// The one field of `choice` that is there.
    pub(super) fn one_of(self, choice: &[&'a str], expected: &str) -> Result<(&'a str, Field<'a>), Wrong> {
        self.one(choice.iter().filter_map(|&key| Some((key, self.get(key)?))).collect(), expected)
    }

    fn one(self, mut found: Vec<(&'a str, Field<'a>)>, expected: &str) -> Result<(&'a str, Field<'a>), Wrong> {
        found.sort_by_key(|(_, field)| field.at());
        match *found.as_slice() {
            [one] => Ok(one),
            [] => Err(Wrong::new(self.at, format!("expected {expected}, found none"))),
            [(first, _), (second, field), ..] => {
                let message = format!("expected {expected}, found {} besides {}", clip(second), clip(first));
                Err(Wrong::new(field.at(), message))
            }
        }
    }
}
