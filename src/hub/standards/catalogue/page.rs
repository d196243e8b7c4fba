//! The catalogue as a page: dark, readable, Chinese with English beside it, no script.

use super::resources::{Catalogue, FieldText, GROUPS, Group, Pace, Resource};
use quick_xml::escape::escape;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
/// Something fed all the time that is older than this is no longer fresh, seconds.
const LATE_S: i64 = 300;
/// An extent so many times as large as the one in the middle does not set the scale of the little maps.
const FAR_BEYOND: f64 = 20.0;

pub fn html(c: &Catalogue) -> String {
    let mut out = String::with_capacity(64 * 1024);
    // Writing to a string can't fail.
    let _ = page(&mut out, c);
    out
}

fn page(out: &mut String, c: &Catalogue) -> std::fmt::Result {
    let (zh, en) = (escape(&c.title_zh), escape(&c.title_en));
    write!(
        out,
        "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{zh} 资源目录 catalogue</title><style>{STYLE}</style></head><body><main>\
         <header><h1>{zh} 资源目录<small>{en}: catalogue of resources</small></h1>\
         <div class=\"when\">截至 as of {}<br><a href=\"catalogue.json\">JSON</a></div></header><nav>",
        c.at.format("%Y-%m-%d %H:%M:%S UTC")
    )?;
    for group in GROUPS {
        let (zh, en) = group.names();
        let count = c.group(group).count();
        write!(out, "<a href=\"#{}\"><b>{count}</b>{zh} <span lang=\"en\">{en}</span></a>", group.id())?;
    }
    out.push_str("</nav>");
    let whole = whole(c);
    for group in GROUPS {
        section(out, c, group, whole)?;
    }
    out.push_str("</main></body></html>\n");
    Ok(())
}

fn section(out: &mut String, c: &Catalogue, group: Group, whole: Option<[f64; 4]>) -> std::fmt::Result {
    let (zh, en) = group.names();
    write!(out, "<section id=\"{}\"><h2>{zh}<small lang=\"en\">{en}</small></h2>", group.id())?;
    if c.group(group).next().is_none() {
        out.push_str("<p class=\"none\">暂无资源 nothing here yet</p>");
    }
    out.push_str("<div class=\"resources\">");
    for resource in c.group(group) {
        article(out, c, resource, whole)?;
    }
    out.push_str("</div></section>");
    Ok(())
}

fn article(out: &mut String, c: &Catalogue, r: &Resource, whole: Option<[f64; 4]>) -> std::fmt::Result {
    let (zh, en) = (escape(&r.title_zh), escape(&r.title_en));
    write!(out, "<article><div class=\"top\"><h3>{zh}")?;
    if zh != en {
        write!(out, "<small lang=\"en\">{en}</small>")?;
    }
    out.push_str("</h3>");
    if let Some(count) = r.count {
        write!(out, "<span class=\"count\">{}</span>", grouped(count))?;
    }
    out.push_str("</div>");
    if !r.note.is_empty() {
        write!(out, "<p class=\"note\">{}</p>", escape(&r.note))?;
    }
    out.push_str("<dl>");
    freshness(out, c, r)?;
    if let Some(bounds) = r.extent.bounds {
        write!(out, "<dt>范围 extent</dt><dd class=\"extent\">{}<span>{}</span></dd>", map(bounds, whole), place(bounds))?;
    }
    if let Some(begin) = r.extent.begin {
        let day = begin.date_naive();
        let end = match r.extent.end {
            None => "…".to_owned(),
            Some(end) if end.date_naive() == day => end.format("%H:%M").to_string(),
            Some(end) => end.format("%Y-%m-%d %H:%M").to_string(),
        };
        write!(out, "<dt>时段 period</dt><dd>{} – {end} UTC</dd>", begin.format("%Y-%m-%d %H:%M"))?;
    }
    if r.group != Group::Online {
        let licence = r.licence.as_deref().map_or("<span class=\"none\">未注明 not stated</span>".into(), escape);
        write!(out, "<dt>许可 licence</dt><dd>{licence}</dd>")?;
    }
    out.push_str("</dl>");
    out.push_str("<div class=\"links\">");
    for link in &r.links {
        write!(out, "<a href=\"{}\" type=\"{}\">{}</a>", escape(&link.href), link.kind, escape(&link.title))?;
    }
    out.push_str("</div>");
    schema(out, &r.fields)?;
    out.push_str("</article>");
    Ok(())
}

