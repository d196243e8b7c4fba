//! Query options: `$top`, `$skip`, `$count`, `$orderby`, `$select`, `$expand`, `$filter`, `$resultFormat`, and our own `$skiptoken` of
//! next links.

use super::filter::Filter;
use super::id::Id;
use super::set::Set;
use super::value::Value;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Entities on a page when nothing is asked.
pub const PAGE: usize = 100;
/// Largest page given, whatever is asked.
pub const PAGE_MAX: usize = 1_000;
/// Levels of `$expand`; four lead from a Thing to the observations' features.
const EXPAND_DEPTH_MAX: usize = 5;

/// What is asked of one collection or entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub top: Option<usize>,
    pub skip: usize,
    pub count: bool,
    /// Path, and whether downwards.
    pub order: Vec<(Vec<String>, bool)>,
    pub select: Vec<String>,
    pub expand: Vec<(String, Query)>,
    pub filter: Option<Filter>,
    /// Go on after the entity with these values of the order, and this id.
    pub after: Option<(Vec<Value>, Id)>,
    /// `$resultFormat=dataArray`.
    pub data_array: bool,
}

impl Query {
    /// Options of a URL, for a collection (or entity) of `set`; `now_ms` (Unix milliseconds) is what `now()` means.
    ///
    /// # Errors
    /// In words: the option and what is wrong with it.
    pub fn parse(query: &str, set: Set, now_ms: i64) -> Result<Query, String> {
        let pairs = query.split('&').filter(|p| !p.is_empty());
        let decoded = pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        });
        // Of the hub's own, not of the standard: who may come in.
        let decoded = decoded.filter(|pair| !matches!(pair, Ok((key, _)) if key == "token"));
        Query::options(decoded.collect::<Result<Vec<_>, String>>()?, set, (now_ms, 0))
    }

    fn options(pairs: Vec<(String, String)>, set: Set, (now_ms, depth): (i64, usize)) -> Result<Query, String> {
        let mut q = Query::default();
        for (key, value) in pairs {
            let number = || value.parse::<usize>().map_err(|_| format!("{key}: {value:?} is no whole number"));
            match key.as_str() {
                "$top" => q.top = Some(number()?),
                "$skip" => q.skip = number()?,
                "$count" => q.count = value.parse().map_err(|_| format!("$count: {value:?} is neither true nor false"))?,
                "$orderby" => q.order = order(&value, set)?,
                "$select" => q.select = select(&value, set)?,
                "$expand" => q.expand = expand(&value, set, (now_ms, depth))?,
                "$filter" => {
                    let filter = Filter::parse(&value, now_ms).map_err(|e| format!("$filter: {e}"))?;
                    filter.paths().into_iter().try_for_each(|p| check_path(p, set).map_err(|e| format!("$filter: {e}")))?;
                    q.filter = Some(filter);
                }
                "$skiptoken" => q.after = Some(read_token(&value).ok_or("$skiptoken: not one of ours; start again without it")?),
                "$resultFormat" if value == "default" => {}
                "$resultFormat" if value == "dataArray" && set == Set::Observations && depth == 0 => q.data_array = true,
                "$resultFormat" => return Err(format!("$resultFormat: {value:?} is not for {}; observations have dataArray", set.name())),
                _ => return Err(format!("the option {key:?} is not supported")),
            }
        }
        if set == Set::Observations && q.order.is_empty() {
            q.order = vec![(vec!["phenomenonTime".to_owned()], false)];
        }
        Ok(q)
    }

    pub fn page(&self) -> usize {
        self.top.unwrap_or(PAGE).min(PAGE_MAX)
    }
}

/// The token of a next link: where the next page starts, whatever was added or dropped meanwhile.
pub fn write_token(keys: &[Value], id: &Id) -> String {
    // Plain enums and numbers always serialise.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(keys, id)).unwrap_or_default())
}

fn read_token(token: &str) -> Option<(Vec<Value>, Id)> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

fn order(text: &str, set: Set) -> Result<Vec<(Vec<String>, bool)>, String> {
    let one = |part: &str| {
        let mut words = part.split_whitespace();
        let path: Vec<String> = words.next().unwrap_or_default().split('/').map(str::to_owned).collect();
        let down = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(format!("$orderby: {part:?} should be a property and asc or desc")),
        };
        check_path(&path, set).map_err(|e| format!("$orderby: {e}"))?;
        Ok((path, down))
    };
    text.split(',').map(one).collect()
}

