//! `$filter`: comparisons, arithmetic and functions, joined by `and`, `or`, `not` and parentheses.
//!
//! Source: OData 4.0 URL conventions, 5.1.1, as SensorThings 1.1 (OGC 18-088, 9.3.3.5) takes it over, with its `st_` functions.
//! What is not understood is refused with its position. What can't be computed (a text plus a number) is null, and a comparison with
//! it is false but for `ne`.

mod functions;
mod parse;
mod time;
mod token;
mod wkt;

use super::value::Value;
use functions::Function;
use std::cmp::Ordering;

pub use time::duration_ms;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expr);

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare(Box<Expr>, Op, Box<Expr>),
    Arithmetic(Box<Expr>, Sum, Box<Expr>),
    Call(&'static Function, Vec<Expr>),
    /// `Datastream/id` as its parts.
    Path(Vec<String>),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sum {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

/// Where a text stopped making sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct Unclear {
    /// Counted from 1.
    pub at: usize,
    pub why: String,
}

/// What a filter demands of observations as a whole, to read no more of them than that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Phenomenon times, Unix milliseconds, both inclusive.
    pub from_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// The id of the one datastream.
    pub datastream: Option<Value>,
    /// Every bound is one of these, so what meets them meets the filter.
    pub whole: bool,
}

impl Filter {
    /// Reads `text`; `now_ms` (Unix milliseconds) is what `now()` gives.
    ///
    /// # Errors
    /// [`Unclear`] with the position and what was expected there.
    pub fn parse(text: &str, now_ms: i64) -> Result<Filter, Unclear> {
        parse::filter(text, now_ms).map(Filter)
    }

    /// Whether it holds, with `value_of` giving the value at a path.
    pub fn holds(&self, value_of: &dyn Fn(&[String]) -> Value) -> bool {
        self.0.value(value_of) == Value::Bool(true)
    }

    /// All paths it asks for.
    pub fn paths(&self) -> Vec<&[String]> {
        let mut out = Vec::new();
        self.0.paths(&mut out);
        out
    }

    /// What it demands of observations.
    pub fn demand(&self) -> Demand {
        let mut demand = Demand { whole: true, ..Demand::default() };
        self.0.demand(&mut demand);
        demand
    }
}

impl Expr {
    fn value(&self, value_of: &dyn Fn(&[String]) -> Value) -> Value {
        let truth = |e: &Expr| e.value(value_of) == Value::Bool(true);
        match self {
            Expr::And(a, b) => Value::Bool(truth(a) && truth(b)),
            Expr::Or(a, b) => Value::Bool(truth(a) || truth(b)),
            Expr::Not(a) => Value::Bool(!truth(a)),
            Expr::Compare(a, op, b) => Value::Bool(op.holds(a.value(value_of).compare(&b.value(value_of)))),
            Expr::Arithmetic(a, sum, b) => sum.of(a.value(value_of), b.value(value_of)),
            Expr::Call(function, args) => (function.eval)(&args.iter().map(|a| a.value(value_of)).collect::<Vec<_>>()),
            Expr::Path(path) => value_of(path),
            Expr::Literal(value) => value.clone(),
        }
    }

    fn parts(&self) -> Vec<&Expr> {
        match self {
            Expr::And(a, b) | Expr::Or(a, b) | Expr::Compare(a, _, b) | Expr::Arithmetic(a, _, b) => vec![a, b],
            Expr::Not(a) => vec![a],
            Expr::Call(_, args) => args.iter().collect(),
            Expr::Path(_) | Expr::Literal(_) => Vec::new(),
        }
    }