fn freshness(out: &mut String, c: &Catalogue, r: &Resource) -> std::fmt::Result {
    let age = r.age_s(c.at);
    let (class, word) = match (r.pace, age) {
        (Pace::Service, _) => ("live", "在线 online".to_owned()),
        (Pace::CutOff, _) => ("off", "中断 cut off".to_owned()),
        (Pace::Live, Some(s)) if s <= LATE_S => ("live", ago(s, ["实时，", ""], "live, ")),
        (Pace::Live, Some(s)) => ("late", ago(s, ["陈旧，", ""], "stale, ")),
        (Pace::Live, None) => ("late", "尚无数据 nothing yet".to_owned()),
        (Pace::Kept, Some(s)) => ("", ago(s, ["", "更新"], "changed ")),
        (Pace::Kept, None) => ("", "无记录 not known".to_owned()),
    };
    write!(out, "<dt>时效 freshness</dt><dd class=\"{class}\"><span class=\"dot\"></span>{word}</dd>")
}

/// `3 分钟前更新 changed 3 min ago`: each language in one piece, with what stands around the time in it.
fn ago(seconds: i64, [before, after]: [&str; 2], en: &str) -> String {
    let (n, zh_unit, en_unit) = match seconds {
        0..60 => (seconds, "秒", "s"),
        60..3_600 => (seconds / 60, "分钟", "min"),
        3_600..86_400 => (seconds / 3_600, "小时", "h"),
        _ => (seconds / 86_400, "天", "d"),
    };
    format!("{before}{n} {zh_unit}前{after} <span lang=\"en\">{en}{n} {en_unit} ago</span>")
}

fn schema(out: &mut String, fields: &[FieldText]) -> std::fmt::Result {
    if fields.is_empty() {
        return Ok(());
    }
    write!(out, "<details><summary>字段 schema ({})</summary><table>", fields.len())?;
    for f in fields {
        let said = [f.zh.as_str(), f.en.as_str()].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ");
        write!(out, "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", escape(&f.name), escape(&f.kind), escape(&said))?;
    }
    out.push_str("</table></details>");
    Ok(())
}

/// What the resources cover together, without those that reach far beyond the rest (a province's borders in a town's catalogue): beside such a
/// one all others would be dots.
fn whole(c: &Catalogue) -> Option<[f64; 4]> {
    let size = |[w, s, e, n]: [f64; 4]| (e - w) * (n - s);
    let mut all: Vec<[f64; 4]> = c.resources.iter().filter_map(|r| r.extent.bounds).collect();
    all.sort_by(|a, b| size(*a).total_cmp(&size(*b)));
    let usual = all.get(all.len() / 2).map_or(0.0, |b| size(*b));
    let most = if usual > 0.0 { usual * FAR_BEYOND } else { f64::INFINITY };
    all.into_iter().filter(|b| size(*b) <= most).reduce(|[w, s, e, n], [a, b, c, d]| [w.min(a), s.min(b), e.max(c), n.max(d)])
}

/// Where a resource lies within all that there is; one that reaches beyond fills the picture up to its edge.
fn map([w, s, e, n]: [f64; 4], whole: Option<[f64; 4]>) -> String {
    let Some([west, south, east, north]) = whole else { return String::new() };
    let scale = |at: f64, from: f64, to: f64, size: f64| if to > from { (at - from) / (to - from) * size } else { size / 2.0 };
    let held = |at: f64, size: f64| at.clamp(-1.0, size + 1.0);
    let (x0, x1) = (held(scale(w, west, east, 60.0), 60.0), held(scale(e, west, east, 60.0), 60.0));
    let (y0, y1) = (held(40.0 - scale(n, south, north, 40.0), 40.0), held(40.0 - scale(s, south, north, 40.0), 40.0));
    let (width, height) = ((x1 - x0).max(4.0), (y1 - y0).max(4.0));
    format!(
        "<svg viewBox=\"-2 -2 64 44\" role=\"img\" aria-label=\"extent\"><rect x=\"{x0:.1}\" y=\"{y0:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/></svg>"
    )
}

fn place([w, s, e, n]: [f64; 4]) -> String {
    if w == e && s == n { format!("{w:.3}, {s:.3}") } else { format!("{w:.3} – {e:.3} E<br>{s:.3} – {n:.3} N") }
}

/// `12 345`, with thin spaces.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ages_are_written_for_people() {
        assert_eq!((grouped(7), grouped(1_234), grouped(1_234_567)), ("7".into(), "1\u{202f}234".into(), "1\u{202f}234\u{202f}567".into()));
        assert_eq!(ago(5, ["实时，", ""], "live, "), "实时，5 秒前 <span lang=\"en\">live, 5 s ago</span>");
        let changed = |s| ago(s, ["", "更新"], "changed ").replace("<span lang=\"en\">", "").replace("</span>", "");
        assert_eq!(changed(200), "3 分钟前更新 changed 3 min ago");
        assert_eq!((changed(7_200), changed(200_000)), ("2 小时前更新 changed 2 h ago".into(), "2 天前更新 changed 2 d ago".into()));
    }
}
