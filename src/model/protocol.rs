//! Messages between the hub and every screen, as JSON text frames over one WebSocket (`/ws`).
//!
//! ```text
//! screen -> hub   hello            once, first
//! hub -> screen   welcome, snapshot
//! hub -> screen   delta            for every accepted change, revision by revision; may skip revisions the viewport does not see
//! screen -> hub   command          answered by exactly one reply with the same id
//! ```
//! Field names and values are what `serde` makes of these types: snake case, `type` first.

use super::alert::Alert;
use super::feed::FeedStatus;
use super::incident::{Action, Incident, Report};
use super::observation::{Datastream, Observation};
use super::unit::Unit;
use super::view::{Known, ViewPatch, ViewState};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Raised when a message changes its meaning; hub and screens must agree.
pub const PROTOCOL_VERSION: u32 = 1;

/// A number from the store, one more for every accepted change of anything; screens that show the same revision show the same state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// What a screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenClass {
    /// Video wall.
    Large,
    /// Desk.
    Medium,
    /// Phone.
    Small,
}

/// What its user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees, changes nothing.
    Viewer,
    /// Reports, acknowledges, handles.
    Field,
    /// All of it, and leads the view.
    Officer,
    /// Leads the view and the tour.
    Presenter,
}

/// Screen to hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "read and dropped one at a time")]
pub enum FromScreen {
    Hello {
        version: u32,
        /// Unique and stable for a screen: `desk-1`, `wall-a/2`, `phone-3f9c`.
        screen: String,
        class: ScreenClass,
        role: Role,
        /// Person's name as it is written into events.
        actor: String,
        #[serde(default)]
        token: Option<String>,
        /// Last revision seen before a break: the hub answers with the deltas since, or with a snapshot when it no longer has them.
        #[serde(default)]
        resume: Option<Revision>,
    },
    /// West, south, east, north in degrees; `null` for everything. High-rate entities outside are not sent.
    Subscribe { viewport: Option<[f64; 4]> },
    Command {
        /// Chosen by the screen; a repeated id is answered again and not done twice.
        id: String,
        #[serde(flatten)]
        command: Command,
    },
    /// Answered by `pong` with the same number, to measure the way and the clocks.
    Ping { sent_ms: f64 },
}

/// What a screen asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// A new incident.
    Report { report: Report },
    /// A move on an incident. `expected_version` is the version the person saw.
    Incident {
        incident: String,
        expected_version: u64,
        action: Action,
        #[serde(default)]
        reason: Option<String>,
        /// The device's clock when the person pressed.
        device_time: DateTime<Utc>,
    },
    /// A change of the view; only from the screen that leads.
    View { patch: ViewPatch },
    /// From now on this screen leads.
    TakeLead,
}

/// Hub to screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromHub {
    Welcome {
        version: u32,
        /// Names the hub's store. A screen that resumes and finds another name here connects anew, without `resume`.
        hub: String,
        time: DateTime<Utc>,
    },
    /// Everything, at one revision.
    Snapshot(Box<Snapshot>),
    /// What changed up to `revision`; `time` is the hub's clock.
    Delta {
        revision: Revision,
        time: DateTime<Utc>,
        changes: Vec<Change>,
    },
    /// The hub no longer has the deltas asked for (or the screen was too slow); a snapshot follows.
    Gap {
        from: Revision,
        to: Revision,
    },
    Reply {
        id: String,
        outcome: Outcome,
    },
    Pong {
        sent_ms: f64,
        time: DateTime<Utc>,
    },
    /// Said before the hub closes the connection, in words.
    Bye {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub revision: Revision,
    pub time: DateTime<Utc>,
    pub view: ViewState,
    pub incidents: Vec<Incident>,
    pub units: Vec<Unit>,
    pub datastreams: Vec<Datastream>,
    /// The latest of each datastream.
    pub observations: Vec<Observation>,
    /// In force, announced, or over for less than a day.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    pub feeds: Vec<FeedStatus>,
    /// Screens connected now; a phone hears how many there are by [`Change::Screens`].
    pub screens: Vec<ScreenInfo>,
}

/// What was at an instant (`GET /api/at?time=…&known=…`): what screens show while their shared clock is in the past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PastWorld {
    pub time: DateTime<Utc>,
    pub known: Known,
    pub incidents: Vec<Incident>,
    pub units: Vec<Unit>,
    /// The newest of each datastream at that instant.
    pub observations: Vec<Observation>,
    /// Those that stood at that instant.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// What could not be told, in words.
    pub missing: Vec<String>,
}

/// One changed thing, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entity", rename_all = "snake_case")]
pub enum Change {
    View {
        view: Box<ViewState>,
    },
    Incident {
        incident: Box<Incident>,
    },
    /// One leaves without a message: hub and screens forget it by the same rule ([`super::unit::KEPT`]).
    Unit {
        unit: Unit,
    },
    Datastream {
        datastream: Datastream,
    },
    /// Conflated: the newest of a datastream, at most once a second each (a unit: ten times a second).
    Observation {
        observation: Observation,
    },
    Alert {
        alert: Box<Alert>,
    },
    Feed {
        feed: FeedStatus,
    },
    Screens {
        /// At most some hundred, walls and desks first; phones are told only how many there are.
        screens: Vec<ScreenInfo>,
        /// How many there are.
        #[serde(default)]
        total: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScreenInfo {
    pub screen: String,
    pub class: ScreenClass,
    pub role: Role,
    pub actor: String,
    /// Messages this screen was too slow for and that were conflated away.
    pub dropped: u64,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// On disk. `version` is the incident's new version (0 for a view change).
    Accepted { version: u64, revision: Revision },
    /// Somebody else was first; nothing changed. The current state comes along.
    Conflict { current: Box<Incident> },
    /// Against a rule, said in words a person understands; nothing changed.
    Rejected { rule: String, rule_zh: String },
}
