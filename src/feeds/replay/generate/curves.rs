//! What a sensor reads: daily curves, a drifting plume, and slow wander, as a pure function of seed, place and time.

use noise::{NoiseFn, Perlin};

/// How one kind of reading behaves, in its own unit.
struct Curve {
    names: &'static [&'static str],
    base: f64,
    /// Added at the height of rush hour (8 and 18 o'clock), more at busy places.
    rush: f64,
    /// Added at 15 o'clock, taken away at 3.
    day: f64,
    /// Added in the middle of the plume.
    plume: f64,
    /// Added at midsummer, taken away at midwinter (northern).
    season: f64,
    /// Slow random wander.
    wander: f64,
    range: [f64; 2],
    decimals: i32,
}

/// A quiet curve to start from in the table below.
const FLAT: Curve =
    Curve { names: &[], base: 0.0, rush: 0.0, day: 0.0, plume: 0.0, season: 0.0, wander: 0.0, range: [0.0, 1e9], decimals: 1 };

/// Magnitudes of an eastern Chinese river city in a middling year.
const CURVES: [Curve; 19] = [
    Curve { names: &["pm2_5", "pm25"], base: 24.0, rush: 9.0, plume: 85.0, season: -8.0, wander: 4.0, range: [1.0, 500.0], ..FLAT },
    Curve { names: &["pm10"], base: 46.0, rush: 16.0, plume: 120.0, season: -12.0, wander: 7.0, range: [2.0, 800.0], ..FLAT },
    Curve { names: &["aqi"], base: 45.0, rush: 12.0, plume: 110.0, wander: 5.0, range: [5.0, 500.0], decimals: 0, ..FLAT },
    Curve { names: &["no2"], base: 22.0, rush: 24.0, plume: 20.0, wander: 4.0, range: [1.0, 300.0], ..FLAT },
    Curve { names: &["so2"], base: 8.0, plume: 14.0, wander: 2.0, range: [0.5, 200.0], ..FLAT },
    Curve { names: &["o3"], base: 75.0, day: 55.0, season: 25.0, wander: 8.0, range: [2.0, 400.0], ..FLAT },
    Curve { names: &["co"], base: 0.6, rush: 0.4, plume: 0.6, wander: 0.1, range: [0.1, 20.0], decimals: 2, ..FLAT },
    Curve { names: &["co2"], base: 425.0, rush: 40.0, day: -15.0, wander: 10.0, range: [380.0, 3000.0], decimals: 0, ..FLAT },
    Curve { names: &["temperature", "air_temperature"], base: 15.5, day: 4.5, season: 12.5, wander: 1.2, range: [-25.0, 45.0], ..FLAT },
    Curve { names: &["humidity", "relative_humidity"], base: 70.0, day: -14.0, wander: 6.0, range: [8.0, 100.0], ..FLAT },
    Curve { names: &["wind_speed"], base: 2.6, day: 0.9, wander: 1.6, range: [0.0, 40.0], ..FLAT },
    Curve { names: &["pressure"], base: 1016.0, season: -9.0, wander: 3.0, range: [960.0, 1060.0], ..FLAT },
    Curve { names: &["noise", "sound_level"], base: 50.0, rush: 11.0, day: 6.0, wander: 4.0, range: [28.0, 110.0], ..FLAT },
    Curve {
        names: &["traffic_flow", "traffic", "traffic_volume"],
        base: 420.0,
        rush: 950.0,
        day: 260.0,
        wander: 90.0,
        range: [0.0, 8000.0],
        decimals: 0,
        ..FLAT
    },
    Curve { names: &["traffic_speed", "speed"], base: 44.0, rush: -21.0, day: -4.0, wander: 4.0, range: [3.0, 90.0], ..FLAT },
    Curve { names: &["congestion", "traffic_index"], base: 1.4, rush: 1.9, day: 0.3, wander: 0.2, range: [1.0, 10.0], decimals: 2, ..FLAT },
    Curve { names: &["water_level"], base: 2.4, season: 0.5, wander: 0.35, range: [0.0, 12.0], decimals: 2, ..FLAT },
    Curve { names: &["rainfall", "rain"], base: -2.0, plume: 7.0, wander: 2.0, range: [0.0, 120.0], ..FLAT },
    Curve {
        names: &["crowd", "people", "pedestrian_flow", "crowd_density"],
        base: 60.0,
        rush: 110.0,
        day: 50.0,
        wander: 20.0,
        range: [0.0, 20_000.0],
        decimals: 0,
        ..FLAT
    },
];
/// For a property the table doesn't know.
const OTHER: Curve = Curve { base: 50.0, rush: 8.0, day: 8.0, wander: 6.0, range: [0.0, 100.0], ..FLAT };

/// Height over which what streets and chimneys give off thins by a factor of e, metres: a still morning's mixing layer.
const MIXING_M: f64 = 130.0;
/// Sensors up to here stand in the street.
const STREET_M: f64 = 10.0;
/// Metres over which the plume and the slow field change.
const PLUME_M: f64 = 3_500.0;
/// The plume's drift, metres a second: a light north-easterly.
const DRIFT_M_S: [f64; 2] = [-1.1, -0.7];

