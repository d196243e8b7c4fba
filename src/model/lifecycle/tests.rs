use super::*;
use crate::model::incident::Domain;
use proptest::prelude::*;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn order(what: Wish, role: Role, minute: i64) -> Order {
    let by = Stamp { actor: "王芳".into(), screen: "desk".into(), at: at(minute) };
    Order { command: format!("c{minute}"), by, role, device_time: None, reason: None, what }
}

fn report() -> Report {
    Report {
        id: "a".into(),
        domain: Domain::UrbanManagement,
        category: "urban_management/public_utility/manhole".into(),
        severity: Severity::Major,
        title: "井盖缺损".into(),
        title_en: String::new(),
        description: String::new(),
        lon: 118.3,
        lat: 33.9,
        area: None,
        reported_at: None,
    }
}

fn reported() -> Incident {
    let wish = Wish::Report { report: report(), source: "screen".into() };
    let event = decide("a", None, &order(wish, Role::Field, 0), Categories::bundled()).unwrap();
    Incident::after(None, &event).unwrap()
}

fn after(now: &Incident, action: Action, minute: i64) -> Result<Incident, Refusal> {
    let wish = Wish::Move { expected_version: now.version, action };
    let event = decide("a", Some(now), &order(wish, Role::Officer, minute), Categories::bundled())?;
    Ok(Incident::after(Some(now.clone()), &event).unwrap())
}

fn through(actions: &[Action]) -> Incident {
    actions.iter().zip(1..).fold(reported(), |now, (action, minute)| after(&now, action.clone(), minute).unwrap())
}

fn rule(outcome: Result<Incident, Refusal>) -> Rule {
    match outcome {
        Err(Refusal::Rule(rule)) => rule,
        other => panic!("not against a rule: {other:?}"),
    }
}

#[test]
fn an_incident_goes_its_way_from_report_to_evaluation() {
    let unit = || "巡逻01".to_owned();
    let way = [
        (Action::Verify, IncidentState::Verifying),
        (Action::Accept, IncidentState::Accepted),
        (Action::Register, IncidentState::Registered),
        (Action::Dispatch { unit: unit() }, IncidentState::Dispatched),
        (Action::Return, IncidentState::Registered),
        (Action::Dispatch { unit: unit() }, IncidentState::Dispatched),
        (Action::Sign, IncidentState::EnRoute),
        (Action::Arrive, IncidentState::Handling),
        (Action::Finish, IncidentState::Handled),
        (Action::Check, IncidentState::Checking),
        (Action::Rework, IncidentState::Handling),
        (Action::Finish, IncidentState::Handled),
        (Action::Check, IncidentState::Checking),
        (Action::Close, IncidentState::Closed),
        (Action::Evaluate { score: 5 }, IncidentState::Evaluated),
        (Action::Reopen, IncidentState::Registered),
    ];
    let mut now = reported();
    for ((action, state), minute) in way.into_iter().zip(1..) {
        now = after(&now, action, minute).unwrap();
        assert_eq!(now.state, state);
    }
    assert_eq!((now.version, now.bounces, now.unit), (17, 1, None));
    assert_eq!(now.due_at, Some(at(16) + TimeDelta::hours(2)), "who reopens starts the clock anew");
}

#[test]
fn on_hold_the_clock_stands_and_nothing_else_moves() {
    let held = through(&[Action::Accept, Action::Hold]);
    assert!(rule(after(&held, Action::Register, 10)).zh.contains("挂账"));
    let resumed = after(&held, Action::Resume, 62).unwrap();
    assert_eq!(resumed.due_at, held.due_at.map(|due| due + TimeDelta::minutes(60)));
    assert_eq!((resumed.held, resumed.held_since), (false, None));
    assert!(after(&resumed, Action::Register, 63).is_ok());
    assert!(after(&resumed, Action::Resume, 63).is_err());
}

