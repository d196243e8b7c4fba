//! The rules of an incident's life (DESIGN section 6): which move is allowed when, by whom, and what comes of it.
//!
//! ```text
//! reported > verifying > accepted > registered > dispatched > en route > handling > handled > checking > closed > evaluated
//!     \__________________/  \____________________/    <---- return ----'    '-- rework <----'          reopen > registered
//! ```
//! Verifying may be left out (a trusted source) and so may registering (an emergency is dispatched as soon as it is accepted).
//! [`decide`] is pure: what is there and what is asked give the event to store, or the rule that is against it.

use super::category::Categories;
use super::geojson::METRES_A_DEGREE;
use super::incident::{Action, Event, Happened, Incident, IncidentState, Place, Report, Severity, Stamp};
use super::protocol::Role;
use chrono::{DateTime, TimeDelta, Utc};

/// Extensions of one incident: a third one is a case for the next level up, not for another date.
pub const EXTENSIONS_MAX: u32 = 2;
/// Bytes. Longer texts are attachments, not titles; bounds what one event costs on disk and on the wire.
pub const TITLE_BYTES_MAX: usize = 400;
pub const TEXT_BYTES_MAX: usize = 8_000;
pub const ID_BYTES_MAX: usize = 200;
/// Metres. A place that is less far from the last one is the same place: a receiver that stands still says as much.
const MOVED_M: f64 = 5.0;
/// How far ahead a device's clock may be before its word on when it was seen is not taken.
const CLOCK_AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);

/// Why something may not be done, in words for the person who asked.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("{en}")]
pub struct Rule {
    pub en: String,
    pub zh: String,
}

impl Rule {
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }
}

/// Why nothing happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Decided on a version that is no longer the newest.
    Conflict(Box<Incident>),
    Rule(Rule),
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Refusal::Rule(rule)
    }
}

/// Who asks, when, and by which command.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub command: String,
    pub by: Stamp,
    pub role: Role,
    pub device_time: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub what: Wish,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// A new incident, from feed `source` or from a person (`screen`).
    Report {
        report: Report,
        source: String,
    },
    /// The source's newer word on an incident.
    Amend {
        report: Report,
    },
    /// The source says that it is over.
    End,
    Move {
        expected_version: u64,
        action: Action,
    },
}

/// The event that `order` leads to, given the incident as it is (`None`: there is none of this id).
///
/// Nothing is changed here: apply the event with [`Incident::after`] once it is stored.
pub fn decide(incident: &str, current: Option<&Incident>, order: &Order, limits: &Categories) -> Result<Event, Refusal> {
    check_id(incident)?;
    if order.reason.as_ref().is_some_and(|r| r.len() > TEXT_BYTES_MAX) {
        return Err(too_long("reason", "理由", TEXT_BYTES_MAX).into());
    }
    let what = match (&order.what, current) {
        (Wish::Report { .. }, Some(_)) => {
            return Err(Rule::new(format!("incident {incident} is already reported"), format!("事件 {incident} 已上报")).into());
        }
        (Wish::Report { report, source }, None) => {
            may_report(order.role)?;
            let report = checked(report, order.by.at)?;
            let due_at = limits.due_at(&report, order.by.at);
            Happened::Reported { report, source: source.clone(), due_at }
        }
        (Wish::Amend { .. } | Wish::End | Wish::Move { .. }, None) => {
            return Err(Rule::new(format!("there is no incident {incident}"), format!("没有事件 {incident}")).into());
        }
        (Wish::Amend { report }, Some(now)) => amended(now, &checked(report, order.by.at)?, limits),
        (Wish::End, Some(now)) => ended(now)?,
        (Wish::Move { expected_version, action }, Some(now)) => {
            may_move(order.role, action)?;
            if *expected_version != now.version {
                return Err(Refusal::Conflict(Box::new(now.clone())));
            }
            moved(now, action, order.by.at, limits)?
        }
    };
    Ok(Event {
        incident: incident.to_owned(),
        version: current.map_or(0, |i| i.version) + 1,
        command: order.command.clone(),
        by: order.by.clone(),
        role: order.role,
        device_time: order.device_time,
        reason: order.reason.clone().filter(|r| !r.is_empty()),
        what,
    })
}

