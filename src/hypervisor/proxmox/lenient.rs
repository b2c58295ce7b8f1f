//! Reads values as their types want them, however Proxmox VE spells them: numbers that come as strings, truths as
//! `0` and `1`, texts as numbers. The same option changes its spelling between versions (`memory` since qemu-server
//! 8.0.8) and calls (`saved` in lists of tasks). Only a list must be one: `null` is not taken for an empty list.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use super::answers::{is_true, whole};

/// A JSON value that gives way to the type it is read as.
pub(super) struct Lenient(pub(super) Value);

impl Lenient {
    /// The text of a string, number or truth.
    fn text(&self) -> Option<String> {
        match &self.0 {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(u8::from(*truth).to_string()),
            _ => None,
        }
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(truth) => Unexpected::Bool(*truth),
            Value::Number(_) => Unexpected::Other("a number of another kind"),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl IntoDeserializer<'_, Error> for Lenient {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a whole number with the visitor's method for it.
macro_rules! whole {
    ($($method:ident $visit:ident $type:ty)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.text().and_then(|text| whole(&text)).and_then(|number| <$type>::try_from(number).ok()) {
                Some(number) => visitor.$visit(number),
                None => Err(Error::invalid_type(self.unexpected(), &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Lenient {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Lenient));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key, Lenient(value)));
                let mut entries = MapDeserializer::new(entries);
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
            simple => simple.deserialize_any(visitor),
        }
    }

    whole! {
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text().and_then(|text| text.trim().parse::<f64>().ok()) {
            Some(number) => visitor.visit_f64(number),
            None => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    /// An absent truth is a field's own matter; an empty text and `null` are none.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            Some(text) => visitor.visit_bool(is_true(&text)),
            None if self.0.is_null() => visitor.visit_bool(false),
            None => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            Some(text) => visitor.visit_string(text),
            None => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    /// Proxmox VE has `null` where there is nothing, and sometimes an empty text: which is none of a text, too.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Where nothing is to be read, anything may stand.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    /// Never a list: a row's fields have names.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::model::{NodeName, Vmid};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Row {
        size: Option<u64>,
        load: Option<f64>,
        shared: bool,
        name: Option<String>,
        vmid: Option<Vmid>,
        node: Option<NodeName>,
        rest: BTreeMap<String, Value>,
        list: Vec<u32>,
    }

    fn read(value: Value) -> Result<Row, Error> {
        Row::deserialize(Lenient(value))
    }

    #[test]
    fn every_spelling_of_a_number_a_truth_and_a_text_is_read() {
        let expected = Row {
            size: Some(7),
            load: Some(1.5),
            shared: true,
            name: Some("12".into()),
            vmid: Some(100.try_into().unwrap()),
            node: Some("pve1".parse().unwrap()),
            ..Row::default()
        };
        for value in [
            json!({"size": 7, "load": 1.5, "shared": 1, "name": "12", "vmid": 100, "node": "pve1"}),
            json!({"size": "7", "load": "1.5", "shared": "1", "name": 12, "vmid": "100", "node": "pve1"}),
            json!({"size": 7.9, "load": "1.50", "shared": true, "name": "12", "vmid": 100, "node": "pve1", "x": [1]}),
        ] {
            assert_eq!(read(value.clone()).unwrap(), expected, "{value}");
        }
        let large = read(json!({"size": 1_099_511_627_776_u64, "list": ["1", 2]})).unwrap();
        assert_eq!((large.size, large.list), (Some(1 << 40), vec![1, 2]));
        assert_eq!(
            read(json!({"size": "1e+15"})).unwrap().size,
            Some(1_000_000_000_000_000)
        );
    }

    #[test]
    fn nothing_is_nothing() {
        for value in [
            json!({"size": null, "load": null, "shared": null, "name": null}),
            json!({"size": "", "load": "", "shared": "", "name": "", "vmid": "", "node": ""}),
        ] {
            assert_eq!(read(value.clone()).unwrap(), Row::default(), "{value}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_an_error_and_not_a_guess() {
        for value in [
            json!({"size": "many"}),
            json!({"size": [1]}),
            json!({"size": -1}),
            json!({"name": {"a": 1}}),
            json!({"vmid": 7}),
            json!({"node": "-"}),
            json!({"list": {"a": 1}}),
            json!({"list": null}),
            json!([]),
            json!("x"),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
