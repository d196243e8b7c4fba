//! What servers write as an Observation's `resultQuality`: DQ_Element in SensorThings 1.1 (OGC 18-088, Observation), of which no two
//! servers have the same JSON.

use crate::model::observation::Quality;
use serde_json::{Map, Value};

/// Words for a reading that is of use, and for one that nobody has judged. WaterML 2.0 (`good`, `unchecked`), SeaDataNet L20 and IODE
/// L34 by their names, QARTOD (`pass`, `not evaluated`), Sandre's list 414, water in France (`correcte`).
const GOOD: &str = "good, ok, valid, passed, pass, true, correct, correcte, verified, validated, approved, accepted, acceptable, reliable, \
    normal, fair, high, medium, good value, good data, probably good, probably good value, probably good data, 正常, 有效, 合格, \
    unchecked, unassessed, unverified, not checked, not evaluated, non qualifié, no quality control, no qc, no qc performed, \
    raw, provisional, preliminary, unknown, none, null, n/a";
/// Words for a reading that doesn't count, also where they stand in an object. What is estimated was not measured.
const SUSPECT: &str = "bad, suspect, suspicious, doubtful, questionable, uncertain, unreliable, poor, invalid, not valid, wrong, \
    incorrect, incorrecte, incertaine, erroneous, error, fail, failed, rejected, missing, missing value, missing data, \
    bad value, bad data, probably bad, probably bad value, probably bad data, estimate, estimated, interpolated, \
    interpolated value, outlier, faulty, 可疑, 存疑, 无效, 异常";

/// Codes of a scheme.
type Codes = &'static [&'static str];

/// A part of a scheme's name or address, and its codes for a reading that doesn't count.
const SCHEMES: &[(&str, Codes)] = &[
    // IOOS QARTOD and IODE L34: suspect, fail, missing.
    ("qartod", &["3", "4", "9"]),
    ("/l34/", &["3", "4", "9"]),
    // SeaDataNet L20: probably bad, bad, interpolated, missing.
    ("/l20/", &["3", "4", "8", "9"]),
    ("sdn:l20:", &["3", "4", "8", "9"]),
    // EEA air quality (INSPIRE): not valid; not valid because of maintenance or calibration.
    ("observationvalidity", &["-1", "-99"]),
];

/// Members that say yes or no of the reading: ISO 19157's DQ_ConformanceResult has `pass`.
const OUTCOMES: &str = "pass, passed, valid, ok, good, trustworthy, reliable, correct, value, result, DQ_Result";
/// Members that hold a scheme's code.
const CODES: &str = "code, value, result, DQ_Result, flag, flag value, qc, qc flag";
/// Members that name what was measured of the quality: a `missing` there is a measure and no verdict.
const NAMES: &str = "nameOfMeasure, name, measure, title, type";

/// Of every way in: HTTP, MQTT, posts, data arrays.
///
/// | what is written | | why |
/// |---|---|---|
/// | nothing, `null`, `""`, `[]`, `{}` | good | nothing is said against it |
/// | a word | good if [`GOOD`] has it, else suspect | it is the whole verdict (and so in mappings of other feeds) |
/// | a term (`http://.../quality/suspect`, `urn:...`, `...#poor`) | by its last part: suspect if [`SUSPECT`] has it or its scheme means that, else good | most vocabularies are also about who has checked it |
/// | `true`, `false` | good, suspect | of a quality, `false` is "not ok", as `pass` in ISO 19157 |
/// | a number, also as text | good | 1 is a pass in QARTOD and a fault elsewhere; without a scheme nobody can tell |
/// | an array | suspect if one in it is | DQ_Element is there from zero to many times |
/// | `{"code": ..., "description": ...}` (DQ_Status) | suspect if a text in it is in [`SUSPECT`], or by its scheme | other words are labels, remarks and names |
/// | `{"nameOfMeasure": ..., "DQ_Result": {"code" or "value" or "pass"}}` | by what is in it, so | BRGM writes arrays of these (FROST-Server's tests, INSIDE-information-systems/SensorThingsAPI#14) |
/// | `{"pass": false}` (DQ_ConformanceResult), `{"suspect": true}` | suspect | |
/// | `{"qartod_flag": 4}`, `{"nameOfMeasure": "QARTOD", "value": 4}` | by the scheme it names ([`SCHEMES`]) | |
/// | `{"nameOfMeasure": "accuracy", "value": 0.5, "unit": "°C"}` (DQ_QuantitativeResult) | good | it measures and doesn't judge |
pub(in crate::feeds) fn quality(said: &Value) -> Quality {
    let doubted = match said {
        Value::Null | Value::Number(_) => false,
        Value::Bool(ok) => !ok,
        Value::String(text) => return of_text(text),
        Value::Array(all) => all.iter().any(|one| quality(one) == Quality::Suspect),
        Value::Object(members) => object(members, None),
    };
    if doubted { Quality::Suspect } else { Quality::Good }
}