fn may_report(role: Role) -> Result<(), Rule> {
    match role {
        Role::Field | Role::Officer => Ok(()),
        Role::Viewer | Role::Presenter => Err(Rule::new("your role may not report incidents", "当前角色无权上报事件")),
    }
}

/// A field worker acknowledges, verifies, handles and checks; the rest is an officer's.
fn may_move(role: Role, action: &Action) -> Result<(), Rule> {
    use Action::*;
    let in_the_field = matches!(action, Acknowledge | Verify | Sign | Return | Arrive | Finish | Check);
    match role {
        Role::Officer => Ok(()),
        Role::Field if in_the_field => Ok(()),
        Role::Field => Err(Rule::new(
            format!("a field worker may not {}; ask an officer", name(action).0),
            format!("现场人员无权{}，请联系指挥中心", name(action).1),
        )),
        Role::Viewer | Role::Presenter => Err(Rule::new("your role may not change incidents", "当前角色无权处理事件")),
    }
}

/// State and limit after `action`.
fn moved(now: &Incident, action: &Action, at: DateTime<Utc>, limits: &Categories) -> Result<Happened, Rule> {
    let to = next(now, action)?;
    let due_at = match action {
        Action::Extend { due_at } => Some(extended(now, *due_at, at)?),
        Action::Resume => now.due_at.map(|due| due + (at - now.held_since.unwrap_or(at)).max(TimeDelta::zero())),
        Action::Reopen => limits.limit(&now.category, now.domain, now.severity).map(|limit| at + limit),
        _ => now.due_at,
    };
    Ok(Happened::Moved { action: action.clone(), to, due_at })
}

/// The state after `action`, or the rule against it.
pub fn next(now: &Incident, action: &Action) -> Result<IncidentState, Rule> {
    use Action::*;
    use IncidentState as S;
    let state = now.state;
    if now.held && !matches!(action, Acknowledge | Resume | MarkDuplicate { .. } | Void) {
        return Err(Rule::new("it is on hold; take it up again first", "事件处于挂账状态，请先恢复"));
    }
    let to = match (action, state) {
        (Acknowledge, s) if !s.is_ended() => return acknowledged(now),
        (Verify, S::Reported) => S::Verifying,
        (Accept, S::Reported | S::Verifying) => S::Accepted,
        (Register, S::Accepted) => S::Registered,
        (Dispatch { unit }, S::Accepted | S::Registered) => return named(unit, "a unit", "处置力量").map(|()| S::Dispatched),
        (Sign, S::Dispatched) => S::EnRoute,
        (Return, S::Dispatched | S::EnRoute | S::Handling) => S::Registered,
        (Arrive, S::EnRoute) => S::Handling,
        (Finish, S::Handling) => S::Handled,
        (Check, S::Handled) => S::Checking,
        (Rework, S::Handled | S::Checking) => S::Handling,
        (Close, S::Checking) => S::Closed,
        (Evaluate { score }, S::Closed) => match score {
            1..=5 => S::Evaluated,
            _ => return Err(Rule::new("the score must be 1 to 5", "评分应为 1 至 5")),
        },
        (Reopen, S::Closed | S::Evaluated) => S::Registered,
        (Reopen, S::Duplicate | S::Void) => S::Verifying,
        (Extend { .. }, s) if !s.is_ended() => s,
        (Hold, s) if !s.is_ended() => s,
        (Resume, s) if now.held => s,
        (Resume, _) => return Err(Rule::new("it is not on hold", "事件未挂账")),
        (MarkDuplicate { of }, s) if !s.is_ended() => return duplicate(now, of).map(|()| S::Duplicate),
        (Void, s) if !s.is_ended() => S::Void,
        _ => {
            let (en, zh) = name(action);
            let (state_en, state_zh) = state_name(state);
            return Err(Rule::new(format!("can't {en} an incident that is {state_en}"), format!("事件处于“{state_zh}”，不能{zh}")));
        }
    };
    Ok(to)
}

