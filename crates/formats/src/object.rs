//! Records that are JSON objects and nothing else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` written as an object.
///
/// What serde derives for a struct also takes a list of its fields in order, which a strict
/// reader must not: there, a value without its key would count as given.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Only<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Only<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Only(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u8,
        b: u8,
    }

    #[test]
    fn a_list_is_no_object_even_where_it_would_fill_the_fields() {
        assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "what this type is there for");
        let error = serde_json::from_str::<Object<Pair>>("[1,2]").unwrap_err().to_string();
        assert!(error.starts_with("invalid type: sequence, expected an object"), "{error}");
        let pair = serde_json::from_str::<Object<Pair>>(r#"{"b":2,"a":1}"#).unwrap();
        assert_eq!(pair, Object(Pair { a: 1, b: 2 }));
        assert!(serde_json::from_str::<Object<Pair>>(r#"{"b":2,"a":1,"c":3}"#).is_err());
    }
}
