//! Data arrays (SensorThings 1.1, section 13): the rows of one datastream under one head.

use crate::feeds::phenomenon::Phenomenon;
use crate::feeds::sensorthings::{parse, quality};
use crate::model::observation::Quality;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// One element of a "CreateObservations" body.
#[derive(Debug)]
pub struct DataArray<'a> {
    /// The platform's own id, as text.
    pub datastream: Cow<'a, str>,
    pub components: Vec<Cow<'a, str>>,
    pub rows: Vec<Vec<Cell<'a>>>,
}

/// A value of a row. Times, results and most flags have no tree of values behind them: this is the hot way in.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Number(f64),
    /// Also a number (0 or 1) where one is wanted.
    Bool(bool),
    Text(Cow<'a, str>),
    /// An array or an object, as a quality may be.
    Other(Box<Value>),
}

impl Cell<'_> {
    /// An instant, or an interval `a/b`.
    ///
    /// # Errors
    /// In words.
    pub fn time(&self) -> Result<Phenomenon, String> {
        let Cell::Text(text) = self else { return Err("a row without a time like 2026-01-01T00:00:00Z".into()) };
        parse::phenomenon(text)
    }

    pub fn number(&self) -> Option<f64> {
        let number = match self {
            Cell::Number(n) => *n,
            Cell::Bool(yes) => f64::from(u8::from(*yes)),
            Cell::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// What it says as a `resultQuality`.
    pub fn quality(&self) -> Quality {
        match self {
            Cell::Null => Quality::Good,
            Cell::Number(n) => quality::quality(&Value::from(*n)),
            Cell::Bool(ok) => quality::quality(&Value::from(*ok)),
            Cell::Text(text) => quality::of_text(text),
            Cell::Other(value) => quality::quality(value),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for DataArray<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Head<'a> {
            #[serde(rename = "Datastream", borrow)]
            datastream: Reference<'a>,
            #[serde(borrow)]
            components: Vec<Cow<'a, str>>,
            #[serde(rename = "dataArray", borrow)]
            rows: Vec<Vec<Cell<'a>>>,
        }
        #[derive(serde::Deserialize)]
        struct Reference<'a> {
            #[serde(rename = "@iot.id", borrow)]
            id: Cell<'a>,
        }
        let head = Head::deserialize(d)?;
        let datastream = match head.datastream.id {
            Cell::Text(text) => text,
            Cell::Number(n) => Cow::Owned(n.to_string()),
            _ => return Err(serde::de::Error::custom("Datastream without @iot.id")),
        };
        Ok(DataArray { datastream, components: head.components, rows: head.rows })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cell::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cell::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cell::Number(number as f64))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Self::Value, E> {
        Ok(Cell::Bool(yes))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(seq)).map(|value| Cell::Other(Box::new(value)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(|value| Cell::Other(Box::new(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_data_array_is_read_with_all_kinds_of_cells() {
        let body = r#"[{"Datastream":{"@iot.id":7},"components":["phenomenonTime","result"],"dataArray@iot.count":2,
            "dataArray":[["2026-01-01T00:00:00Z/2026-01-01T01:00:00Z",1.5],["soon",null],[{"a":[1]},"2e1"],[true]]}]"#;
        let arrays: Vec<DataArray> = serde_json::from_str(body).unwrap();
        let rows = &arrays[0].rows;
        assert_eq!((arrays[0].datastream.as_ref(), rows.len()), ("7", 4));
        let hour = rows[0][0].time().unwrap();
        assert_eq!((hour.start.unwrap().time().timestamp(), hour.end.timestamp()), (1_767_225_600, 1_767_229_200));
        assert_eq!((rows[0][1].number(), rows[1][0].time().is_err(), rows[1][1].number()), (Some(1.5), true, None));
        assert_eq!((rows[2][0].number(), rows[2][1].number(), rows[3][0].number()), (None, Some(20.0), Some(1.0)));
        assert!(serde_json::from_str::<Vec<DataArray>>(r#"[{"result":1}]"#).is_err());
    }

    #[test]
    fn a_cell_has_the_quality_that_the_same_observation_has() {
        let forms = quality::tests::forms();
        let rows: Vec<_> = forms.iter().map(|(form, _)| json!(["2026-01-01T00:00:00Z", 1, form])).collect();
        let body = json!([{"Datastream": {"@iot.id": 7}, "components": ["phenomenonTime", "result", "resultQuality"], "dataArray": rows}]);
        let posted = body.to_string();
        let arrays: Vec<DataArray> = serde_json::from_str(&posted).unwrap();
        let polled = parse::observations(body).unwrap();
        assert_eq!((arrays[0].rows.len(), polled.len()), (forms.len(), forms.len()));
        for ((row, (_, entity)), (form, suspect)) in arrays[0].rows.iter().zip(polled).zip(forms) {
            let polled = parse::observation("f/7", &entity).unwrap().quality;
            assert_eq!((row[2].quality(), polled == Quality::Suspect), (polled, suspect), "{form}");
        }
    }
}
