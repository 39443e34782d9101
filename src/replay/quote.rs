//! Strings and values on one line each, so that a plan file reads well in a diff.

use toml::Value;

use crate::protocol::is_hidden;

/// How deep an action may nest. Less than a TOML reader stands, so that what is written can be read.
pub(super) const DEPTH_MAX: usize = 64;

/// Appends `text` as a basic string.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a key, bare if it may be.
pub(super) fn push_key(out: &mut String, key: &str) {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.bytes().all(bare) {
        out.push_str(key);
    } else {
        push_string(out, key);
    }
}

/// Appends any value, or says why it cannot.
pub(super) fn push_value(out: &mut String, value: &Value) -> Result<(), String> {
    push_nested(out, value, 0)
}

fn push_nested(out: &mut String, value: &Value, depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("expected at most {DEPTH_MAX} levels of nesting"));
    }
    match value {
        Value::String(text) => push_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                push_nested(out, item, depth + 1)?;
            }
            out.push(']');
        }
        Value::Table(table) if table.is_empty() => out.push_str("{}"),
        Value::Table(table) => {
            for (index, (key, item)) in table.iter().enumerate() {
                out.push_str(if index == 0 { "{ " } else { ", " });
                push_key(out, key);
                out.push_str(" = ");
                push_nested(out, item, depth + 1)?;
            }
            out.push_str(" }");
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            out.push_str(&value.to_string());
        }
    }
    Ok(())
}
