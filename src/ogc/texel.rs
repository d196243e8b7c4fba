//! Properties whose values lie in the channels of a picture (`EXT_structural_metadata` property textures): a byte a channel, the lowest first.
//!
//! Source: EXT_structural_metadata, "Property Texture Data Storage".

use super::column::Column;
use super::described::{ClassName, DescribedProperty};
use super::fault::Fault;
use super::property::PropertyTableJson;
use serde_json::Value;

/// One property of a property texture's class.
#[derive(Debug)]
pub struct TexelProperty(Column);

impl TexelProperty {
    /// All properties of the class of a property texture, those that it leaves out among them, in the schema's order.
    ///
    /// # Errors
    /// [`Fault`] where the schema has no such class, or a property is of no type of the standard.
    pub fn of_class(schema: &Value, json: &PropertyTableJson) -> Result<(ClassName, Vec<Self>), Fault> {
        if !schema["classes"][&json.class].is_object() {
            return Err(Fault::bad("EXT_structural_metadata", format!("the class {:?} is not in the schema", json.class)));
        }
        let columns = Column::of_class(schema, &json.class, &json.properties)?;
        Ok((ClassName::of(schema, &json.class), columns.into_iter().map(Self).collect()))
    }

    /// What its file calls it.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// # Errors
    /// In words, where so many channels hold no value of its type.
    pub fn takes(&self, channels: usize) -> Result<(), String> {
        let Some(width) = self.0.width() else {
            return Err("strings and arrays of any length can't lie in a picture".to_owned());
        };
        // The standard leaves the channels of enumerations open: the upper bytes may be left out.
        match channels == width || self.0.is_enum() && channels < width {
            true => Ok(()),
            false => Err(format!("its values take {width} bytes, and {channels} channels are named")),
        }
    }

    /// The value in these bytes, one a channel; the schema's default where they say that there is none.
    pub fn value(&self, bytes: &[u8]) -> Option<DescribedProperty> {
        self.0.value_of(bytes).map(|value| self.0.described(value))
    }

    /// What the schema gives where there is no value.
    pub fn default_value(&self) -> Option<DescribedProperty> {
        self.0.default.clone().map(|value| self.0.described(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn property(schema: Value) -> TexelProperty {
        let schema = json!({ "classes": { "wall": { "properties": { "p": schema } } },
            "enums": { "kind": { "values": [{ "name": "brick", "value": 7 }] } } });
        let json = PropertyTableJson { class: "wall".into(), ..PropertyTableJson::default() };
        TexelProperty::of_class(&schema, &json).unwrap().1.remove(0)
    }

    #[test]
    fn bytes_of_channels_become_values_of_every_type_that_fits() {
        let of = |schema: Value, bytes: &[u8]| {
            let property = property(schema);
            property.takes(bytes.len()).unwrap();
            property.value(bytes).map(|p| p.value)
        };
        let number = |shape: &str, component: &str| json!({ "type": shape, "componentType": component });
        assert_eq!(of(number("SCALAR", "UINT16"), &[1, 2]), Some(json!(513)));
        assert_eq!(of(number("SCALAR", "INT8"), &[0xff]), Some(json!(-1)));
        assert_eq!(of(number("SCALAR", "FLOAT32"), &1.5f32.to_le_bytes()), Some(json!(1.5)));
        assert_eq!(of(number("VEC2", "UINT16"), &[1, 0, 0, 1]), Some(json!([1, 256])));
        let array = json!({ "type": "SCALAR", "componentType": "UINT8", "array": true, "count": 3, "normalized": true, "scale": 10 });
        assert_eq!(of(array, &[0, 51, 255]), Some(json!([0.0, 2.0, 10.0])));
        assert_eq!(of(json!({ "type": "BOOLEAN" }), &[1]), Some(json!(true)));
        let kind = json!({ "type": "ENUM", "enumType": "kind" });
        assert_eq!(
            [of(kind.clone(), &[7, 0]), of(kind.clone(), &[7]), of(kind, &[9])],
            [Some(json!("brick")), Some(json!("brick")), Some(json!(9))]
        );
        let missing = json!({ "type": "SCALAR", "componentType": "UINT8", "offset": 5, "noData": 255, "default": -1.5 });
        assert_eq!([of(missing.clone(), &[255]), of(missing, &[2])], [Some(json!(-1.5)), Some(json!(7.0))]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let said = |schema: Value, channels: usize| property(schema).takes(channels).unwrap_err();
        assert!(said(json!({ "type": "SCALAR", "componentType": "UINT16" }), 1).contains("2 bytes, and 1 channels"));
        assert!(said(json!({ "type": "ENUM", "enumType": "kind" }), 3).contains("2 bytes"));
        assert!(said(json!({ "type": "STRING" }), 1).contains("strings"));
        assert!(said(json!({ "type": "BOOLEAN", "array": true }), 1).contains("any length"));
        let unknown = PropertyTableJson { class: "roof".into(), ..PropertyTableJson::default() };
        assert!(TexelProperty::of_class(&json!({}), &unknown).unwrap_err().to_string().contains("roof"));
    }
}
