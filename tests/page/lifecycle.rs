//! Moves by state and role, and the categories of reports.

use chrono::{DateTime, TimeDelta};
use serde_json::{Map, Value, json};
use yiping::model::category::{Categories, Category};
use yiping::model::incident::{Action, Incident, IncidentState, Stamp};
use yiping::model::lifecycle::{Order, Wish, decide};
use yiping::model::protocol::Role;

const STATES: [IncidentState; 13] = {
    use IncidentState::*;
    [Reported, Verifying, Accepted, Registered, Dispatched, EnRoute, Handling, Handled, Checking, Closed, Evaluated, Duplicate, Void]
};

fn actions() -> Vec<Action> {
    use Action::*;
    let due_at = DateTime::UNIX_EPOCH + TimeDelta::days(9);
    vec![
        Acknowledge,
        Verify,
        Accept,
        Register,
        Dispatch { unit: "u".into() },
        Sign,
        Return,
        Arrive,
        Finish,
        Check,
        Rework,
        Close,
        Evaluate { score: 5 },
        Reopen,
        Extend { due_at },
        Hold,
        Resume,
        MarkDuplicate { of: "other".into() },
        Void,
    ]
}

fn incident(state: IncidentState, held: bool) -> Incident {
    serde_json::from_value(json!({
        "id": "i", "version": 1, "domain": "traffic", "category": "traffic/accident/collision", "severity": "minor", "state": state, "title": "t",
        "lon": 0.0, "lat": 0.0, "source": "s", "reported_at": "1970-01-01T00:00:00Z", "updated_at": "1970-01-01T00:00:00Z", "held": held,
    }))
    .unwrap()
}

/// Names of what may be done now, as the protocol spells them.
fn allowed(now: &Incident, role: Role) -> Vec<Value> {
    let may = |action: &Action| {
        let by = Stamp { actor: "a".into(), screen: "s".into(), at: DateTime::UNIX_EPOCH + TimeDelta::days(1) };
        let what = Wish::Move { expected_version: now.version, action: action.clone() };
        let order = Order { command: "c".into(), by, role, device_time: None, reason: Some("r".into()), what };
        decide(&now.id, Some(now), &order, Categories::bundled()).is_ok()
    };
    actions().iter().filter(|a| may(a)).map(|a| serde_json::to_value(a).unwrap()["action"].clone()).collect()
}

#[test]
fn the_page_is_told_which_moves_there_are() {
    let roles = [("field", Role::Field), ("officer", Role::Officer), ("viewer", Role::Viewer), ("presenter", Role::Presenter)];
    let by_role = |now: &Incident| -> Map<String, Value> {
        roles.map(|(name, role)| (name.to_owned(), json!(allowed(now, role)))).into_iter().collect()
    };
    let by_state = |held: bool| -> Map<String, Value> {
        let name = |state: IncidentState| serde_json::to_value(state).unwrap().as_str().unwrap().to_owned();
        STATES.map(|state| (name(state), Value::Object(by_role(&incident(state, held))))).into_iter().collect()
    };
    super::hold("moves.json", &json!({ "free": by_state(false), "held": by_state(true) }));
}

#[test]
fn the_page_is_told_which_categories_there_are() {
    fn walk(above: &str, list: &[Category], found: &mut Map<String, Value>) {
        for c in list {
            let path = format!("{above}/{}", c.id);
            found.insert(path.clone(), json!([c.name, c.name_en]));
            walk(&path, &c.children, found);
        }
    }
    let mut found = Map::new();
    for tree in &Categories::bundled().trees {
        let root = serde_json::to_value(tree.domain).unwrap();
        walk(root.as_str().unwrap(), &tree.categories, &mut found);
    }
    super::hold("categories.json", &Value::Object(found));
}