/// As [`quality`] of that text, for those who have no [`Value`].
pub(in crate::feeds) fn of_text(text: &str) -> Quality {
    let text = text.trim();
    if text.is_empty() {
        return Quality::Good;
    }
    let tells_nothing = || text.contains("://") || text.starts_with("urn:") || text.contains('#') || text.parse::<f64>().is_ok();
    let known = word(text).or_else(|| scheme(text).and_then(|codes| by_code(text, codes)));
    known.unwrap_or_else(|| if tells_nothing() { Quality::Good } else { Quality::Suspect })
}

/// Whether something in it speaks against the reading. `codes`: of the scheme that is named around it.
fn object(members: &Map<String, Value>, codes: Option<Codes>) -> bool {
    // With nothing beside it a name is the verdict.
    if let (1, Some(Value::String(only))) = (members.len(), members.values().next())
        && word(only) == Some(Quality::Suspect)
    {
        return true;
    }
    let codes = members.values().filter_map(Value::as_str).find_map(scheme).or(codes);
    members.iter().any(|(key, said)| doubts(key, said, codes))
}

fn doubts(key: &str, said: &Value, codes: Option<Codes>) -> bool {
    if let Some(yes) = truth(said) {
        return if yes { is(key, SUSPECT) } else { is(key, OUTCOMES) };
    }
    let of_key = scheme(key);
    let is_against = |code: &str| {
        let codes = scheme(code).or(of_key).or(codes.filter(|_| is(key, CODES)));
        codes.and_then(|codes| by_code(code, codes)) == Some(Quality::Suspect)
    };
    match said {
        Value::String(text) => !is(key, NAMES) && (word(text) == Some(Quality::Suspect) || is_against(text)),
        Value::Number(n) => is_against(&n.to_string()),
        Value::Array(all) => all.iter().any(|one| doubts(key, one, codes)),
        Value::Object(members) => object(members, of_key.or(codes)),
        Value::Null | Value::Bool(_) => false,
    }
}

fn truth(said: &Value) -> Option<bool> {
    said.as_bool().or_else(|| said.as_str()?.trim().to_lowercase().parse().ok())
}

/// What a word or a term's last part says; `None`: nothing that is known.
fn word(text: &str) -> Option<Quality> {
    let known = |word: &str| {
        let good = is(word, GOOD).then_some(Quality::Good);
        good.or_else(|| is(word, SUSPECT).then_some(Quality::Suspect))
    };
    known(text).or_else(|| known(last(text)))
}

/// `None`: not a code but a word about the scheme.
fn by_code(text: &str, codes: Codes) -> Option<Quality> {
    let code = last(text).trim();
    // `4.0` where flags went through somebody's table of numbers.
    let code = code.strip_suffix(".0").unwrap_or(code);
    code.parse::<i64>().ok()?;
    Some(if codes.contains(&code) { Quality::Suspect } else { Quality::Good })
}

/// Codes that speak against a reading in the scheme that is named here.
fn scheme(text: &str) -> Option<Codes> {
    let text = text.to_lowercase();
    SCHEMES.iter().find(|(name, _)| text.contains(name)).map(|(_, codes)| *codes)
}

/// `4` of `http://vocab.nerc.ac.uk/collection/L20/current/4/`.
fn last(text: &str) -> &str {
    text.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(text)
}

/// Whether `words` has it, however it is written: `Probably bad`, `PROBABLY_BAD`, `probably-bad`.
fn is(text: &str, words: &str) -> bool {
    words.split(',').any(|word| plain(text).eq(plain(word)))
}

