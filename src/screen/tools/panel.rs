//! The bar of tools and the figures of the answer.

use super::{Kind, Text, Tools, Wish, chart, metres, square};
use crate::analysis::ToolResult;
use crate::render::heat::ramp_colour;
use crate::screen::style::{self, ALARM, GOOD, QUIET};
use bevy_egui::egui::text::{LayoutJob, TextFormat};
use bevy_egui::egui::{self, Align2, Area, Button, Color32, Id, LayerId, Order, ProgressBar, Rect, RichText, Ui, vec2};
use chrono::Days;

/// Figures must be read over a white city too: less see-through than other panels.
const FILL: Color32 = Color32::from_rgb(0x0E, 0x16, 0x24);

const BAR: &str = "tool-bar";
const ANSWER: &str = "tool-answer";

/// Where bar and answer stood on the last picture: signs on the city keep clear of them.
pub fn taken(ctx: &egui::Context) -> Vec<Rect> {
    ctx.memory(|memory| {
        let seen = |id: &Id| memory.areas().visible_last_frame(&LayerId::new(Order::Middle, *id));
        [BAR, ANSWER].map(Id::new).into_iter().filter(seen).filter_map(|id| memory.area_rect(id)).collect()
    })
}

/// Draws both, over a city that is `bright` or not; the bar only where people can click.
pub fn show(ctx: &egui::Context, (text, bright): (&Text, bool), tools: &Tools, interactive: bool) -> Vec<Wish> {
    let mut wishes = Vec::new();
    let gap = text.gap();
    let bar = if interactive { bar(ctx, (text, bright), tools, &mut wishes) } else { 0.0 };
    if let Some(kind) = tools.kind {
        let area =
            Area::new(Id::new(ANSWER)).anchor(Align2::CENTER_BOTTOM, vec2(0.0, -gap * 2.0 - bar)).order(Order::Middle).fade_in(false);
        area.show(ctx, |ui| style::frame(text, bright).fill(FILL).show(ui, |ui| answer(ui, text, tools, kind, interactive, &mut wishes)));
    }
    wishes
}

fn bar(ctx: &egui::Context, (text, bright): (&Text, bool), tools: &Tools, wishes: &mut Vec<Wish>) -> f32 {
    let area = Area::new(Id::new(BAR)).anchor(Align2::CENTER_BOTTOM, vec2(0.0, -text.gap())).order(Order::Middle).fade_in(false);
    let shown = area.show(ctx, |ui| {
        style::frame(text, bright).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().button_padding = vec2(text.gap() * 0.6, text.gap() * 0.3);
                for kind in Kind::ALL {
                    let on = tools.kind == Some(kind);
                    let button = Button::new(name(text, kind)).selected(on);
                    if ui.add(button).clicked() {
                        wishes.push(Wish::Choose((!on).then_some(kind)));
                    }
                }
            });
        });
    });
    shown.response.rect.height()
}

/// Chinese with English under it.
fn name(text: &Text, kind: Kind) -> LayoutJob {
    let (zh, en) = kind.words();
    let mut job = LayoutJob::default();
    job.append(zh, 0.0, TextFormat::simple(style::regular(text.body), style::TEXT));
    job.append(&format!("\n{en}"), 0.0, TextFormat::simple(style::regular(text.small * 0.85), QUIET));
    job
}

fn answer(ui: &mut Ui, text: &Text, tools: &Tools, kind: Kind, interactive: bool, wishes: &mut Vec<Wish>) {
    let wide = if matches!(kind, Kind::Section | Kind::Sight) { 38.0 } else { 30.0 };
    ui.set_width((text.body * wide).min(ui.ctx().content_rect().width() * 0.6));
    let (zh, en) = kind.words();
    ui.horizontal(|ui| {
        ui.label(RichText::new(zh).font(style::strong(text.body)));
        quiet(ui, text, en);
        if kind == Kind::Sun && interactive {
            date(ui, text, tools, wishes);
        }
        if interactive {
            quiet(ui, text, "· Esc 结束 ends");
        }
    });
    if let (true, Some(reach)) = (interactive, tools.reach(kind)) {
        ui.horizontal(|ui| reaches(ui, text, reach, wishes));
    }
    if let Some(((zh, en), part)) = tools.worker.progress() {
        quiet(ui, text, &format!("{zh} {en}"));
        ui.add(ProgressBar::new(part).desired_height(text.small * 0.6));
        return;
    }
    match tools.answer() {
        Some(Ok(result)) => figures(ui, text, result),
        Some(Err(why)) => drop(ui.label(RichText::new(why).font(style::regular(text.small)).color(ALARM))),
        None => quiet(ui, text, hint(kind)),
    }
}