fn select(text: &str, set: Set) -> Result<Vec<String>, String> {
    let named = text.split(',').map(str::trim).filter(|s| !s.is_empty());
    let known = |name: &str| match name {
        "id" => Ok("@iot.id".to_owned()),
        name if set.has(name) || set.link(name).is_some() => Ok(name.to_owned()),
        name => Err(format!("$select: {} have no property {name:?}", set.name())),
    };
    named.map(known).collect()
}

/// `Thing/Locations,Observations($top=1;$orderby=phenomenonTime desc)`.
fn expand(text: &str, set: Set, (now_ms, depth): (i64, usize)) -> Result<Vec<(String, Query)>, String> {
    if depth >= EXPAND_DEPTH_MAX {
        return Err(format!("$expand: more than {EXPAND_DEPTH_MAX} levels"));
    }
    let mut out = Vec::new();
    for item in outside_parentheses(text, ',')? {
        let (path, inside) = match item.split_once('(') {
            Some((path, rest)) => (path, rest.strip_suffix(')').ok_or_else(|| format!("$expand: {item:?} lacks its closing parenthesis"))?),
            None => (item, ""),
        };
        let (name, deeper) = path.split_once('/').map_or((path.trim(), None), |(name, rest)| (name.trim(), Some(rest)));
        let (_, to, _) = set.link(name).ok_or_else(|| format!("$expand: {} have no {name:?}", set.name()))?;
        let query = match deeper {
            Some(rest) => {
                let item = if inside.is_empty() { rest.to_owned() } else { format!("{rest}({inside})") };
                Query { expand: expand(&item, *to, (now_ms, depth + 1))?, ..Query::options(Vec::new(), *to, (now_ms, depth + 1))? }
            }
            None => {
                let pairs = outside_parentheses(inside, ';')?.into_iter().filter(|p| !p.trim().is_empty());
                let pairs = pairs.map(|p| p.split_once('=').unwrap_or((p, "")));
                Query::options(pairs.map(|(k, v)| (k.trim().to_owned(), v.to_owned())).collect(), *to, (now_ms, depth + 1))?
            }
        };
        out.push((name.to_owned(), query));
    }
    Ok(out)
}

/// Splits at `separator` where it stands neither in parentheses nor in a quoted text.
fn outside_parentheses(text: &str, separator: char) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0usize, false);
    for (i, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or_else(|| format!("$expand: a \")\" too many at byte {}", i + 1))?,
            _ if c == separator && depth == 0 => {
                parts.push(&text[start..i]);
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    if depth == 0 { Ok(parts) } else { Err("$expand: a \")\" is missing".into()) }
}

/// Refuses paths over links that lead to many, where no single value is.
fn check_path(path: &[String], set: Set) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    match set.link(first) {
        Some((name, _, true)) => Err(format!("{name} of {} are many; a path may only follow single ones", set.name())),
        Some((_, to, false)) => check_path(rest, *to),
        None if set.has(first) => Ok(()),
        None => Err(format!("{} have no property {first:?}", set.name())),
    }
}

/// Percent-decoding, `+` for a space as forms write it.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        bytes.push(match b {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&hex).ok().filter(|h| h.len() == 2).and_then(|h| u8::from_str_radix(h, 16).ok());
                hex.ok_or_else(|| format!("{text:?}: a % is not followed by two hexadecimal digits"))?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| format!("{text:?} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nested_options_are_read() {
        let q =
            "$expand=Thing($expand=Locations),Observations($top=1;$orderby=phenomenonTime%20desc;$filter=result gt 5)&$top=7&$count=true";
        let q = Query::parse(q, Set::Datastreams, 0).unwrap();
        assert_eq!((q.top, q.count, q.expand.len()), (Some(7), true, 2));
        assert_eq!(q.expand[0].1.expand[0].0, "Locations");
        assert_eq!((q.expand[1].1.top, q.expand[1].1.order[0].1), (Some(1), true));
        assert_eq!(Query::parse("$expand=Thing/Locations", Set::Datastreams, 0).unwrap().expand[0].1.expand[0].0, "Locations");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |q: &str| Query::parse(q, Set::Datastreams, 0).unwrap_err();
        assert!(wrong("$top=many").contains("whole number"));
        assert!(wrong("$expand=Children").contains("have no \"Children\""));
        assert!(wrong("$expand=Thing($top=1").contains("missing"));
        assert!(wrong("$filter=Observations/result gt 5").contains("are many"));
        assert!(wrong("$filter=nmae eq 'x'").contains("no property \"nmae\""));
        assert!(wrong("$nonsense=1").contains("not supported"));
        assert!(wrong("$filter=%zz").contains("hexadecimal"));
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(q in "(\\PC|\\$expand=|Thing|Observations|[(),;/%$=&+]){0,40}") {
            let _ = Query::parse(&q, Set::Datastreams, 0);
        }
    }
}