fn acknowledged(now: &Incident) -> Result<IncidentState, Rule> {
    match &now.acknowledged {
        None => Ok(now.state),
        Some(by) => Err(Rule::new(format!("{} has already acknowledged it", by.actor), format!("{} 已确认该事件", by.actor))),
    }
}

fn duplicate(now: &Incident, of: &str) -> Result<(), Rule> {
    named(of, "the other incident", "原事件")?;
    if of == now.id { Err(Rule::new("an incident can't be a duplicate of itself", "事件不能与自身重复")) } else { Ok(()) }
}

fn extended(now: &Incident, due_at: DateTime<Utc>, at: DateTime<Utc>) -> Result<DateTime<Utc>, Rule> {
    if now.extensions >= EXTENSIONS_MAX {
        return Err(Rule::new(
            format!("it was already extended {EXTENSIONS_MAX} times"),
            format!("该事件已延期 {EXTENSIONS_MAX} 次，不能再延期"),
        ));
    }
    if due_at <= now.due_at.unwrap_or(at).max(at) {
        return Err(Rule::new("the new limit must be later than the present one and than now", "新时限须晚于原时限和当前时间"));
    }
    Ok(due_at)
}

fn amended(now: &Incident, report: &Report, limits: &Categories) -> Happened {
    let filed_anew = is_filed_anew(now, report);
    // A worse severity shortens the limit from the first report on; a limit that people have moved stays theirs.
    let due_at = match limits.limit(&report.category, report.domain, report.severity) {
        Some(limit) if (filed_anew || report.severity != now.severity) && now.extensions == 0 && !now.held => Some(now.reported_at + limit),
        _ => now.due_at,
    };
    Happened::Amended {
        title: report.title.clone(),
        title_en: report.title_en.clone(),
        description: report.description.clone(),
        severity: report.severity,
        due_at,
        filed: filed_anew.then(|| (report.domain, report.category.clone())),
        place: has_moved(now, report).then(|| Place { lon: report.lon, lat: report.lat, area: report.area.clone() }),
    }
}

/// Closed by its source. Only while nobody of ours is at work on it: a crew that is there decides itself when it is done.
fn ended(now: &Incident) -> Result<Happened, Rule> {
    use IncidentState as S;
    match now.state {
        S::Reported | S::Verifying | S::Accepted | S::Registered => {
            Ok(Happened::Moved { action: Action::Close, to: S::Closed, due_at: now.due_at })
        }
        S::Dispatched | S::EnRoute | S::Handling | S::Handled | S::Checking => Err(Rule::new(
            format!("{}: its source says it is over, but a unit is at work on it; close it by hand", now.id),
            format!("{}：来源称已结束，但现场力量正在处置，请人工结案", now.id),
        )),
        S::Closed | S::Evaluated | S::Duplicate | S::Void => {
            Err(Rule::new(format!("{} is over already", now.id), format!("{} 已结束", now.id)))
        }
    }
}

/// Whether `report` says anything of `now` that is worth an event: other words, another severity or category, or another place.
pub fn is_news(now: &Incident, report: &Report) -> bool {
    let words = now.title != report.title || now.title_en != report.title_en || now.description != report.description;
    words || now.severity != report.severity || is_filed_anew(now, report) || has_moved(now, report)
}

fn is_filed_anew(now: &Incident, report: &Report) -> bool {
    now.domain != report.domain || now.category != report.category
}

fn has_moved(now: &Incident, report: &Report) -> bool {
    let east = (report.lon - now.lon) * now.lat.to_radians().cos();
    east.hypot(report.lat - now.lat) * METRES_A_DEGREE > MOVED_M
}