fn hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Distance | Kind::Section => "点选两点或多点 click two points or more",
        Kind::Area => "点选三点或多点 click three points or more",
        Kind::Sight => "点选观察点与目标 click observer and target",
        Kind::Height => "点选建筑或地面 click a building or the ground",
        Kind::Viewshed => "点选观察点 click where to look from",
        Kind::Sun => "点选建筑 click a building",
        Kind::Cut => "点选三点或多点，其内不显示 click three points or more: what is inside goes",
    }
}

/// The day, and a day or a month before and after.
fn date(ui: &mut Ui, text: &Text, tools: &Tools, wishes: &mut Vec<Wish>) {
    let moved = |days: i64| {
        let by = Days::new(days.unsigned_abs());
        if days < 0 { tools.date.checked_sub_days(by) } else { tools.date.checked_add_days(by) }
    };
    for (word, days) in [("-30", -30), ("-1", -1), ("", 0), ("+1", 1), ("+30", 30)] {
        if days == 0 {
            ui.label(RichText::new(tools.date.to_string()).font(style::regular(text.body)));
        } else if ui.small_button(word).clicked() {
            wishes.extend(moved(days).map(Wish::Date));
        }
    }
}

/// How far around the click the tool looks.
fn reaches(ui: &mut Ui, text: &Text, (now, all): (f64, [f64; 4]), wishes: &mut Vec<Wish>) {
    quiet(ui, text, "半径 reach");
    for reach_m in all {
        let word = if reach_m == 0.0 { "单栋 one".to_owned() } else { format!("{reach_m:.0} m") };
        let button = Button::new(RichText::new(word).font(style::regular(text.small))).small().selected(reach_m == now);
        if ui.add(button).clicked() {
            wishes.push(Wish::Reach(reach_m));
        }
    }
}

fn quiet(ui: &mut Ui, text: &Text, words: &str) {
    ui.label(RichText::new(words).font(style::regular(text.small)).color(QUIET));
}

/// Figures side by side: what it is in Chinese, English under it, the figure under both.
fn row(ui: &mut Ui, text: &Text, cells: &[(&str, &str, String, Color32)]) {
    ui.columns(cells.len(), |columns| {
        for (ui, (zh, en, figure, colour)) in columns.iter_mut().zip(cells) {
            ui.spacing_mut().item_spacing.y = text.gap() * 0.15;
            ui.label(RichText::new(*zh).font(style::regular(text.small)));
            quiet(ui, text, en);
            ui.label(RichText::new(figure).font(style::strong(text.title)).color(*colour));
        }
    });
}