/// All sensors of one seed.
pub struct Field {
    perlin: Perlin,
    /// Hours by which local time is ahead of UTC.
    zone_h: f64,
}

/// Where a sensor stands and how it differs from its neighbours.
pub struct Place {
    pub east_m: f64,
    pub north_m: f64,
    /// Above ground.
    pub height_m: f64,
    /// 0 a quiet yard, 1 beside a main road.
    pub busy: f64,
    /// Any number of its own.
    pub own: f64,
}

impl Field {
    pub fn new(seed: u64, zone_h: f64) -> Self {
        Self { perlin: Perlin::new((seed ^ (seed >> 32)) as u32), zone_h }
    }

    /// The reading at `unix_s`, in the property's usual unit, rounded as such an instrument would.
    pub fn value(&self, property: &str, place: &Place, unix_s: f64) -> f64 {
        let c = CURVES.iter().find(|c| c.names.contains(&property)).unwrap_or(&OTHER);
        let hour = (unix_s / 3600.0 + self.zone_h).rem_euclid(24.0);
        let rush = (bell(hour, 8.0, 1.3) + bell(hour, 18.0, 1.6)) * (0.4 + 1.2 * place.busy);
        let day = ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
        // Midsummer is about day 202 of the year for temperature.
        let season = ((unix_s / 86_400.0 - 202.0) / 365.2422 * std::f64::consts::TAU).cos();
        let wander =
            self.perlin.get([unix_s / 1_500.0, place.own * 37.0, 0.5]) + 0.25 * self.perlin.get([unix_s / 45.0, place.own * 91.0, 9.5]);
        let thin = (-(place.height_m - STREET_M).max(0.0) / MIXING_M).exp();
        let given_off = c.rush * rush + c.plume * self.plume(place, unix_s);
        let value = c.base + given_off * thin + c.day * day + c.season * season + c.wander * wander;
        let scale = 10f64.powi(c.decimals);
        ((value * scale).round() / scale).clamp(c.range[0], c.range[1])
    }

    /// 0 outside, up to 1 in the middle of a plume that drifts and changes within hours.
    fn plume(&self, place: &Place, unix_s: f64) -> f64 {
        // Perlin repeats every 256 cells; a week's drift keeps within its precision.
        let t = unix_s.rem_euclid(7.0 * 86_400.0);
        let at = |scale: f64| [(place.east_m - DRIFT_M_S[0] * t) / scale, (place.north_m - DRIFT_M_S[1] * t) / scale, t / 14_400.0];
        let n = self.perlin.get(at(PLUME_M)) + 0.4 * self.perlin.get(at(PLUME_M / 2.7));
        ((n + 0.25) / 1.1).clamp(0.0, 1.0).powf(1.5)
    }
}

fn bell(hour: f64, middle: f64, width: f64) -> f64 {
    (-((hour - middle) / width).powi(2)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-05-01T00:00:00+08:00.
    const MIDNIGHT: f64 = 1_777_564_800.0;

    #[test]
    fn readings_are_the_same_again_stay_in_range_and_follow_the_day() {
        let (a, b) = (Field::new(7, 8.0), Field::new(7, 8.0));
        let place = |east_m| Place { east_m, north_m: 0.0, height_m: 4.0, busy: 0.8, own: 0.3 };
        let mut mean = std::collections::BTreeMap::new();
        for day in 0..20 {
            for hour in 0..24 {
                let t = MIDNIGHT + f64::from(day) * 86_400.0 + f64::from(hour) * 3600.0;
                for c in &CURVES {
                    let v = a.value(c.names[0], &place(100.0), t);
                    assert_eq!(v, b.value(c.names[0], &place(100.0), t));
                    assert!(v >= c.range[0] && v <= c.range[1], "{} {v}", c.names[0]);
                }
                *mean.entry(hour).or_insert(0.0) += a.value("traffic_flow", &place(0.0), t) / 20.0;
            }
        }
        assert!(mean[&8] > 2.0 * mean[&3] && mean[&18] > mean[&12], "{mean:?}");
    }

    #[test]
    fn neighbours_read_alike_and_far_sensors_differ() {
        let f = Field::new(3, 8.0);
        let place = |east_m| Place { east_m, north_m: 0.0, height_m: 4.0, busy: 0.5, own: 0.5 };
        let (mut near, mut far) = (0.0, 0.0);
        for hour in 0..200 {
            let t = MIDNIGHT + f64::from(hour) * 3600.0;
            let here = f.value("pm2_5", &place(0.0), t);
            near += (here - f.value("pm2_5", &place(150.0), t)).abs();
            far += (here - f.value("pm2_5", &place(9_000.0), t)).abs();
        }
        assert!(near * 3.0 < far, "near {near}, far {far}");
    }

    #[test]
    fn above_the_streets_their_dust_is_thinner() {
        let f = Field::new(11, 8.0);
        let at = |height_m| Place { east_m: 0.0, north_m: 0.0, height_m, busy: 0.8, own: 0.3 };
        let rush = MIDNIGHT + 8.0 * 3600.0;
        let [street, pole, tower] = [0.0, 9.0, 140.0].map(|h| f.value("pm2_5", &at(h), rush));
        assert!(street == pole && tower < street - 3.0, "{street} {tower}");
    }
}
