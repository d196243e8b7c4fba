//! Incidents 事件: what must be handled, as commands in, events appended, state derived.

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
