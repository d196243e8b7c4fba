//! Feeds: what came, what was kept, what was left out and why, how late it is. Quiet while all is well.

use super::{PanelData, two};
use crate::model::feed::{Coordinates, Counts, FeedStatus};
use crate::screen::style;
use bevy_egui::egui::{self, Color32, RichText, Sense, vec2};

/// A clock that is off by less shows nothing but the way of the message, milliseconds.
const SKEW_SHOWN_MS: f64 = 2_000.0;

pub fn show(ui: &mut egui::Ui, data: &PanelData) {
    two(ui, data.text, "数据源", "feeds");
    for feed in data.world.feeds.values() {
        head(ui, data, feed);
        if is_open(ui, feed) {
            ledger(ui, data, feed);
        }
        // While all is well an old error is history; the ledger below has its count.
        let trouble = feed.held_back.as_ref().or(feed.last_error.as_ref().filter(|_| !feed.connected));
        if let Some(error) = trouble {
            small(ui, data, error, style::WARN);
        }
    }
}

/// Lamp, name and kind; beside it how old the newest is.
fn head(ui: &mut egui::Ui, data: &PanelData, feed: &FeedStatus) {
    let em = data.text.body;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), em * 2.3), Sense::click());
    if data.interactive && response.hovered() {
        ui.painter().rect_filled(rect, 4.0, Color32::from_rgb(0x15, 0x20, 0x31));
    }
    if response.clicked() {
        let open = !is_open(ui, feed);
        ui.data_mut(|d| d.insert_temp(memory(feed), open));
    }
    let painter = ui.painter_at(rect);
    lamp(&painter, rect.left_top() + vec2(em * 0.5, em * 0.72), em * 0.3, feed);
    let left = rect.left() + em * 1.25;
    let newest = feed.newest.map(|at| age((data.hub_now - at).num_seconds())).unwrap_or_else(|| "—".into());
    let newest = painter.layout_no_wrap(newest, style::regular(data.text.small), style::QUIET);
    let name = super::incidents::elided(
        &painter,
        &feed.feed,
        style::strong(em * 0.92),
        style::TEXT,
        rect.right() - left - newest.size().x - em * 0.4,
    );
    painter.galley(egui::pos2(left, rect.top() + em * 0.1), name, style::TEXT);
    let right = rect.right() - newest.size().x;
    painter.galley(egui::pos2(right, rect.top() + em * 0.2), newest, style::QUIET);
    let lost = feed.rejected + feed.quarantined + feed.gaps;
    let words = format!(
        "{} 收 in · {} 存 kept{}",
        short(feed.received),
        short(feed.stored),
        if lost > 0 { format!(" · {} 未用 unused", short(lost)) } else { String::new() }
    );
    let colour = if lost > 0 { style::TEXT } else { style::QUIET };
    let words = super::incidents::elided(&painter, &words, style::regular(data.text.small), colour, rect.right() - left);
    painter.galley(egui::pos2(left, rect.top() + em * 1.25), words, colour);
    if data.interactive {
        response.on_hover_ui(|ui| {
            ui.set_max_width(em * 22.0);
            ledger(ui, data, feed);
        });
    }
}

/// Told apart without colour as well: full when connected, a ring when not, a bar across when the hub holds it back.
fn lamp(painter: &egui::Painter, at: egui::Pos2, radius: f32, feed: &FeedStatus) {
    if feed.held_back.is_some() {
        painter.rect_filled(egui::Rect::from_center_size(at, vec2(radius * 2.0, radius * 0.8)), 0.0, style::WARN);
    } else if feed.connected {
        painter.circle_filled(at, radius, style::GOOD);
    } else {
        painter.circle_stroke(at, radius, egui::Stroke::new(radius * 0.5, style::ALARM));
    }
}

/// The account: the four sums, each with its reasons, then gaps, lateness and clock.
fn ledger(ui: &mut egui::Ui, data: &PanelData, feed: &FeedStatus) {
    let coordinates = match feed.coordinates {
        Coordinates::Wgs84 => "WGS 84",
        Coordinates::Cgcs2000 => "CGCS2000",
        Coordinates::Gcj02 => "GCJ-02 → WGS 84",
        Coordinates::Bd09 => "BD-09 → WGS 84",
    };
    small(ui, data, &format!("{} · {coordinates}", feed.kind), style::QUIET);
    if let Some(since) = feed.since {
        line(ui, data, "起计 counted since", &since.format("%Y-%m-%d %H:%MZ").to_string(), style::QUIET);
    }
    let sum = |ui: &mut egui::Ui, zh: &str, en: &str, count: u64, reasons: Option<&Counts>| {
        if count > 0 || reasons.is_none() {
            line(ui, data, &format!("{zh} {en}"), &grouped(count), style::TEXT);
        }
        for (reason, count) in reasons.into_iter().flatten() {
            line(ui, data, &format!("    {}", words(reason)), &grouped(*count), style::QUIET);
        }
    };
    sum(ui, "收到", "received", feed.received, None);
    sum(ui, "存入", "stored", feed.stored, None);
    sum(ui, "拒绝", "rejected", feed.rejected, Some(&feed.rejected_for));
    sum(ui, "合并", "conflated", feed.conflated, Some(&feed.conflated_by));
    sum(ui, "隔离", "quarantined", feed.quarantined, Some(&feed.quarantined_for));
    if feed.unrecorded > 0 {
        line(ui, data, "未录 not in its journal", &grouped(feed.unrecorded), style::WARN);
    }
    if feed.gaps > 0 {
        line(ui, data, "缺失 missing", &grouped(feed.gaps), style::WARN);
    }
    if let Some(lag) = feed.lag {
        line(ui, data, "到达延迟 arrives late, p50 / p99", &pair(lag.arrival_p50_ms, lag.arrival_p99_ms), style::TEXT);
        if let (Some(p50), Some(p99)) = (lag.screen_p50_ms, lag.screen_p99_ms) {
            line(ui, data, "上屏延迟 to screens, p50 / p99", &pair(p50, p99), style::TEXT);
        }
    }
    if let Some(skew_ms) = feed.skew_ms.filter(|ms| ms.abs() >= SKEW_SHOWN_MS) {
        let (zh, en) = if skew_ms > 0.0 { ("时钟偏快", "clock ahead") } else { ("时钟偏慢", "clock behind") };
        line(ui, data, &format!("{zh} {en}"), &span(skew_ms.abs()), style::WARN);
    }
    if let Some(late_ms) = feed.always_late_ms {
        // Not a warning: many a platform speaks of the hour that is over.
        line(ui, data, "总是迟到 always so late (or its clock is behind)", &span(late_ms), style::TEXT);
    }
    if let Some(error) = &feed.last_error {
        small(ui, data, error, style::QUIET);
    }
}

