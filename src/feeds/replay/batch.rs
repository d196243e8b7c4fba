//! Several Observations of one datastream in one MQTT message, and no message longer than servers take. Pure.

/// Payloads that every server takes, bytes: some refuse longer ones.
pub const PAYLOAD_BYTES: usize = 8 << 10;
/// The broker of the replay takes no longer ones.
pub const PAYLOAD_BYTES_MAX: usize = 128 << 10;

/// Joins Observations (JSON objects) into payloads of at most `bytes_max`, in their order: one alone as it is, several as an array, which
/// is how SensorThings posts several. None is cut: one that is longer by itself goes alone.
pub fn payloads(observations: Vec<String>, bytes_max: usize) -> Vec<String> {
    let mut payloads = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), BRACKETS);
    for observation in observations {
        // One more also takes a comma.
        let with_it = bytes + usize::from(!batch.is_empty()) + observation.len();
        if batch.is_empty() || with_it <= bytes_max {
            bytes = with_it;
        } else {
            bytes = BRACKETS + observation.len();
            payloads.extend(joined(std::mem::take(&mut batch)));
        }
        batch.push(observation);
    }
    payloads.extend(joined(batch));
    payloads
}

/// Bytes of an array around what it holds.
const BRACKETS: usize = 2;

fn joined(mut batch: Vec<String>) -> Option<String> {
    if batch.len() > 1 { Some(format!("[{}]", batch.join(","))) } else { batch.pop() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::sensorthings::parse;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn observation(n: usize, length: usize) -> String {
        json!({"phenomenonTime": "2026-05-01T00:00:00Z", "result": n, "parameters": {"note": "x".repeat(length)}}).to_string()
    }

    #[test]
    fn batches_are_as_long_as_they_may_be_and_one_alone_is_no_array() {
        let same = |n: usize| vec![observation(0, 10); n];
        let one = observation(0, 10).len();
        assert_eq!(payloads(same(1), one), same(1));
        assert_eq!(payloads(same(2), 2 * one + 3).len(), 1, "two with brackets and a comma fit exactly");
        assert_eq!(payloads(same(2), 2 * one + 2), same(2));
        assert_eq!(payloads(same(3), 0), same(3), "without room each goes alone");
        assert_eq!(payloads(vec![], PAYLOAD_BYTES), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_sent_and_no_payload_is_too_long(
            lengths in prop::collection::vec(0usize..600, 0..60), bytes_max in 0usize..4_000
        ) {
            let sent: Vec<String> = lengths.iter().enumerate().map(|(n, length)| observation(n, *length)).collect();
            let payloads = payloads(sent.clone(), bytes_max);
            let mut read = Vec::new();
            for payload in &payloads {
                let told = parse::observations(serde_json::from_str(payload).unwrap()).unwrap();
                prop_assert!(payload.len() <= bytes_max || told.len() == 1, "{} bytes", payload.len());
                read.extend(told.into_iter().map(|(_, observation)| observation));
            }
            let sent: Vec<Value> = sent.iter().map(|o| serde_json::from_str(o).unwrap()).collect();
            prop_assert_eq!(read, sent);
        }
    }
}
