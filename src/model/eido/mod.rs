//! Emergency Incident Data Objects (NENA-STA-021.1a-2022, EIDO-JSON): what dispatch centres tell each other of an incident.
//!
//! [`read`] takes what others send, [`write`] says an incident of ours in the same words; both pure. Components that are not named
//! here (calls, persons, vehicles, resources) are read over: who called and who is hurt has no business on a city's screen.

mod read;
mod types;
mod write;

pub use read::{Eido, Place, is_of_calls_alone, objects, read};
pub use types::{filing, severity};
pub use write::{Issuer, write};

/// What an incident's own identifier begins with (NENA-STA-010, 2.1.5).
const INCIDENT_URN: &str = "urn:emergency:uid:incidentid:";
/// What a component's identifier begins with (2.1).
const COMPONENT_URN: &str = "urn:emergency:uid:eidodatacomponent:";

#[cfg(test)]
mod tests;