/// Small letters and digits.
fn plain(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

#[cfg(test)]
pub(in crate::feeds) mod tests {
    use super::*;
    use serde_json::json;

    /// Forms that servers write, each with whether it speaks against its reading.
    pub(in crate::feeds) fn forms() -> Vec<(Value, bool)> {
        let mut forms = plain_forms();
        forms.extend(objects());
        let several: Vec<_> =
            [json!([]), json!(["good", "fair"]), json!([null, 1]), json!([["ok"]])].into_iter().map(|f| (f, false)).collect();
        forms.extend(several);
        forms.extend([json!(["good", "bad"]), json!([{"pass": true}, {"pass": false}]), json!([false])].map(|f| (f, true)));
        forms
    }

    fn plain_forms() -> Vec<(Value, bool)> {
        let good = [
            json!(null),
            json!(""),
            json!(" Good "),
            json!("OK"),
            json!("passed"),
            json!("NOT_EVALUATED"),
            json!("n/a"),
            json!("true"),
            json!("Correcte"),
            json!(true),
            json!(0),
            json!(1),
            json!(4),
            json!(-1),
            json!(0.5),
            json!("100"),
            json!("正常"),
            json!("http://www.opengis.net/def/waterml/2.0/quality/good"),
            json!("http://id.eaufrance.fr/nsa/446#3"),
            json!("http://vocab.nerc.ac.uk/collection/L20/current/1/"),
            json!("SDN:L20::1"),
            json!("QARTOD:2"),
        ];
        let suspect = [
            json!("bad"),
            json!("doubtful"),
            json!("Probably_Bad"),
            json!("false"),
            json!("defekt"),
            json!("???"),
            json!("可疑"),
            json!(false),
            json!("http://www.opengis.net/def/waterml/2.0/quality/suspect"),
            json!("dev.sensorthings.quality#missing"),
            json!("http://vocab.nerc.ac.uk/collection/L20/current/4/"),
            json!("SDN:L20::3"),
            json!("QARTOD:4"),
            json!("QARTOD fail"),
            json!("http://dd.eionet.europa.eu/vocabulary/aq/observationvalidity/-1"),
        ];
        good.into_iter().map(|f| (f, false)).chain(suspect.into_iter().map(|f| (f, true))).collect()
    }

    fn objects() -> Vec<(Value, bool)> {
        let brgm = |code: u8, label: &str| {
            json!([{"nameOfMeasure": "DQ_Status", "DQ_Result": {"code": "http://id.eaufrance.fr/nsa/446#3", "label": "Niveau 2"}},
                {"nameOfMeasure": "DQ_Qualification", "DQ_Result": {"code": format!("http://id.eaufrance.fr/nsa/414#{code}"), "label": label}}])
        };
        let good = [
            json!({}),
            brgm(1, "Correcte"),
            json!({"code": "good", "description": "Seen by an operator"}),
            json!({"code": "2"}),
            json!({"nameOfMeasure": "accuracy", "value": 0.5, "unit": "°C"}),
            json!({"nameOfMeasure": "accuracy", "DQ_Result": {"value": "3"}}),
            json!({"nameOfMeasure": "missing", "value": 4, "unit": "%"}),
            json!({"nameOfMeasure": "accuracy"}),
            json!({"pass": true}),
            json!({"qc": "ok", "uncertainty": 0.42, "trustworthy": true}),
            json!({"validated_by": "layer", "validated": false}),
            json!({"qartod_flag": 1, "validation_level": 4}),
            json!({"inScheme": null, "flag": null, "flagValue": null}),
            json!({"suspect": false}),
        ];
        let suspect = [
            brgm(2, "Incorrecte"),
            brgm(3, "Incertaine"),
            json!({"code": "suspect", "description": "Spike"}),
            json!({"code": 4, "description": "Bad value"}),
            json!({"nameOfMeasure": "DQ_ConformanceResult", "DQ_Result": {"pass": false}}),
            json!({"pass": "false"}),
            json!({"value": false}),
            json!({"nameOfMeasure": "doubtful"}),
            json!({"value": "bad"}),
            json!({"qc": "ok", "trustworthy": false}),
            json!({"qartod_flag": 4}),
            json!({"nameOfMeasure": "QARTOD", "DQ_Result": {"value": 3.0}}),
            json!({"suspect": true}),
            json!({"inScheme": "x/qartod", "flagValue": 9}),
            json!({"hasQualityMeasurements": [{"value": "good"}, {"value": "FAIL"}]}),
        ];
        good.into_iter().map(|f| (f, false)).chain(suspect.into_iter().map(|f| (f, true))).collect()
    }

    #[test]
    fn each_form_has_its_quality() {
        for (form, suspect) in forms() {
            assert_eq!(quality(&form) == Quality::Suspect, suspect, "{form}");
        }
    }
}