/// The report with its time held against the hub's clock, or what is wrong with it.
fn checked(report: &Report, now: DateTime<Utc>) -> Result<Report, Rule> {
    let mut report = report.clone();
    let lengths = [
        ("title", "标题", report.title.len().max(report.title_en.len()), TITLE_BYTES_MAX),
        ("description", "描述", report.description.len(), TEXT_BYTES_MAX),
        ("category", "类别", report.category.len(), ID_BYTES_MAX),
        ("area", "辖区", report.area.as_ref().map_or(0, String::len), ID_BYTES_MAX),
    ];
    for (en, zh, len, max) in lengths {
        if len > max {
            return Err(too_long(en, zh, max));
        }
    }
    if report.title.trim().is_empty() {
        return Err(Rule::new("a report needs a title", "上报须填写标题"));
    }
    if !(report.lon.abs() <= 180.0 && report.lat.abs() <= 90.0) {
        return Err(Rule::new(
            format!("longitude {}, latitude {} is no place on Earth", report.lon, report.lat),
            format!("坐标无效：经度 {}，纬度 {}", report.lon, report.lat),
        ));
    }
    if report.reported_at.is_some_and(|t| t > now + CLOCK_AHEAD_MAX) {
        report.reported_at = None; // A clock that runs ahead would make an incident that is not yet reported.
    }
    Ok(report)
}

fn check_id(id: &str) -> Result<(), Rule> {
    if id.is_empty() || id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) {
        return Err(Rule::new(
            format!("an incident id has 1 to {ID_BYTES_MAX} bytes and no control characters"),
            format!("事件编号须为 1 至 {ID_BYTES_MAX} 字节且不含控制字符"),
        ));
    }
    Ok(())
}

fn named(id: &str, en: &str, zh: &str) -> Result<(), Rule> {
    if id.is_empty() || id.len() > ID_BYTES_MAX { Err(Rule::new(format!("name {en}"), format!("请指定{zh}"))) } else { Ok(()) }
}

fn too_long(en: &str, zh: &str, max: usize) -> Rule {
    Rule::new(format!("the {en} is longer than {max} bytes"), format!("{zh}超过 {max} 字节"))
}

/// An action in English (a verb) and Chinese.
pub fn name(action: &Action) -> (&'static str, &'static str) {
    match action {
        Action::Acknowledge => ("acknowledge", "确认"),
        Action::Verify => ("verify", "核实"),
        Action::Accept => ("accept", "受理"),
        Action::Register => ("register", "立案"),
        Action::Dispatch { .. } => ("dispatch", "派遣"),
        Action::Sign => ("sign for", "签收"),
        Action::Return => ("return", "退回"),
        Action::Arrive => ("arrive at", "到场处置"),
        Action::Finish => ("finish", "反馈"),
        Action::Check => ("check", "核查"),
        Action::Rework => ("send back for rework", "返工"),
        Action::Close => ("close", "结案"),
        Action::Evaluate { .. } => ("evaluate", "评价"),
        Action::Reopen => ("reopen", "重新立案"),
        Action::Extend { .. } => ("extend", "延期"),
        Action::Hold => ("hold", "挂账"),
        Action::Resume => ("resume", "恢复"),
        Action::MarkDuplicate { .. } => ("mark as a duplicate", "标记重复"),
        Action::Void => ("void", "作废"),
    }
}

/// A state in English and Chinese.
pub fn state_name(state: IncidentState) -> (&'static str, &'static str) {
    match state {
        IncidentState::Reported => ("reported", "上报"),
        IncidentState::Verifying => ("verifying", "核实"),
        IncidentState::Accepted => ("accepted", "受理"),
        IncidentState::Registered => ("registered", "立案"),
        IncidentState::Dispatched => ("dispatched", "派遣"),
        IncidentState::EnRoute => ("en route", "签收"),
        IncidentState::Handling => ("handling", "处置"),
        IncidentState::Handled => ("handled", "反馈"),
        IncidentState::Checking => ("checking", "核查"),
        IncidentState::Closed => ("closed", "结案"),
        IncidentState::Evaluated => ("evaluated", "评价"),
        IncidentState::Duplicate => ("a duplicate", "重复"),
        IncidentState::Void => ("void", "作废"),
    }
}

/// A severity in English and Chinese.
pub fn severity_name(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("critical", "特急"),
        Severity::Major => ("major", "重大"),
        Severity::Minor => ("minor", "一般"),
        Severity::Info => ("info", "提示"),
    }
}

#[cfg(test)]
mod tests;
