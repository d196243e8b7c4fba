//! Incidents 事件: what must be handled, as commands in, events appended, state derived.

use super::protocol::Role;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The four fused domains 综治 城管 应急 交通.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    PublicOrder,
    UrbanManagement,
    Emergency,
    Traffic,
}

/// Worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Critical,
    Major,
    Minor,
    Info,
}

/// Lifecycle of DESIGN section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// 上报
    Reported,
    /// 核实
    Verifying,
    /// 受理
    Accepted,
    /// 立案
    Registered,
    /// 派遣
    Dispatched,
    /// 签收
    EnRoute,
    /// 处置
    Handling,
    /// 反馈
    Handled,
    /// 核查
    Checking,
    /// 结案
    Closed,
    /// 评价
    Evaluated,
    /// 重复
    Duplicate,
    /// 作废
    Void,
}

impl IncidentState {
    /// Nothing more is to be done (shown quietly, left out of counts of open incidents).
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Closed | Self::Evaluated | Self::Duplicate | Self::Void)
    }
}

/// The state of one incident, derived from its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: String,
    /// Counts this incident's events; a command must name the version it was decided on.
    pub version: u64,
    pub domain: Domain,
    /// Path in the domain's category tree: `urban_management/street_order/stall`.
    pub category: String,
    pub severity: Severity,
    pub state: IncidentState,
    pub title: String,
    #[serde(default)]
    pub title_en: String,
    #[serde(default)]
    pub description: String,
    pub lon: f64,
    pub lat: f64,
    /// Grid cell or the smallest known area.
    #[serde(default)]
    pub area: Option<String>,
    /// Feed id, or `screen` for a person's report.
    pub source: String,
    pub reported_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When it must be handled by; `None` when its category sets no limit.
    #[serde(default)]
    pub due_at: Option<DateTime<Utc>>,
    /// Who first took note, and when.
    #[serde(default)]
    pub acknowledged: Option<Stamp>,
    /// Unit dispatched.
    #[serde(default)]
    pub unit: Option<String>,
    /// 挂账: waiting for something outside; timers stand.
    #[serde(default)]
    pub held: bool,
    /// When it was put on hold; its limit moves by as long when it is taken up again.
    #[serde(default)]
    pub held_since: Option<DateTime<Utc>>,
    /// 延期: how often its limit was extended.
    #[serde(default)]
    pub extensions: u32,
    /// How often a unit sent it back.
    #[serde(default)]
    pub bounces: u32,
}

/// Who, from which screen, when (hub time).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    pub actor: String,
    pub screen: String,
    pub at: DateTime<Utc>,
}

/// What a person's report or a feed's message says of a new incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Chosen by the reporter (a UUID), so that a repeated report is known as the same.
    pub id: String,
    pub domain: Domain,
    pub category: String,
    pub severity: Severity,
    pub title: String,
    #[serde(default)]
    pub title_en: String,
    #[serde(default)]
    pub description: String,
    pub lon: f64,
    pub lat: f64,
    #[serde(default)]
    pub area: Option<String>,
    /// When it was seen, by the reporter's clock.
    #[serde(default)]
    pub reported_at: Option<DateTime<Utc>>,
}

/// What may be done to an incident that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Someone has taken note; allowed once, in any state that is not ended.
    Acknowledge,
    Verify,
    Accept,
    Register,
    Dispatch {
        unit: String,
    },
    /// The unit signs for it 签收.
    Sign,
    /// The unit sends it back to dispatch 退回; counted as a bounce.
    Return,
    Arrive,
    /// The unit says it is done 反馈.
    Finish,
    Check,
    /// Checked and found wanting: back to handling 返工.
    Rework,
    Close,
    Evaluate {
        score: u8,
    },
    Reopen,
    Extend {
        due_at: DateTime<Utc>,
    },
    Hold,
    Resume,
    MarkDuplicate {
        of: String,
    },
    Void,
}

/// One thing that happened to an incident. An incident is the sum of its events, in the order of their versions.
///
/// An event says what came of a move (`to`, `due_at`), so that old events mean the same after a rule has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub incident: String,
    /// The incident's version once this has happened: 1 for the report, one more for each event.
    pub version: u64,
    /// Id of the command that led to it.
    pub command: String,
    pub by: Stamp,
    pub role: Role,
    /// The device's clock when the person pressed.
    #[serde(default)]
    pub device_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(flatten)]
    pub what: Happened,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "happened", rename_all = "snake_case")]
