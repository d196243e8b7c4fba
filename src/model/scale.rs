//! Scales of heat: what values mean, fixed, so that two times and two cities compare.

use super::average::Period;
use serde::{Deserialize, Serialize};

/// A scale a standard gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standard {
    /// What scenes call it: `HJ 633-2012 PM2.5`.
    pub name: &'static str,
    pub unit: &'static str,
    /// Over what time a value is meant, in words for the legend; empty where it does not matter.
    pub mean: (&'static str, &'static str),
    /// The same where it is a mean over so many hours.
    pub period: Option<Period>,
    /// Ends of the classes, rising, in `unit`: one more than there are classes.
    pub bounds: &'static [f32],
    /// Names, Chinese and English, one a class.
    pub classes: &'static [(&'static str, &'static str)],
}

/// Classes of the air quality index, HJ 633-2012 table 2: excellent, good, and light to severe pollution.
const AIR: [(&str, &str); 6] =
    [("优", "excellent"), ("良", "good"), ("轻度污染", "light"), ("中度污染", "moderate"), ("重度污染", "heavy"), ("严重污染", "severe")];
const DAY: Period = Period::Day;
const HOUR: Period = Period::Hour;
const EIGHT_HOURS: Period = Period::EightHours;

const fn air(name: &'static str, unit: &'static str, period: Period, bounds: &'static [f32]) -> Standard {
    let classes: &'static [(&'static str, &'static str)] = &AIR;
    let classes = classes.split_at(bounds.len() - 1).0;
    Standard { name, unit, mean: period.words(), period: Some(period), bounds, classes }
}

/// Air: HJ 633-2012 table 1, concentrations at the sub-index 0, 50, 100, 150, 200, 300 and 500 (where the table ends earlier, so does the scale).
/// Noise: GB 3096-2008 table 1, limits of the zones 0 to 4b, with 10 dB below the first and above the last.
pub const STANDARDS: [Standard; 12] = [
    air("HJ 633-2012 PM2.5", "µg/m³", DAY, &[0.0, 35.0, 75.0, 115.0, 150.0, 250.0, 500.0]),
    air("HJ 633-2012 PM10", "µg/m³", DAY, &[0.0, 50.0, 150.0, 250.0, 350.0, 420.0, 600.0]),
    air("HJ 633-2012 SO2 24 h", "µg/m³", DAY, &[0.0, 50.0, 150.0, 475.0, 800.0, 1600.0, 2620.0]),
    air("HJ 633-2012 SO2 1 h", "µg/m³", HOUR, &[0.0, 150.0, 500.0, 650.0, 800.0]),
    air("HJ 633-2012 NO2 24 h", "µg/m³", DAY, &[0.0, 40.0, 80.0, 180.0, 280.0, 565.0, 940.0]),
    air("HJ 633-2012 NO2 1 h", "µg/m³", HOUR, &[0.0, 100.0, 200.0, 700.0, 1200.0, 2340.0, 3840.0]),
    air("HJ 633-2012 CO 24 h", "mg/m³", DAY, &[0.0, 2.0, 4.0, 14.0, 24.0, 36.0, 60.0]),
    air("HJ 633-2012 CO 1 h", "mg/m³", HOUR, &[0.0, 5.0, 10.0, 35.0, 60.0, 90.0, 150.0]),
    air("HJ 633-2012 O3 1 h", "µg/m³", HOUR, &[0.0, 160.0, 200.0, 300.0, 400.0, 800.0, 1200.0]),
    air("HJ 633-2012 O3 8 h", "µg/m³", EIGHT_HOURS, &[0.0, 100.0, 160.0, 215.0, 265.0, 800.0]),
    Standard {
        name: "GB 3096-2008 day",
        unit: "dB(A)",
        mean: ("昼间等效声级", "day, Leq"),
        period: None,
        bounds: &[40.0, 50.0, 55.0, 60.0, 65.0, 70.0, 80.0],
        classes: &[
            ("0类 康复疗养", "0 convalescence"),
            ("1类 居住文教", "1 homes, schools"),
            ("2类 商住混杂", "2 mixed"),
            ("3类 工业仓储", "3 industry"),
            ("4类 交通干线", "4 main roads"),
            ("超4类", "over 4"),
        ],
    },
    Standard {
        name: "GB 3096-2008 night",
        unit: "dB(A)",
        mean: ("夜间等效声级", "night, Leq"),
        period: None,
        bounds: &[30.0, 40.0, 45.0, 50.0, 55.0, 60.0, 70.0],
        classes: &[
            ("0类 康复疗养", "0 convalescence"),
            ("1类 居住文教", "1 homes, schools"),
            ("2类 商住混杂", "2 mixed"),
            ("3类、4a类", "3 industry, 4a roads"),
            ("4b类 铁路干线", "4b railways"),
            ("超4b类", "over 4b"),
        ],
    },
];

