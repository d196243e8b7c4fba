//! `$filter`: comparisons of properties with literals, joined by `and`, `or`, `not` and parentheses.
//!
//! Source: OData 4.0 URL conventions, 5.1.1, the part that SensorThings 1.1 (OGC 18-088, 9.3.3.5) makes mandatory, without
//! functions and arithmetic. What is not understood is refused with its position.

use super::value::Value;
use chrono::DateTime;
use std::cmp::Ordering;

/// Nested parentheses and `not`s.
const DEPTH_MAX: usize = 32;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Operand, Op, Operand),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// `Datastream/id` as its parts.
    Path(Vec<String>),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// Where a text stopped making sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct Unclear {
    /// Counted from 1.
    pub at: usize,
    pub why: String,
}

impl Filter {
    /// # Errors
    /// [`Unclear`] with the position and what was expected there.
    pub fn parse(text: &str) -> Result<Filter, Unclear> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count() + 1 };
        let filter = parser.or(0)?;
        match parser.tokens.get(parser.next) {
            None => Ok(filter),
            Some((at, token)) => Err(Unclear { at: *at, why: format!("expected \"and\", \"or\" or the end, found {}", token.shown()) }),
        }
    }

    /// Whether it holds, with `value_of` giving the value at a path.
    pub fn holds(&self, value_of: &dyn Fn(&[String]) -> Value) -> bool {
        match self {
            Filter::And(a, b) => a.holds(value_of) && b.holds(value_of),
            Filter::Or(a, b) => a.holds(value_of) || b.holds(value_of),
            Filter::Not(a) => !a.holds(value_of),
            Filter::Compare(a, op, b) => {
                let (a, b) = (a.value(value_of), b.value(value_of));
                match (a.compare(&b), op) {
                    (None, op) => *op == Op::Ne,
                    (Some(order), Op::Eq) => order == Ordering::Equal,
                    (Some(order), Op::Ne) => order != Ordering::Equal,
                    (Some(order), Op::Gt) => order == Ordering::Greater,
                    (Some(order), Op::Ge) => order != Ordering::Less,
                    (Some(order), Op::Lt) => order == Ordering::Less,
                    (Some(order), Op::Le) => order != Ordering::Greater,
                }
            }
        }
    }

    /// All paths it asks for.
    pub fn paths<'a>(&'a self, out: &mut Vec<&'a [String]>) {
        match self {
            Filter::And(a, b) | Filter::Or(a, b) => {
                a.paths(out);
                b.paths(out);
            }
            Filter::Not(a) => a.paths(out),
            Filter::Compare(a, _, b) => {
                out.extend([a, b].into_iter().filter_map(|o| if let Operand::Path(p) = o { Some(p.as_slice()) } else { None }))
            }
        }
    }

    /// A time (Unix ms) before which no observation can pass, to start reading there.
    pub fn time_floor_ms(&self) -> Option<i64> {
        match self {
            Filter::And(a, b) => a.time_floor_ms().max(b.time_floor_ms()),
            Filter::Compare(Operand::Path(path), Op::Gt | Op::Ge | Op::Eq, Operand::Literal(Value::Time(t)))
                if path.len() == 1 && path[0] == "phenomenonTime" =>
            {
                Some(*t)
            }
            _ => None,
        }
    }
}

impl Operand {
    fn value(&self, value_of: &dyn Fn(&[String]) -> Value) -> Value {
        match self {
            Operand::Path(path) => value_of(path),
            Operand::Literal(value) => value.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Literal(Value),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Token::Open => "\"(\"".into(),
            Token::Close => "\")\"".into(),
            Token::Word(w) => format!("{w:?}"),
            Token::Literal(Value::Text(t)) => format!("the text '{t}'"),
            Token::Literal(_) => "a literal".into(),
        }
    }

    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(w) if w == word)
    }
}

/// Tokens with their positions, counted in characters from 1.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Unclear> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut i = 0;
    while let Some(&c) = chars.get(i) {
        let at = i + 1;
        match c {
            ' ' | '\t' => i += 1,
            '(' | ')' => {
                out.push((at, if c == '(' { Token::Open } else { Token::Close }));
                i += 1;
            }
            '\'' => {
                let mut value = String::new();
                i += 1;
                loop {
                    match (chars.get(i), chars.get(i + 1)) {
                        (Some('\''), Some('\'')) => {
                            value.push('\'');
                            i += 2;
                        }
                        (Some('\''), _) => break,
                        (Some(&other), _) => {
                            value.push(other);
                            i += 1;
                        }
                        (None, _) => return Err(Unclear { at, why: "this text has no closing '".into() }),
                    }
                }
                i += 1;
                out.push((at, Token::Literal(Value::Text(value))));
            }
            _ => {
                let word: String = chars[i..].iter().take_while(|c| c.is_alphanumeric() || "_@./:+-".contains(**c)).collect();
                if word.is_empty() {
                    return Err(Unclear { at, why: format!("{c:?} has no meaning here") });
                }
                i += word.chars().count();
                out.push((at, word_token(word, at)?));
            }
        }
    }
    Ok(out)
}

fn word_token(word: String, at: usize) -> Result<Token, Unclear> {
    let value = match word.as_str() {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        w if w.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') => {
            match (w.parse::<f64>(), DateTime::parse_from_rfc3339(w)) {
                (Ok(n), _) if n.is_finite() => Value::Number(n),
                (_, Ok(t)) => Value::Time(t.timestamp_millis()),
                _ => {
                    return Err(Unclear {
                        at,
                        why: format!("{w:?} is neither a number nor a time like 2026-01-01T00:00:00Z (write + as %2B)"),
                    });
                }
            }
        }
        _ => return Ok(Token::Word(word)),
    };
    Ok(Token::Literal(value))
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