fn line(ui: &mut egui::Ui, data: &PanelData, what: &str, value: &str, colour: Color32) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(what).font(style::regular(data.text.small)).color(style::QUIET));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(value).font(style::regular(data.text.small)).color(colour));
        });
    });
}

fn small(ui: &mut egui::Ui, data: &PanelData, text: &str, colour: Color32) {
    ui.add(egui::Label::new(RichText::new(text).font(style::regular(data.text.small)).color(colour)).wrap());
}

fn memory(feed: &FeedStatus) -> egui::Id {
    egui::Id::new(("feed", &feed.feed))
}

fn is_open(ui: &egui::Ui, feed: &FeedStatus) -> bool {
    ui.data(|d| d.get_temp(memory(feed))).unwrap_or(false)
}

/// The ledger's words in both languages; a new one is shown as it is.
fn words(reason: &str) -> String {
    let words = match reason {
        "unreadable" => "无法解析 unreadable",
        "incomplete" => "缺字段 incomplete",
        "out_of_range" => "越界 out of range",
        "too_large" => "过大 too large",
        "unsupported" => "不支持 unsupported",
        "full" => "已满 full",
        "rule" => "违反规则 against a rule",
        "place" => "坐标无效 no place on Earth",
        "clock_ahead" => "时间超前 clock ahead",
        "unknown_sensor" => "未知传感器 unknown sensor",
        "no_fix" => "无定位 no fix",
        "not_kept" => "未能保存 not kept",
        "repeated" => "重复 repeated",
        "replaced" => "被新值替换 replaced by newer",
        "older" => "较旧 older than known",
        "no_news" => "无变化 nothing new",
        "test_or_draft" => "测试或草稿 test or draft",
        "acknowledgement" => "回执 acknowledgement",
        "out_of_scope" => "非公开 not for these screens",
        "superseded" => "已被更新 updated before it came",
        "nothing_to_cancel" => "无可取消 nothing to cancel",
        "over_already" => "已结束 over before it came",
        "call_only" => "仅有来电 of a call alone",
        other => return other.replace('_', " "),
    };
    words.to_owned()
}

/// `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let from_right = digits.chars().rev().enumerate().flat_map(|(i, c)| (i > 0 && i % 3 == 0).then_some(',').into_iter().chain([c]));
    from_right.collect::<Vec<_>>().into_iter().rev().collect()
}

/// In the room of a line: `12,345`, `1.2 M`.
fn short(count: u64) -> String {
    if count < 1_000_000 { grouped(count) } else { format!("{:.1} M", count as f64 / 1e6) }
}

fn pair(p50_ms: f64, p99_ms: f64) -> String {
    format!("{} / {}", span(p50_ms), span(p99_ms))
}

/// A span in the unit that suits it.
fn span(ms: f64) -> String {
    match ms {
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.1} s", ms / 1_000.0),
        ms if ms < 3_600_000.0 => format!("{:.0} min", ms / 60_000.0),
        ms => format!("{:.0} h", ms / 3_600_000.0),
    }
}

/// How old the newest is, in few characters.
fn age(seconds: i64) -> String {
    match seconds {
        ..=-60 => "超前 ahead".into(),
        -59..=0 => "刚刚 now".into(),
        1..=59 => format!("{seconds} 秒 s"),
        60..=3_599 => format!("{} 分 min", seconds / 60),
        3_600..=86_399 => format!("{} 时 h", seconds / 3_600),
        _ => format!("{} 天 d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_spans_have_the_unit_that_suits_them() {
        assert_eq!((grouped(0), grouped(999), grouped(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((short(999_999), short(3_000_000)), ("999,999".into(), "3.0 M".into()));
        assert_eq!(
            (span(12.4), span(1_500.0), span(300_000.0), span(7.2e6)),
            ("12 ms".into(), "1.5 s".into(), "5 min".into(), "2 h".into())
        );
        assert_eq!((age(-5), age(59), age(7_200), age(-300)), ("刚刚 now".into(), "59 秒 s".into(), "2 时 h".into(), "超前 ahead".into()));
        assert_eq!(words("something_new"), "something new");
    }
}