#[test]
fn a_limit_is_extended_only_forward_and_not_for_ever() {
    let mut now = reported();
    assert!(after(&now, Action::Extend { due_at: at(1) }, 0).is_err(), "earlier than the present limit");
    for n in 1..=i64::from(EXTENSIONS_MAX) {
        now = after(&now, Action::Extend { due_at: at(1000 * n) }, n).unwrap();
        assert_eq!(now.due_at, Some(at(1000 * n)));
    }
    assert!(rule(after(&now, Action::Extend { due_at: at(9000) }, 9)).en.contains("already extended"));
}

#[test]
fn it_is_acknowledged_once() {
    let now = after(&reported(), Action::Acknowledge, 1).unwrap();
    assert_eq!(now.acknowledged.as_ref().map(|s| s.at), Some(at(1)));
    assert!(rule(after(&now, Action::Acknowledge, 2)).en.contains("王芳"));
}

#[test]
fn wrong_words_are_refused() {
    let registered = through(&[Action::Accept, Action::Register]);
    assert!(after(&registered, Action::Dispatch { unit: String::new() }, 9).is_err());
    assert!(after(&registered, Action::MarkDuplicate { of: "a".into() }, 9).is_err());
    let decide_report = |change: &dyn Fn(&mut Report)| {
        let mut report = report();
        change(&mut report);
        decide("a", None, &order(Wish::Report { report, source: "screen".into() }, Role::Field, 0), Categories::bundled())
    };
    assert!(decide_report(&|r| r.title.clear()).is_err());
    assert!(decide_report(&|r| r.lat = f64::NAN).is_err());
    assert!(decide_report(&|r| r.description = "x".repeat(TEXT_BYTES_MAX + 1)).is_err());
    let ahead = decide_report(&|r| r.reported_at = Some(at(600))).unwrap();
    assert_eq!(Incident::after(None, &ahead).unwrap().reported_at, at(0), "a clock that runs ahead is not believed");
}

#[test]
fn roles_do_what_is_theirs() {
    let now = reported();
    let may = |role, action: Action| {
        let wish = Wish::Move { expected_version: 1, action };
        decide("a", Some(&now), &order(wish, role, 1), Categories::bundled()).is_ok()
    };
    assert!(may(Role::Field, Action::Acknowledge) && may(Role::Field, Action::Verify));
    assert!(!may(Role::Field, Action::Void) && may(Role::Officer, Action::Void));
    assert!(!may(Role::Viewer, Action::Acknowledge) && !may(Role::Presenter, Action::Acknowledge));
}

#[test]
fn a_worse_word_from_the_source_shortens_the_limit() {
    let now = reported();
    let worse = Report { severity: Severity::Critical, ..report() };
    assert!(is_news(&now, &worse) && !is_news(&now, &report()));
    let event = decide("a", Some(&now), &order(Wish::Amend { report: worse }, Role::Officer, 5), Categories::bundled()).unwrap();
    let amended = Incident::after(Some(now.clone()), &event).unwrap();
    assert_eq!((amended.severity, amended.version), (Severity::Critical, 2));
    assert!(amended.due_at < now.due_at);
}

