//! Tokens to an expression, by precedence: or, and, not, comparison, add and sub, mul div and mod, calls and parentheses.

use super::functions::{FUNCTIONS, Function};
use super::token::{Token, tokens};
use super::{Expr, Op, Sum, Unclear};
use crate::ogc::sensorthings::value::Value;

/// Nested parentheses and `not`s.
const DEPTH_MAX: usize = 32;
const OPS: [(&str, Op); 6] = [("eq", Op::Eq), ("ne", Op::Ne), ("gt", Op::Gt), ("ge", Op::Ge), ("lt", Op::Lt), ("le", Op::Le)];
const SUMS: [(&str, Sum); 2] = [("add", Sum::Add), ("sub", Sum::Sub)];
const PRODUCTS: [(&str, Sum); 3] = [("mul", Sum::Mul), ("div", Sum::Div), ("mod", Sum::Mod)];

pub fn filter(text: &str, now_ms: i64) -> Result<Expr, Unclear> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count() + 1, now_ms };
    let filter = parser.or(0)?;
    if parser.next < parser.tokens.len() {
        return Err(parser.unclear("expected a comparison (eq, ne, gt, ge, lt, le), \"and\", \"or\" or the end"));
    }
    parser.condition(filter, 1)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    now_ms: i64,
}

impl Parser {
    fn or(&mut self, depth: usize) -> Result<Expr, Unclear> {
        let at = self.at();
        let mut left = self.and(depth)?;
        while self.take("or") {
            let right_at = self.at();
            let right = self.and(depth)?;
            left = Expr::Or(Box::new(self.condition(left, at)?), Box::new(self.condition(right, right_at)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Expr, Unclear> {
        let at = self.at();
        let mut left = self.not(depth)?;
        while self.take("and") {
            let right_at = self.at();
            let right = self.not(depth)?;
            left = Expr::And(Box::new(self.condition(left, at)?), Box::new(self.condition(right, right_at)?));
        }
        Ok(left)
    }

    fn not(&mut self, depth: usize) -> Result<Expr, Unclear> {
        if depth > DEPTH_MAX {
            return Err(self.unclear(&format!("more than {DEPTH_MAX} levels")));
        }
        if self.take("not") {
            let at = self.at();
            let inside = self.not(depth + 1)?;
            return Ok(Expr::Not(Box::new(self.condition(inside, at)?)));
        }
        let left = self.sum(depth)?;
        match self.one_of(&OPS) {
            Some(op) => Ok(Expr::Compare(Box::new(left), op, Box::new(self.sum(depth)?))),
            None => Ok(left),
        }
    }

    fn sum(&mut self, depth: usize) -> Result<Expr, Unclear> {
        let mut left = self.product(depth)?;
        while let Some(sum) = self.one_of(&SUMS) {
            left = folded(Expr::Arithmetic(Box::new(left), sum, Box::new(self.product(depth)?)));
        }
        Ok(left)
    }

    fn product(&mut self, depth: usize) -> Result<Expr, Unclear> {
        let mut left = self.operand(depth)?;
        while let Some(product) = self.one_of(&PRODUCTS) {
            left = folded(Expr::Arithmetic(Box::new(left), product, Box::new(self.operand(depth)?)));
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<Expr, Unclear> {
        let missing = "expected a property or a literal";
        let Some((at, token)) = self.tokens.get(self.next).cloned() else { return Err(self.unclear(missing)) };
        match token {
            Token::Literal(value) => {
                self.next += 1;
                Ok(Expr::Literal(value))
            }
            Token::Open => {
                self.next += 1;
                let inside = self.or(depth + 1)?;
                self.close().map(|()| inside)
            }
            Token::Word(word) if matches!(self.tokens.get(self.next + 1), Some((_, Token::Open))) && word != "not" => {
                self.next += 2;
                self.call(&word, at, depth)
            }
            Token::Word(word) => {
                let parts: Vec<String> = word.split('/').map(str::to_owned).collect();
                let names = OPS.iter().map(|o| o.0).chain(SUMS.iter().chain(&PRODUCTS).map(|s| s.0)).chain(["and", "or"]);
                if parts.iter().any(String::is_empty) || names.into_iter().any(|n| n == word) {
                    return Err(self.unclear(missing));
                }
                self.next += 1;
                Ok(Expr::Path(parts))
            }
            Token::Close | Token::Comma => Err(self.unclear(missing)),
        }
    }

    /// Arguments and the closing parenthesis of a function whose opening one was taken.
    fn call(&mut self, name: &str, at: usize, depth: usize) -> Result<Expr, Unclear> {
        let unknown = || Unclear { at, why: format!("functions such as {name:?} are not supported") };
        if name == "now" {
            return self.close().map(|()| Expr::Literal(Value::Time(self.now_ms)));
        }
        let function: &'static Function = FUNCTIONS.iter().find(|f| f.name == name).ok_or_else(unknown)?;
        let mut args = Vec::new();
        if !matches!(self.tokens.get(self.next), Some((_, Token::Close))) {
            args.push(self.or(depth + 1)?);
            while matches!(self.tokens.get(self.next), Some((_, Token::Comma))) {
                self.next += 1;
                args.push(self.or(depth + 1)?);
            }
        }
        self.close()?;
        if !function.args.contains(&args.len()) {
            let (least, most) = (function.args.start(), function.args.end());
            let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
            return Err(Unclear { at, why: format!("{name:?} takes {wanted} arguments, not {}", args.len()) });
        }
        Ok(folded(Expr::Call(function, args)))
    }

    fn close(&mut self) -> Result<(), Unclear> {
        match self.tokens.get(self.next) {
            Some((_, Token::Close)) => {
                self.next += 1;
                Ok(())
            }
            _ => Err(self.unclear("expected \")\"")),
        }
    }

    /// `expr` where something true or false is needed.
    fn condition(&self, expr: Expr, at: usize) -> Result<Expr, Unclear> {
        if expr.is_condition() {
            Ok(expr)
        } else {
            Err(Unclear { at, why: "this is neither true nor false; compare it with something".into() })
        }
    }

    fn one_of<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        words.iter().find(|(word, _)| self.take(word)).map(|(_, meant)| *meant)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.tokens.get(self.next).is_some_and(|(_, t)| t.is(word));
        self.next += usize::from(is);
        is
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn unclear(&self, expected: &str) -> Unclear {
        match self.tokens.get(self.next) {
            Some((at, token)) => Unclear { at: *at, why: format!("{expected}, found {}", token.shown()) },
            None => Unclear { at: self.end, why: format!("{expected}, found the end") },
        }
    }
}

/// What depends on no property, computed once.
fn folded(expr: Expr) -> Expr {
    if expr.parts().iter().all(|p| matches!(p, Expr::Literal(_))) { Expr::Literal(expr.value(&|_: &[String]| Value::Null)) } else { expr }
}