fn figures(ui: &mut Ui, text: &Text, result: &ToolResult) {
    let plain = style::TEXT;
    let known = |v: Option<f64>, words: fn(f64) -> String| v.map_or("—".to_owned(), words);
    match result {
        ToolResult::Distance(d) => row(
            ui,
            text,
            &[
                ("直线", "slant", metres(d.slant_m), plain),
                ("水平", "horizontal", metres(d.horizontal_m), plain),
                ("沿地面", "along the ground", known(d.along_ground_m, metres), style::WARN),
                ("高差", "rise", format!("{:+.1} m", d.rise_m), plain),
            ],
        ),
        ToolResult::Height(h) => {
            let mut cells = vec![
                ("离地高度", "over ground", metres(h.height_m), plain),
                ("顶高", "top, ellipsoidal", metres(h.top_m), plain),
                ("地面", "ground, ellipsoidal", metres(h.ground_m), plain),
            ];
            if !h.around.is_empty() {
                let highest = h.around.iter().map(|o| o.height_m).fold(0.0, f64::max);
                cells.push(("周边建筑", "buildings around", h.around.len().to_string(), plain));
                cells.push(("最高", "highest of them", metres(highest), plain));
            }
            row(ui, text, &cells);
        }
        ToolResult::Area(a) => row(
            ui,
            text,
            &[
                ("平面面积", "in plan", square(a.plan_m2), plain),
                ("地表面积", "along the ground", known(a.surface_m2, square), plain),
                ("周长", "perimeter", metres(a.perimeter_m), plain),
            ],
        ),
        ToolResult::LineOfSight(s) => {
            let (word, colour) = if s.visible { ("可见 visible", GOOD) } else { ("遮挡 hidden", ALARM) };
            let mut cells = vec![("通视", "A sees B", word.to_owned(), colour), ("距离", "distance", metres(s.distance_m), plain)];
            if let Some(o) = &s.obstacle {
                cells.push(("首个遮挡", "first obstacle", o.object.clone().unwrap_or("—".to_owned()), plain));
                cells.push(("遮挡距离", "after", metres(o.distance_m), plain));
            }
            row(ui, text, &cells);
        }
        ToolResult::Viewshed(v) => {
            let seen = v.objects.iter().filter(|o| o.share > 0.0).count();
            row(
                ui,
                text,
                &[
                    ("可见地面", "ground seen", format!("{:.1} %", 100.0 * v.visible_share), GOOD),
                    ("面积", "area seen", square(v.visible_m2), plain),
                    ("可见建筑", "buildings seen", format!("{seen} / {}", v.objects.len()), plain),
                    ("半径", "radius", metres(v.radius_m), plain),
                ],
            );
            quiet(ui, text, &format!("绿 green: 可见 seen · 红 red: 不可见 hidden · 网格 cells {:.0} m", v.step_m));
        }
        ToolResult::SunHours(s) => {
            let n = s.samples.len().max(1) as f64;
            let mean = s.samples.iter().map(|p| p.hours).sum::<f64>() / n;
            let most = s.samples.iter().map(|p| p.hours).fold(0.0, f64::max);
            row(
                ui,
                text,
                &[
                    ("平均", "mean", format!("{mean:.1} h"), plain),
                    ("最多", "most", format!("{most:.1} h"), plain),
                    ("昼长", "day", format!("{:.1} h", s.day_h), plain),
                    ("建筑", "buildings", s.objects.len().to_string(), plain),
                    ("测点", "points", s.samples.len().to_string(), plain),
                ],
            );
            ramp(ui, text, s.day_h);
            quiet(ui, text, &format!("{} · UTC{:+} · 步长 step {} min", s.date, s.utc_offset_h, s.step_min));
        }
        ToolResult::Section(s) => {
            chart::show(ui, text, s);
            let highest = s.crossed.iter().map(|c| c.height_m).fold(0.0, f64::max);
            row(
                ui,
                text,
                &[
                    ("长度", "length", metres(s.length_m), plain),
                    ("地面", "ground", s.ground_range_m.map_or("—".to_owned(), |[a, b]| format!("{a:.1} – {b:.1} m")), plain),
                    ("建筑", "buildings", s.crossed.len().to_string(), plain),
                    ("最高", "highest", metres(highest), plain),
                ],
            );
        }
    }
}

/// Colours of hours, from none to the whole day.
fn ramp(ui: &mut Ui, text: &Text, day_h: f64) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), text.body * 1.9), egui::Sense::hover());
    let strip = egui::Rect::from_min_size(rect.min, vec2(rect.width(), text.body * 0.6));
    let slices = 64;
    for i in 0..slices {
        let [r, g, b] = ramp_colour((i as f32 + 0.5) / slices as f32);
        let x = |i: usize| strip.left() + strip.width() * i as f32 / slices as f32;
        let slice = egui::Rect::from_min_max(egui::pos2(x(i), strip.top()), egui::pos2(x(i + 1) + 0.5, strip.bottom()));
        ui.painter().rect_filled(slice, 0.0, Color32::from_rgb(r, g, b));
    }
    for (u, align) in [(0.0, Align2::LEFT_TOP), (0.5, Align2::CENTER_TOP), (1.0, Align2::RIGHT_TOP)] {
        let at = egui::pos2(strip.left() + strip.width() * u, strip.bottom() + text.body * 0.15);
        ui.painter().text(at, align, format!("{:.1} h", day_h * f64::from(u)), style::regular(text.small), style::TEXT);
    }
}