    fn paths<'a>(&'a self, out: &mut Vec<&'a [String]>) {
        if let Expr::Path(path) = self {
            out.push(path);
        }
        self.parts().into_iter().for_each(|part| part.paths(out));
    }

    /// Whether it is true or false rather than a number or a text. A property may be either.
    fn is_condition(&self) -> bool {
        match self {
            Expr::And(..) | Expr::Or(..) | Expr::Not(_) | Expr::Compare(..) | Expr::Path(_) | Expr::Literal(Value::Bool(_)) => true,
            Expr::Call(function, _) => function.condition,
            Expr::Arithmetic(..) | Expr::Literal(_) => false,
        }
    }

    fn demand(&self, d: &mut Demand) {
        match self {
            Expr::And(a, b) => {
                a.demand(d);
                b.demand(d);
            }
            Expr::Compare(a, op, b) => match (&**a, op, &**b) {
                (Expr::Path(path), op, Expr::Literal(Value::Time(t))) if path.len() == 1 && path[0] == "phenomenonTime" => {
                    d.bound(*op, *t);
                }
                (Expr::Literal(Value::Time(t)), op, Expr::Path(path)) if path.len() == 1 && path[0] == "phenomenonTime" => {
                    d.bound(op.mirrored(), *t);
                }
                (Expr::Path(path), Op::Eq, Expr::Literal(id)) if is_datastream_id(path) && d.datastream.is_none() => {
                    d.datastream = Some(id.clone());
                }
                _ => d.whole = false,
            },
            _ => d.whole = false,
        }
    }
}

fn is_datastream_id(path: &[String]) -> bool {
    path.len() == 2 && path[0] == "Datastream" && (path[1] == "id" || path[1] == "@iot.id")
}

impl Demand {
    fn bound(&mut self, op: Op, t: i64) {
        match op {
            Op::Gt => self.bound(Op::Ge, t.saturating_add(1)),
            Op::Lt => self.bound(Op::Le, t.saturating_sub(1)),
            Op::Ge => self.from_ms = self.from_ms.max(Some(t)),
            Op::Le => self.until_ms = Some(self.until_ms.map_or(t, |u| u.min(t))),
            Op::Eq => {
                self.bound(Op::Ge, t);
                self.bound(Op::Le, t);
            }
            Op::Ne => self.whole = false,
        }
    }
}

impl Op {
    fn holds(self, order: Option<Ordering>) -> bool {
        match (order, self) {
            (None, op) => op == Op::Ne,
            (Some(order), Op::Eq) => order == Ordering::Equal,
            (Some(order), Op::Ne) => order != Ordering::Equal,
            (Some(order), Op::Gt) => order == Ordering::Greater,
            (Some(order), Op::Ge) => order != Ordering::Less,
            (Some(order), Op::Lt) => order == Ordering::Less,
            (Some(order), Op::Le) => order != Ordering::Greater,
        }
    }

    /// The same with its two sides changed.
    fn mirrored(self) -> Op {
        match self {
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            same => same,
        }
    }
}

impl Sum {
    fn of(self, a: Value, b: Value) -> Value {
        use Value::{Duration, Number, Time};
        let checked = |ms: Option<i64>, kind: fn(i64) -> Value| ms.map_or(Value::Null, kind);
        match (self, a, b) {
            (Sum::Add, Number(a), Number(b)) => finite(a + b),
            (Sum::Sub, Number(a), Number(b)) => finite(a - b),
            (Sum::Mul, Number(a), Number(b)) => finite(a * b),
            (Sum::Div, Number(a), Number(b)) => finite(a / b),
            (Sum::Mod, Number(a), Number(b)) => finite(a % b),
            (Sum::Add, Time(a), Duration(b)) | (Sum::Add, Duration(a), Time(b)) => checked(a.checked_add(b), Time),
            (Sum::Sub, Time(a), Duration(b)) => checked(a.checked_sub(b), Time),
            (Sum::Sub, Time(a), Time(b)) => checked(a.checked_sub(b), Duration),
            (Sum::Add, Duration(a), Duration(b)) => checked(a.checked_add(b), Duration),
            (Sum::Sub, Duration(a), Duration(b)) => checked(a.checked_sub(b), Duration),
            _ => Value::Null,
        }
    }
}

fn finite(n: f64) -> Value {
    if n.is_finite() { Value::Number(n) } else { Value::Null }
}

#[cfg(test)]
mod tests;
