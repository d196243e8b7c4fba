//! How units leave: a day after their last position the hub forgets them, and so does every screen by the same rule. Where they were
//! stays in the history.

use super::core::Core;
use super::ingest::on_earth;
use super::keep::Keep;
use super::ledger::Fate;
use super::world::World;
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};

impl World {
    /// Forgets units of which no position has come for a day; how many.
    pub fn forget_units(&mut self, now: DateTime<Utc>) -> usize {
        let before = self.units.len();
        self.units.retain(|_, unit| !unit.is_forgotten(now));
        before - self.units.len()
    }
}

/// Takes a position from so long ago that its unit would be forgotten at once: it belongs to the past alone.
pub fn take_old(core: &Core, keep: &mut Keep, unit: &Unit, now: DateTime<Utc>) -> Fate {
    match on_earth(unit.lon, unit.lat) {
        false => Fate::Rejected("out_of_range"),
        true if keep.old_unit(core, unit, now) => Fate::Stored,
        true => Fate::Conflated("older"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene_file::LoadedScene;
    use super::*;
    use crate::history::{At, History, Memory, Select};
    use crate::model::protocol::PastWorld;
    use crate::model::unit::KEPT;
    use crate::model::view::Known;
    use crate::store::Embedded;
    use chrono::TimeDelta;
    use std::sync::Arc;

    fn unit(id: &str, seen_at: DateTime<Utc>) -> Unit {
        let json = serde_json::json!({"id": id, "call_sign": id, "domain": "traffic", "kind": "patrol_car", "state": "available",
            "lon": 118.25, "lat": 33.5, "seen_at": seen_at});
        serde_json::from_value(json).unwrap()
    }

    async fn open(dir: &std::path::Path, history: Option<Arc<dyn History>>) -> Arc<Core> {
        let file = dir.join("s.toml");
        std::fs::write(&file, "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n").unwrap();
        let scene = LoadedScene::load(&file, dir).unwrap();
        let state = dir.join("s.redb");
        Core::new(scene, None, None, Arc::new(Embedded::open(&state).unwrap()), history, &state).await.unwrap()
    }

    #[tokio::test]
    async fn a_unit_is_forgotten_a_day_after_its_last_position_and_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        let core = open(dir.path(), None).await;
        let now = Utc::now();
        let mut world = core.world();
        for (id, ago) in [("new", TimeDelta::zero()), ("night", TimeDelta::hours(23)), ("gone", KEPT + TimeDelta::seconds(1))] {
            world.units.insert(id.into(), unit(id, now - ago));
        }
        assert_eq!(world.forget_units(now), 1);
        assert!(world.units.keys().eq(["new", "night"]));
        assert_eq!((world.forget_units(now + TimeDelta::hours(2)), world.units.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_position_of_days_ago_is_kept_once_in_the_past_and_not_shown_now() {
        let dir = tempfile::tempdir().unwrap();
        let history: Arc<dyn History> = Arc::new(Memory::default());
        let core = open(dir.path(), Some(history.clone())).await;
        let (mut keep, now) = (Keep::default(), Utc::now());
        let then = now - TimeDelta::days(3);
        assert_eq!(take_old(&core, &mut keep, &unit("u", then), now), Fate::Stored);
        assert_eq!(take_old(&core, &mut keep, &unit("u", then), now), Fate::Conflated("older"), "said again, as a poll does");
        assert_eq!(take_old(&core, &mut keep, &unit("u", then + TimeDelta::minutes(1)), now), Fate::Stored);
        assert_eq!(take_old(&core, &mut keep, &Unit { lat: 99.0, ..unit("u", now) }, now), Fate::Rejected("out_of_range"));
        keep.write(&core);
        keep.written(&core, &mut super::super::ledger::Ledger::new("f")).await;
        assert!(core.world().units.is_empty());
        let state = history.latest_at(At::as_it_happened(then + TimeDelta::seconds(30)), Select::all()).await.unwrap();
        assert!(state.samples.len() >= 4 && state.samples.iter().all(|s| s.time_us == then.timestamp_micros()));
        let past: PastWorld =
            serde_json::from_slice(&core.past(then + TimeDelta::minutes(2), Known::AsItHappened).await.unwrap().json()).unwrap();
        assert_eq!(past.units.iter().map(|u| u.id.as_str()).collect::<Vec<_>>(), ["u"]);

        let without = open(&tempfile::tempdir().unwrap().keep(), None).await;
        assert_eq!(take_old(&without, &mut Keep::default(), &unit("u", then), now), Fate::Conflated("older"));
    }
}