pub enum Happened {
    Reported {
        report: Report,
        /// Feed id, or `screen`.
        source: String,
        due_at: Option<DateTime<Utc>>,
    },
    /// Its source says something else of it than before.
    Amended {
        title: String,
        title_en: String,
        description: String,
        severity: Severity,
        due_at: Option<DateTime<Utc>>,
        /// Where it has been filed anew: domain and category.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filed: Option<(Domain, String)>,
        /// Where it has moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// A person's move; `to` and `due_at` as they are after it.
    Moved { action: Action, to: IncidentState, due_at: Option<DateTime<Utc>> },
}

/// Where an incident is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Degrees.
    pub lon: f64,
    pub lat: f64,
    #[serde(default)]
    pub area: Option<String>,
}

/// An event that doesn't follow on what is there: a hole or a doubling in the store.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("incident {incident}: event of version {found} can't follow version {at}; the store has lost or doubled an event")]
pub struct OutOfOrder {
    pub incident: String,
    pub at: u64,
    pub found: u64,
}

impl Incident {
    /// The incident after `event`, from nothing when `before` is `None`. Pure: the same events give the same incident.
    pub fn after(before: Option<Incident>, event: &Event) -> Result<Incident, OutOfOrder> {
        let at = before.as_ref().map_or(0, |i| i.version);
        let out_of_order = || OutOfOrder { incident: event.incident.clone(), at, found: event.version };
        if event.version != at + 1 {
            return Err(out_of_order());
        }
        match (before, &event.what) {
            (None, Happened::Reported { report, source, due_at }) => Ok(Incident::reported(report, source, *due_at, event)),
            (Some(mut incident), Happened::Amended { .. } | Happened::Moved { .. }) => {
                incident.apply(event)?;
                Ok(incident)
            }
            _ => Err(out_of_order()),
        }
    }

    fn reported(report: &Report, source: &str, due_at: Option<DateTime<Utc>>, event: &Event) -> Incident {
        Incident {
            id: event.incident.clone(),
            version: event.version,
            domain: report.domain,
            category: report.category.clone(),
            severity: report.severity,
            state: IncidentState::Reported,
            title: report.title.clone(),
            title_en: report.title_en.clone(),
            description: report.description.clone(),
            lon: report.lon,
            lat: report.lat,
            area: report.area.clone(),
            source: source.to_owned(),
            reported_at: report.reported_at.unwrap_or(event.by.at),
            updated_at: event.by.at,
            due_at,
            acknowledged: None,
            unit: None,
            held: false,
            held_since: None,
            extensions: 0,
            bounces: 0,
        }
    }

    /// Applies an event to an incident that exists; an event out of order changes nothing.
    pub fn apply(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        if event.version != self.version + 1 || event.incident != self.id {
            return Err(OutOfOrder { incident: event.incident.clone(), at: self.version, found: event.version });
        }
        match &event.what {
            Happened::Reported { .. } => {
                return Err(OutOfOrder { incident: event.incident.clone(), at: self.version, found: event.version });
            }
            Happened::Amended { title, title_en, description, severity, due_at, filed, place } => {
                (self.title, self.title_en, self.description) = (title.clone(), title_en.clone(), description.clone());
                (self.severity, self.due_at) = (*severity, *due_at);
                if let Some((domain, category)) = filed {
                    (self.domain, self.category) = (*domain, category.clone());
                }
                if let Some(place) = place {
                    (self.lon, self.lat, self.area) = (place.lon, place.lat, place.area.clone());
                }
            }
            Happened::Moved { action, to, due_at } => {
                (self.state, self.due_at) = (*to, *due_at);
                self.note(action, event);
            }
        }
        self.version = event.version;
        self.updated_at = event.by.at;
        Ok(())
    }

    /// What a move changes beside state and limit.
    fn note(&mut self, action: &Action, event: &Event) {
        match action {
            Action::Acknowledge => self.acknowledged = Some(event.by.clone()),
            Action::Dispatch { unit } => self.unit = Some(unit.clone()),
            Action::Return => {
                self.unit = None;
                self.bounces += 1;
            }
            Action::Reopen => self.unit = None,
            Action::Extend { .. } => self.extensions += 1,
            Action::Hold => (self.held, self.held_since) = (true, Some(event.by.at)),
            Action::Resume | Action::Close | Action::MarkDuplicate { .. } | Action::Void => (self.held, self.held_since) = (false, None),
            _ => {}
        }
    }
}
