//! Numbers that must come back exactly: JSON's decimal digits lose the last bit in some readers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub fn serialize<S: Serializer, const N: usize>(values: &[f64; N], serializer: S) -> Result<S::Ok, S::Error> {
    values.map(f64::to_bits).to_vec().serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[f64; N], D::Error> {
    let bits: Vec<u64> = Vec::deserialize(deserializer)?;
    let length = bits.len();
    let bits: [u64; N] = bits.try_into().map_err(|_| serde::de::Error::invalid_length(length, &"another number of values"))?;
    Ok(bits.map(f64::from_bits))
}