/// The standard scale of a name.
pub fn standard(name: &str) -> Option<&'static Standard> {
    STANDARDS.iter().find(|s| s.name == name)
}

/// Values along a ramp from 0 to 1, straight within each class; every class takes the same part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub struct Scale(Vec<f32>);

/// Most classes; the drawing holds so many.
pub const CLASSES_MAX: usize = 8;
/// Classes of a scale that is given by its ends alone.
pub const CLASSES_OF_RANGE: usize = 6;

impl TryFrom<Vec<f32>> for Scale {
    type Error = String;

    fn try_from(bounds: Vec<f32>) -> Result<Self, String> {
        let rises = bounds.windows(2).all(|b| b[0] < b[1]) && bounds.iter().all(|b| b.is_finite());
        match bounds.len() {
            2.. if rises && bounds.len() <= CLASSES_MAX + 1 => Ok(Self(bounds)),
            _ => Err(format!("a scale is 2 to {} rising numbers, not {bounds:?}", CLASSES_MAX + 1)),
        }
    }
}

impl Default for Scale {
    /// From 0 to 1 in one class.
    fn default() -> Self {
        Self(vec![0.0, 1.0])
    }
}

impl From<Scale> for Vec<f32> {
    fn from(scale: Scale) -> Self {
        scale.0
    }
}

impl Scale {
    /// Even classes between two ends.
    ///
    /// # Errors
    /// When they don't rise.
    pub fn even([low, high]: [f32; 2]) -> Result<Self, String> {
        let share = |i: usize| i as f32 / CLASSES_OF_RANGE as f32;
        Self::try_from((0..=CLASSES_OF_RANGE).map(|i| low + (high - low) * share(i)).collect::<Vec<_>>())
    }

    /// Ends of the classes: one more than there are classes.
    pub fn bounds(&self) -> &[f32] {
        &self.0
    }

    /// Values at the two ends of the ramp.
    pub fn ends(&self) -> [f32; 2] {
        [self.0[0], self.0[self.0.len() - 1]]
    }

    pub fn classes(&self) -> usize {
        self.0.len() - 1
    }

    /// Where a value stands on the ramp, 0 to 1; what lies outside stands at the end.
    pub fn on_ramp(&self, value: f32) -> f32 {
        let class = self.class(value);
        let (Some(low), Some(high)) = (self.0.get(class), self.0.get(class + 1)) else { return 0.0 };
        ((class as f32 + (value - low) / (high - low)) / self.classes() as f32).clamp(0.0, 1.0)
    }

    /// The class a value lies in; a value at a bound lies in the lower one ("up to 35 is excellent").
    pub fn class(&self, value: f32) -> usize {
        self.0[1..self.0.len() - 1].iter().filter(|bound| value > **bound).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_rises_and_names_each_of_its_classes() {
        for s in &STANDARDS {
            let scale = Scale::try_from(s.bounds.to_vec()).unwrap_or_else(|e| panic!("{}: {e}", s.name));
            assert_eq!(scale.classes(), s.classes.len(), "{}", s.name);
            assert_eq!(standard(s.name), Some(s), "a name twice");
        }
        assert_eq!(standard("HJ 633-2012 SO2 1 h").map(|s| s.classes.len()), Some(4), "the table ends at 800");
    }

    #[test]
    fn each_class_takes_the_same_part_of_the_ramp() {
        let pm = Scale::try_from(standard("HJ 633-2012 PM2.5").unwrap().bounds.to_vec()).unwrap();
        for (value, u, class) in
            [(-3.0, 0.0, 0), (0.0, 0.0, 0), (35.0, 1.0 / 6.0, 0), (55.0, 1.5 / 6.0, 1), (200.0, 4.5 / 6.0, 4), (900.0, 1.0, 5)]
        {
            assert!((pm.on_ramp(value) - u).abs() < 1e-6, "{value} stands at {}", pm.on_ramp(value));
            assert_eq!(pm.class(value), class, "{value}");
        }
    }

    #[test]
    fn a_range_has_six_even_classes_and_must_rise() {
        let scale = Scale::even([-10.0, 50.0]).unwrap();
        assert_eq!(scale.bounds(), [-10.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert!((scale.on_ramp(20.0) - 0.5).abs() < 1e-6);
        assert!(Scale::even([5.0, 5.0]).is_err() && Scale::even([0.0, f32::NAN]).is_err() && Scale::try_from(vec![1.0]).is_err());
        assert!(Scale::try_from((0..10).map(|i| i as f32).collect::<Vec<_>>()).is_err());
    }
}