#[test]
fn another_place_category_or_description_from_the_source_is_news_and_a_few_metres_are_not() {
    let now = reported();
    let amended = |report: Report| {
        assert!(is_news(&now, &report), "{report:?}");
        let event = decide("a", Some(&now), &order(Wish::Amend { report }, Role::Officer, 5), Categories::bundled()).unwrap();
        Incident::after(Some(now.clone()), &event).unwrap()
    };
    // 1e-5 degrees of latitude are 1.1 m.
    assert!(!is_news(&now, &Report { lat: now.lat + 3e-5, lon: now.lon - 2e-5, ..report() }));
    let moved = amended(Report { lat: now.lat + 1e-4, area: Some("g7".into()), ..report() });
    assert_eq!((moved.lat, moved.lon, moved.area.as_deref()), (now.lat + 1e-4, now.lon, Some("g7")));
    let said = amended(Report { description: "两人受伤".into(), lon: now.lon + 1e-5, ..report() });
    assert_eq!((said.description.as_str(), said.lon, said.due_at), ("两人受伤", now.lon, now.due_at));
    let category = "traffic/accident/collision";
    let filed = amended(Report { domain: Domain::Traffic, category: category.into(), ..report() });
    assert_eq!((filed.domain, filed.category.as_str()), (Domain::Traffic, category));
    let limit = Categories::bundled().limit(category, Domain::Traffic, now.severity).unwrap();
    assert_eq!(filed.due_at, Some(now.reported_at + limit), "the limit is that of its new category");
    // As it was written before places and categories were news.
    let old = r#"{"happened":"amended","title":"t","title_en":"","description":"","severity":"minor","due_at":null}"#;
    let old: Happened = serde_json::from_str(old).unwrap();
    assert!(matches!(&old, Happened::Amended { filed: None, place: None, .. }));
    assert!(!serde_json::to_string(&old).unwrap().contains("place"), "and read by an older hub");
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Acknowledge),
        Just(Action::Verify),
        Just(Action::Accept),
        Just(Action::Register),
        "[a-z]{0,2}".prop_map(|unit| Action::Dispatch { unit }),
        Just(Action::Sign),
        Just(Action::Return),
        Just(Action::Arrive),
        Just(Action::Finish),
        Just(Action::Check),
        Just(Action::Rework),
        Just(Action::Close),
        (0..7u8).prop_map(|score| Action::Evaluate { score }),
        Just(Action::Reopen),
        (0..20_000i64).prop_map(|minute| Action::Extend { due_at: at(minute) }),
        Just(Action::Hold),
        Just(Action::Resume),
        "[ab]".prop_map(|of| Action::MarkDuplicate { of }),
        Just(Action::Void),
    ]
}

proptest! {
    /// Any pressing of buttons: what is refused changes nothing, each event is one version, and the events give the state again.
    #[test]
    fn events_are_all_there_is(presses in prop::collection::vec((any_action(), 0..3u64), 0..60)) {
        let first = order(Wish::Report { report: report(), source: "screen".into() }, Role::Field, 0);
        let mut events = vec![decide("a", None, &first, Categories::bundled()).unwrap()];
        let mut now = reported();
        for ((action, stale), minute) in presses.into_iter().zip(1..) {
            let before = now.clone();
            let wish = Wish::Move { expected_version: now.version.saturating_sub(stale), action };
            match decide("a", Some(&now), &order(wish, Role::Officer, minute), Categories::bundled()) {
                Ok(event) => {
                    prop_assert_eq!(stale, 0);
                    prop_assert_eq!(event.version, now.version + 1);
                    let later = Event { version: event.version + 1, ..event.clone() };
                    prop_assert!(now.apply(&later).is_err());
                    prop_assert_eq!(&now, &before, "an event out of order changes nothing");
                    now.apply(&event).unwrap();
                    prop_assert_eq!(now.version, before.version + 1);
                    events.push(event);
                }
                Err(Refusal::Conflict(current)) => prop_assert!(stale > 0 && *current == before),
                Err(Refusal::Rule(rule)) => prop_assert!(!rule.en.is_empty() && !rule.zh.is_empty()),
            }
        }
        let stored: Vec<Event> = events.iter().map(|e| serde_json::from_slice(&serde_json::to_vec(e).unwrap()).unwrap()).collect();
        prop_assert_eq!(&stored, &events, "what is stored is what happened");
        let replayed = stored.iter().try_fold(None, |i, e| Incident::after(i, e).map(Some)).unwrap();
        prop_assert_eq!(replayed, Some(now));
    }
}

#[test]
fn a_source_ends_its_incident_unless_a_unit_is_at_work_on_it() {
    let end = |now: &Incident| decide("a", Some(now), &order(Wish::End, Role::Officer, 30), Categories::bundled());
    let accepted = through(&[Action::Verify, Action::Accept, Action::Hold]);
    let closed = Incident::after(Some(accepted.clone()), &end(&accepted).unwrap()).unwrap();
    assert_eq!((closed.state, closed.held, closed.version), (IncidentState::Closed, false, 5));
    let busy = through(&[Action::Accept, Action::Dispatch { unit: "巡逻01".into() }, Action::Sign]);
    let Err(Refusal::Rule(rule)) = end(&busy) else { panic!("a crew is on its way") };
    assert!(rule.en.contains("a unit is at work") && rule.zh.contains("人工结案"));
    assert!(end(&closed).is_err());
}
