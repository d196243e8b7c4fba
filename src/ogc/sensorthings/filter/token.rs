//! Words, literals and signs of a filter with their positions.

use super::{Unclear, time, wkt};
use crate::ogc::sensorthings::value::Value;
use std::sync::Arc;

/// Tokens in one filter: far more than a person writes, few enough that what is built from them is walked without end of stack.
const TOKENS_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Literal(Value),
}

impl Token {
    pub fn shown(&self) -> String {
        match self {
            Token::Open => "\"(\"".into(),
            Token::Close => "\")\"".into(),
            Token::Comma => "\",\"".into(),
            Token::Word(w) => format!("{w:?}"),
            Token::Literal(Value::Text(t)) => format!("the text '{t}'"),
            Token::Literal(_) => "a literal".into(),
        }
    }

    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(w) if w == word)
    }
}

/// Tokens with their positions, counted in characters from 1.
pub fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Unclear> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut i = 0;
    while let Some(&c) = chars.get(i) {
        let at = i + 1;
        if out.len() >= TOKENS_MAX {
            return Err(Unclear { at, why: format!("a filter has at most {TOKENS_MAX} words and signs") });
        }
        let token = match c {
            ' ' | '\t' => {
                i += 1;
                continue;
            }
            '(' | ')' | ',' => {
                i += 1;
                match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                }
            }
            '\'' => Token::Literal(Value::Text(quoted(&chars, &mut i)?)),
            _ => {
                let word: String = chars[i..].iter().take_while(|c| c.is_alphanumeric() || "_@./:+-".contains(**c)).collect();
                if word.is_empty() {
                    return Err(Unclear { at, why: format!("{c:?} has no meaning here") });
                }
                i += word.chars().count();
                if chars.get(i) == Some(&'\'') {
                    let inside = quoted(&chars, &mut i)?;
                    Token::Literal(typed(&word, &inside).map_err(|why| Unclear { at, why })?)
                } else {
                    plain(word).map_err(|why| Unclear { at, why })?
                }
            }
        };
        out.push((at, token));
    }
    Ok(out)
}

/// The text between two `'`, where `''` stands for one; `i` goes from the first to behind the last.
fn quoted(chars: &[char], i: &mut usize) -> Result<String, Unclear> {
    let at = *i + 1;
    let mut value = String::new();
    *i += 1;
    loop {
        match (chars.get(*i), chars.get(*i + 1)) {
            (Some('\''), Some('\'')) => {
                value.push('\'');
                *i += 2;
            }
            (Some('\''), _) => {
                *i += 1;
                return Ok(value);
            }
            (Some(&other), _) => {
                value.push(other);
                *i += 1;
            }
            (None, _) => return Err(Unclear { at, why: "this text has no closing '".into() }),
        }
    }
}

/// `geography'POINT(118 34)'`, `duration'PT1H'`.
fn typed(kind: &str, inside: &str) -> Result<Value, String> {
    match kind {
        "geography" | "geometry" => wkt::parse(inside).map(|g| Value::Shape(Arc::new(g))),
        "duration" => time::duration_ms(inside).map(Value::Duration).ok_or_else(|| format!("'{inside}' is no duration like PT1H30M")),
        _ => Err(format!("{kind:?} before a text means nothing; there are geography'...' and duration'...'")),
    }
}

fn plain(word: String) -> Result<Token, String> {
    let value = match word.as_str() {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        w if w.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') => match w.parse::<f64>() {
            Ok(n) if n.is_finite() => Value::Number(n),
            _ => time::literal(w)
                .ok_or_else(|| format!("{w:?} is neither a number nor a time like 2026-01-01T00:00:00Z (write + as %2B)"))?,
        },
        _ => return Ok(Token::Word(word)),
    };
    Ok(Token::Literal(value))
}