impl Parser {
    fn or(&mut self, depth: usize) -> Result<Filter, Unclear> {
        let mut left = self.and(depth)?;
        while self.take("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Filter, Unclear> {
        let mut left = self.not(depth)?;
        while self.take("and") {
            left = Filter::And(Box::new(left), Box::new(self.not(depth)?));
        }
        Ok(left)
    }

    fn not(&mut self, depth: usize) -> Result<Filter, Unclear> {
        if depth > DEPTH_MAX {
            return Err(self.unclear(format!("more than {DEPTH_MAX} levels")));
        }
        if self.take("not") {
            return Ok(Filter::Not(Box::new(self.not(depth + 1)?)));
        }
        if matches!(self.tokens.get(self.next), Some((_, Token::Open))) {
            self.next += 1;
            let inside = self.or(depth + 1)?;
            return match self.tokens.get(self.next) {
                Some((_, Token::Close)) => {
                    self.next += 1;
                    Ok(inside)
                }
                _ => Err(self.unclear("expected \")\"".into())),
            };
        }
        let left = self.operand()?;
        let op = self.op()?;
        Ok(Filter::Compare(left, op, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, Unclear> {
        let operand = match self.tokens.get(self.next) {
            Some((_, Token::Literal(value))) => Operand::Literal(value.clone()),
            Some((at, Token::Word(word))) => {
                if matches!(self.tokens.get(self.next + 1), Some((_, Token::Open))) {
                    return Err(Unclear { at: *at, why: format!("functions such as {word:?} are not supported") });
                }
                let parts: Vec<String> = word.split('/').map(str::to_owned).collect();
                if parts.iter().any(String::is_empty) || ["eq", "ne", "gt", "ge", "lt", "le", "and", "or"].contains(&word.as_str()) {
                    return Err(self.unclear("expected a property or a literal".into()));
                }
                Operand::Path(parts)
            }
            _ => return Err(self.unclear("expected a property or a literal".into())),
        };
        self.next += 1;
        Ok(operand)
    }

    fn op(&mut self) -> Result<Op, Unclear> {
        let all = [("eq", Op::Eq), ("ne", Op::Ne), ("gt", Op::Gt), ("ge", Op::Ge), ("lt", Op::Lt), ("le", Op::Le)];
        let found = all.into_iter().find(|(word, _)| self.tokens.get(self.next).is_some_and(|(_, t)| t.is(word)));
        let (_, op) = found.ok_or_else(|| self.unclear("expected eq, ne, gt, ge, lt or le".into()))?;
        self.next += 1;
        Ok(op)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.tokens.get(self.next).is_some_and(|(_, t)| t.is(word));
        self.next += usize::from(is);
        is
    }

    fn unclear(&self, expected: String) -> Unclear {
        match self.tokens.get(self.next) {
            Some((at, token)) => Unclear { at: *at, why: format!("{expected}, found {}", token.shown()) },
            None => Unclear { at: self.end, why: format!("{expected}, found the end") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(text: &str) -> bool {
        Filter::parse(text).unwrap().holds(&|path: &[String]| match path.join("/").as_str() {
            "result" => Value::Number(5.5),
            "phenomenonTime" => Value::Time(1_767_225_600_000),
            "ObservedProperty/name" => Value::Text("pm2_5".into()),
            _ => Value::Null,
        })
    }

    #[test]
    fn comparisons_and_their_joints() {
        assert!(holds("result gt 5 and result le 5.5"));
        assert!(!holds("not (result gt 5)"));
        assert!(holds("result lt 0 or result ge 5 and ObservedProperty/name eq 'pm2_5'"));
        assert!(holds("phenomenonTime ge 2026-01-01T00:00:00Z and phenomenonTime lt 2026-01-01T09:00:00+08:00"));
        assert!(!holds("phenomenonTime gt 2026-01-01T00:00:00.000Z"));
        assert!(holds("-1.5e0 lt result") && holds("absent eq null") && holds("result ne 'five'") && !holds("result eq 'five'"));
    }

    #[test]
    fn what_is_unclear_is_named_with_its_place() {
        let unclear = |text: &str| Filter::parse(text).unwrap_err().to_string();
        assert_eq!(unclear("result is 5"), "at character 8: expected eq, ne, gt, ge, lt or le, found \"is\"");
        assert_eq!(unclear("result gt"), "at character 10: expected a property or a literal, found the end");
        assert!(unclear("(result gt 5").contains("expected \")\", found the end"));
        assert!(unclear("name eq 'open").starts_with("at character 9: this text has no closing"));
        assert!(unclear("phenomenonTime gt 2026-13-01T00:00:00Z").starts_with("at character 19:"));
        assert!(unclear("startswith(name,'a')").contains("not supported") || unclear("startswith(name,'a')").contains("no meaning"));
        assert!(unclear(&"(".repeat(10_000)).contains("levels"));
        assert!(unclear("result gt 5 result").contains("expected \"and\""));
    }

    #[test]
    fn the_floor_is_only_what_every_branch_demands() {
        let floor = |text: &str| Filter::parse(text).unwrap().time_floor_ms();
        assert_eq!(floor("phenomenonTime gt 1970-01-01T00:00:01Z and result gt 5"), Some(1000));
        assert_eq!(floor("phenomenonTime gt 1970-01-01T00:00:01Z or result gt 5"), None);
        assert_eq!(floor("not phenomenonTime gt 1970-01-01T00:00:01Z"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[ ()'a-z0-9:.-]|and |or |not |eq |gt |result ){0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                filter.holds(&|_: &[String]| Value::Number(1.0));
            }
        }
    }
}
