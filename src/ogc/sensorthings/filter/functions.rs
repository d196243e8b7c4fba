//! The functions of SensorThings 1.1 (OGC 18-088, tables 21 to 25): text, date and time, numbers, places.
//!
//! An argument of another kind than a function takes makes its answer null.

use super::time::since_midnight_ms;
use crate::ogc::sensorthings::value::Value;
use chrono::{DateTime, Datelike, TimeZone, Timelike, Utc};
use geo::line_measures::{Distance, Euclidean, Length};
use geo::{Geometry, Relate};
use std::ops::RangeInclusive;

#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub args: RangeInclusive<usize>,
    /// Gives true or false.
    pub condition: bool,
    pub eval: fn(&[Value]) -> Value,
}

/// Each name stands once.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

const fn value(name: &'static str, args: usize, eval: fn(&[Value]) -> Value) -> Function {
    Function { name, args: args..=args, condition: false, eval }
}

const fn truth(name: &'static str, args: usize, eval: fn(&[Value]) -> Value) -> Function {
    Function { name, args: args..=args, condition: true, eval }
}

pub static FUNCTIONS: &[Function] = &[
    truth("contains", 2, |a| texts(a, |text, part| Value::Bool(text.contains(part)))),
    truth("substringof", 2, |a| texts(a, |part, text| Value::Bool(text.contains(part)))),
    truth("startswith", 2, |a| texts(a, |text, part| Value::Bool(text.starts_with(part)))),
    truth("endswith", 2, |a| texts(a, |text, part| Value::Bool(text.ends_with(part)))),
    value("length", 1, |a| text(a, |t| Value::Number(t.chars().count() as f64))),
    value("indexof", 2, |a| texts(a, |t, part| Value::Number(t.find(part).map_or(-1.0, |i| t[..i].chars().count() as f64)))),
    Function { name: "substring", args: 2..=3, condition: false, eval: substring },
    value("tolower", 1, |a| text(a, |t| Value::Text(t.to_lowercase()))),
    value("toupper", 1, |a| text(a, |t| Value::Text(t.to_uppercase()))),
    value("trim", 1, |a| text(a, |t| Value::Text(t.trim().to_owned()))),
    value("concat", 2, |a| texts(a, |x, y| Value::Text(format!("{x}{y}")))),
    value("year", 1, |a| time(a, |t| t.year())),
    value("month", 1, |a| time(a, |t| t.month())),
    value("day", 1, |a| time(a, |t| t.day())),
    value("hour", 1, |a| time(a, |t| t.hour())),
    value("minute", 1, |a| time(a, |t| t.minute())),
    value("second", 1, |a| time(a, |t| t.second())),
    value("fractionalseconds", 1, |a| time(a, |t| f64::from(t.nanosecond() / 1_000_000) / 1000.0)),
    value("totaloffsetminutes", 1, |a| time(a, |_| 0)),
    value("date", 1, |a| instant(a).map_or(Value::Null, |t| Value::Time(t.timestamp_millis() - since_midnight_ms(&t.time())))),
    value("time", 1, |a| instant(a).map_or(Value::Null, |t| Value::Duration(since_midnight_ms(&t.time())))),
    value("mindatetime", 0, |_| Value::Time(DateTime::<Utc>::MIN_UTC.timestamp_millis())),
    value("maxdatetime", 0, |_| Value::Time(DateTime::<Utc>::MAX_UTC.timestamp_millis())),
    value("round", 1, |a| number(a, f64::round)),
    value("floor", 1, |a| number(a, f64::floor)),
    value("ceiling", 1, |a| number(a, f64::ceil)),
    value("geo.distance", 2, |a| shapes(a, |x, y| Value::Number(Euclidean.distance(x, y)))),
    value("geo.length", 1, |a| shape(a, |s| Value::Number(length(s)))),
    truth("geo.intersects", 2, |a| relate(a, |m| m.is_intersects())),
    truth("st_equals", 2, |a| relate(a, |m| m.is_equal_topo())),
    truth("st_disjoint", 2, |a| relate(a, |m| m.is_disjoint())),
    truth("st_touches", 2, |a| relate(a, |m| m.is_touches())),
    truth("st_within", 2, |a| relate(a, |m| m.is_within())),
    truth("st_overlaps", 2, |a| relate(a, |m| m.is_overlaps())),
    truth("st_crosses", 2, |a| relate(a, |m| m.is_crosses())),
    truth("st_intersects", 2, |a| relate(a, |m| m.is_intersects())),
    truth("st_contains", 2, |a| relate(a, |m| m.is_contains())),
    truth("st_relate", 3, |a| match &a[2] {
        Value::Text(pattern) => relate(a, |m| m.matches(pattern).unwrap_or(false)),
        _ => Value::Null,
    }),
];

fn text(args: &[Value], of: impl Fn(&str) -> Value) -> Value {
    if let [Value::Text(t)] = args { of(t) } else { Value::Null }
}

fn texts(args: &[Value], of: impl Fn(&str, &str) -> Value) -> Value {
    if let [Value::Text(a), Value::Text(b)] = args { of(a, b) } else { Value::Null }
}

/// Of characters from the one with the given number, counted from 0.
fn substring(args: &[Value]) -> Value {
    let (Some(Value::Text(text)), Some(Value::Number(start))) = (args.first(), args.get(1)) else { return Value::Null };
    let rest = text.chars().skip(start.max(0.0) as usize);
    match args.get(2) {
        None => Value::Text(rest.collect()),
        Some(Value::Number(len)) => Value::Text(rest.take(len.max(0.0) as usize).collect()),
        Some(_) => Value::Null,
    }
}

fn instant(args: &[Value]) -> Option<DateTime<Utc>> {
    if let [Value::Time(ms)] = args { Utc.timestamp_millis_opt(*ms).single() } else { None }
}

fn time<N: Into<f64>>(args: &[Value], of: impl Fn(DateTime<Utc>) -> N) -> Value {
    instant(args).map_or(Value::Null, |t| Value::Number(of(t).into()))
}

fn number(args: &[Value], of: impl Fn(f64) -> f64) -> Value {
    if let [Value::Number(n)] = args { Value::Number(of(*n)) } else { Value::Null }
}

fn shape(args: &[Value], of: impl Fn(&Geometry) -> Value) -> Value {
    if let [Value::Shape(s)] = args { of(s) } else { Value::Null }
}

fn shapes(args: &[Value], of: impl Fn(&Geometry, &Geometry) -> Value) -> Value {
    if let [Value::Shape(a), Value::Shape(b)] = args { of(a, b) } else { Value::Null }
}

fn relate(args: &[Value], of: impl Fn(geo::relate::IntersectionMatrix) -> bool) -> Value {
    shapes(&args[..2], |a, b| Value::Bool(of(a.relate(b))))
}

/// In degrees, as the standard has it: "in the coordinate reference system".
fn length(shape: &Geometry) -> f64 {
    match shape {
        Geometry::LineString(line) => Euclidean.length(line),
        Geometry::MultiLineString(lines) => Euclidean.length(lines),
        _ => 0.0,
    }
}
