//! What must hold of a country of any seed.

use super::*;
use crate::city::read_source;
use crate::city::report::BuildReport;
use std::collections::{BTreeMap, HashSet};

fn text(seed: u64, buildings: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let summary = Country::new(Options { seed, buildings }).unwrap().write(&mut out, &|_| ()).unwrap();
    assert_eq!(summary.buildings, buildings);
    out
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    assert!(text(3, 5_000) == text(3, 5_000));
    assert!(text(3, 5_000) != text(4, 5_000));
}

#[test]
fn as_many_buildings_as_asked_for_each_with_its_own_id_and_attributes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("country.city.jsonl");
    std::fs::write(&file, text(7, 6_000)).unwrap();
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report).unwrap();
    assert_eq!((report.objects_in, report.objects_rejected, report.warnings.len()), (6_000, 0, 0), "{report:?}");
    let ids: HashSet<&str> = source.objects.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids.len(), 6_000);
    let roofs: HashSet<&str> = source.objects.iter().map(|o| o.attributes["roof"].as_str().unwrap()).collect();
    assert!(roofs.len() >= 5, "{roofs:?}");
    assert!(source.objects.iter().all(|o| o.attributes.len() == 8 && o.lod == "2"));
}

#[test]
fn every_building_is_a_closed_solid_apart_from_its_neighbours() {
    let country = Country::new(Options { seed: 5, buildings: 15_000 }).unwrap();
    for (number, settlement) in country.settlements.iter().enumerate() {
        let mut rng = stream(5, FIRST_STREAM + number as u64);
        let lots = settlement.lots(&mut rng);
        assert_eq!(lots.len(), settlement.buildings);
        let mut taken: BTreeMap<(i64, i64), Vec<super::super::mask::Rect>> = BTreeMap::new();
        for lot in lots {
            let house = settlement.house(&lot, &mut rng);
            let (shell, _) = feature::shell(&house, &country.relief);
            let mut edges: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            for ring in shell.faces.iter().flat_map(|(_, rings)| rings) {
                (0..ring.len()).for_each(|i| *edges.entry((ring[i], ring[(i + 1) % ring.len()])).or_default() += 1);
            }
            assert!(edges.iter().all(|(&(a, b), &n)| n == 1 && edges.get(&(b, a)) == Some(&1)), "{:?}", house.tier);
            let from = house.rect.centre - settlement.centre;
            assert!(from.abs().max_element() < settlement::CELL_M, "{from}");
            // Buildings are smaller than 32 m: an overlap is with one in this cell or the next.
            let cell = |p: DVec2| ((p.x / 32.0).floor() as i64, (p.y / 32.0).floor() as i64);
            let (i, j) = cell(house.rect.centre);
            for near in (-1..=1).flat_map(|dj| (-1..=1).map(move |di| (i + di, j + dj))).filter_map(|c| taken.get(&c)).flatten() {
                let apart = house.rect.corners().iter().all(|c| !crate::city::demo::curve::within(&near.corners(), *c));
                assert!(apart, "{:?} is on {:?}", house.rect.centre, near.centre);
            }
            taken.entry((i, j)).or_default().push(house.rect);
        }
    }
}

#[test]
fn a_million_is_laid_out_over_a_country_and_too_many_are_refused() {
    let country = Country::new(Options { seed: 7, buildings: 1_000_000 }).unwrap();
    let summary = country.summary(0.0);
    assert_eq!(summary.buildings, 1_000_000);
    assert!(summary.size_km.iter().all(|km| (100.0..250.0).contains(km)), "{summary:?}");
    assert!((10_000..=28_000).contains(&summary.largest), "{summary:?}");
    let refused = Country::new(Options { seed: 7, buildings: BUILDINGS_MAX + 1 }).err().unwrap().to_string();
    assert!(refused.contains("10000000") && refused.contains("--buildings"), "{refused}");
    assert_eq!(Country::new(Options { seed: 7, buildings: 0 }).unwrap().summary(0.0).buildings, 0);
}
