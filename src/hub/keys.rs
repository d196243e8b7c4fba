//! Names of things in the store. Key characters are those every backend allows: `A-Z a-z 0-9 - _ . /`, others as `=` and two hex digits.

/// All events; one key an event: putting it where nothing is makes sure that no other event of that version exists.
pub const EVENTS: &str = "event/";
/// Names the store, so that screens notice another one.
pub const STORE_NAME: &str = "hub/name";

pub fn event(incident: &str, version: u64) -> String {
    format!("{EVENTS}{}/{version:010}", escape(incident))
}

/// The view all screens of a scene share.
pub fn view(scene: &str) -> String {
    format!("view/{}", escape(scene))
}

fn escape(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => out.push(byte as char),
            _ => out.push_str(&format!("={byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_ids_have_different_keys_in_the_order_of_versions() {
        assert_eq!(event("城-1/a", 3), "event/=e5=9f=8e-1=2fa/0000000003");
        assert_ne!(event("a/0000000001", 1), event("a", 1));
        assert_ne!(event("=2f", 1), event("/", 1));
        assert!(event("a", 9) < event("a", 10));
    }
}
