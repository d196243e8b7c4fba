//! Type and colour of panels and signs on native screens (LOOK.md sections 3 and 4).

use crate::model::incident::{Domain, IncidentState, Severity};
use bevy_egui::egui::{self, Color32, CornerRadius, FontFamily, FontId, Margin, Stroke};
use std::sync::Arc;

pub const PANEL: Color32 = Color32::from_rgba_premultiplied(12, 19, 32, 224);
/// Over a bright city what shines through would take the words' contrast: blending is by light, and a tenth of white is much light.
const PANEL_OVER_BRIGHT: Color32 = Color32::from_rgba_premultiplied(13, 21, 35, 249);
pub const LINE: Color32 = Color32::from_rgb(0x23, 0x30, 0x45);
pub const TEXT: Color32 = Color32::from_rgb(0xE6, 0xED, 0xF5);
pub const QUIET: Color32 = Color32::from_rgb(0x93, 0xA4, 0xB8);
pub const ACCENT: Color32 = Color32::from_rgb(0x4D, 0xA3, 0xFF);
pub const GOOD: Color32 = Color32::from_rgb(0x4C, 0xC3, 0x8A);
pub const WARN: Color32 = Color32::from_rgb(0xFF, 0x9F, 0x1C);
pub const ALARM: Color32 = Color32::from_rgb(0xFF, 0x4D, 0x4F);

/// Colour of a severity; its shape is drawn by `overlay::shapes`.
pub fn severity_colour(severity: Severity) -> Color32 {
    match severity {
        Severity::Critical => ALARM,
        Severity::Major => WARN,
        Severity::Minor => Color32::from_rgb(0xFF, 0xD1, 0x66),
        Severity::Info => ACCENT,
    }
}

pub fn severity_word(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("特急", "critical"),
        Severity::Major => ("重大", "major"),
        Severity::Minor => ("一般", "minor"),
        Severity::Info => ("提示", "info"),
    }
}

pub fn domain_word(domain: Domain) -> (&'static str, &'static str) {
    match domain {
        Domain::PublicOrder => ("综治", "public order"),
        Domain::UrbanManagement => ("城管", "urban management"),
        Domain::Emergency => ("应急", "emergency"),
        Domain::Traffic => ("交通", "traffic"),
    }
}

pub fn state_word(state: IncidentState) -> (&'static str, &'static str) {
    match state {
        IncidentState::Reported => ("上报", "reported"),
        IncidentState::Verifying => ("核实", "verifying"),
        IncidentState::Accepted => ("受理", "accepted"),
        IncidentState::Registered => ("立案", "registered"),
        IncidentState::Dispatched => ("派遣", "dispatched"),
        IncidentState::EnRoute => ("签收", "en route"),
        IncidentState::Handling => ("处置", "handling"),
        IncidentState::Handled => ("反馈", "handled"),
        IncidentState::Checking => ("核查", "checking"),
        IncidentState::Closed => ("结案", "closed"),
        IncidentState::Evaluated => ("评价", "evaluated"),
        IncidentState::Duplicate => ("重复", "duplicate"),
        IncidentState::Void => ("作废", "void"),
    }
}

/// The four sizes of a screen, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, bevy::prelude::Resource)]
pub struct TextSizes {
    pub figure: f32,
    pub title: f32,
    pub body: f32,
    pub small: f32,
}

impl TextSizes {
    /// A desk read from arm's length: 15 px body on a window of 1080 lines, following its height within reason.
    pub fn desk(height_px: f32) -> Self {
        let body = (height_px / 1080.0 * 16.0).clamp(13.0, 30.0);
        Self { figure: body * 2.1, title: body * 1.2, body, small: body * 0.8 }
    }

    /// A wall: `chinese_px` is a character seen under 25 minutes of arc, `latin_px` one under 20.
    pub fn wall(chinese_px: f32, latin_px: f32) -> Self {
        Self { figure: chinese_px * 1.9, title: chinese_px * 1.15, body: chinese_px, small: latin_px * 0.9 }
    }

    /// The grid everything stands on; 12 px where body text is 16.
    pub fn gap(&self) -> f32 {
        (self.body * 0.75).round()
    }
}

/// An opaque colour of a rule.
pub fn colour([r, g, b]: [u8; 3]) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// A font of the second weight.
pub fn strong(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("strong".into()))
}

pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Panel frame: flat, a thin line, radius 6; `bright`: what is behind it.
pub fn frame(text: &TextSizes, bright: bool) -> egui::Frame {
    egui::Frame::new()
        .fill(if bright { PANEL_OVER_BRIGHT } else { PANEL })
        .stroke(Stroke::new((text.body / 16.0).max(1.0), LINE))
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::same(text.gap().min(120.0) as i8))
}

/// Where systems keep a CJK sans, regular then bold; the number is the face for Simplified Chinese. Debian and Ubuntu (also Kylin and UOS),
/// Fedora, Arch, openSUSE, openEuler, then other fonts, macOS, Windows. `YIPING_FONT` names a file instead.
const FONTS: [(&str, &str, u32); 16] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Bold.ttc", 2),
    (
        "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Bold.ttc",
        2,
    ),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", "/usr/share/fonts/noto-cjk/NotoSansCJK-Bold.ttc", 2),
    ("/usr/share/fonts/truetype/NotoSansSC-Regular.otf", "/usr/share/fonts/truetype/NotoSansSC-Bold.otf", 0),
    (
        "/usr/share/fonts/opentype/source-han-sans/SourceHanSansSC-Regular.otf",
        "/usr/share/fonts/opentype/source-han-sans/SourceHanSansSC-Bold.otf",
        0,
    ),
    (
        "/usr/share/fonts/adobe-source-han-sans/SourceHanSansCN-Regular.otf",
        "/usr/share/fonts/adobe-source-han-sans/SourceHanSansCN-Bold.otf",
        0,
    ),
    (
        "/usr/share/fonts/adobe-source-han-sans/SourceHanSansCN-Regular.ttf",
        "/usr/share/fonts/adobe-source-han-sans/SourceHanSansCN-Bold.ttf",
        0,
    ),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/wqy-microhei/wqy-microhei.ttc", "/usr/share/fonts/wqy-microhei/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc", "/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/System/Library/Fonts/Hiragino Sans GB.ttc", "/System/Library/Fonts/Hiragino Sans GB.ttc", 0),
    ("/System/Library/Fonts/STHeiti Medium.ttc", "/System/Library/Fonts/STHeiti Medium.ttc", 1),
    ("C:\\Windows\\Fonts\\msyh.ttc", "C:\\Windows\\Fonts\\msyhbd.ttc", 0),
    ("C:\\Windows\\Fonts\\simhei.ttf", "C:\\Windows\\Fonts\\simhei.ttf", 0),
];
/// Names a font file to use instead of the system's; `FILE#2` means the file's third face.
const FONT_VARIABLE: &str = "YIPING_FONT";

/// Regular and bold with the number of the face.
type Found = (Vec<u8>, Vec<u8>, u32);

fn chosen_font() -> Option<Found> {
    let wish = std::env::var(FONT_VARIABLE).ok().filter(|w| !w.is_empty())?;
    let (path, face) = file_and_face(&wish);
    match std::fs::read(path) {
        Ok(bytes) => Some((bytes.clone(), bytes, face)),
        Err(e) => {
            tracing::error!("{FONT_VARIABLE}: {path}: {e}; the system's font is used");
            None
        }
    }
}

fn file_and_face(wish: &str) -> (&str, u32) {
    let parts = wish.rsplit_once('#').and_then(|(path, face)| Some((path, face.parse().ok()?)));
    parts.unwrap_or((wish, 0))
}

fn system_font() -> Option<Found> {
    FONTS.iter().find_map(|(regular, bold, face)| {
        let read = |path: &str| std::fs::read(path).ok();
        Some((read(regular)?, read(bold).or_else(|| read(regular))?, *face))
    })
}

/// Sets fonts, colours and sizes. Without a CJK font Chinese shows as boxes, which is said once in the log with the mend.
pub fn apply(ctx: &egui::Context, text: &TextSizes) {
    ctx.set_fonts(font_definitions());
    ctx.set_theme(egui::Theme::Dark);
    // A button pressed is pressed, however long it was held: on a slow machine a click may last over several frames.
    ctx.options_mut(|options| options.input_options.max_click_duration = f64::INFINITY);
    let (text, gap) = (*text, text.gap());
    ctx.all_styles_mut(move |style| {
        style.visuals.override_text_color = Some(TEXT);
        style.visuals.widgets.inactive.weak_bg_fill = Color32::from_rgb(0x22, 0x32, 0x4A);
        style.visuals.widgets.hovered.weak_bg_fill = Color32::from_rgb(0x2B, 0x3F, 0x5C);
        style.visuals.widgets.active.weak_bg_fill = Color32::from_rgb(0x34, 0x4E, 0x74);
        style.visuals.selection.bg_fill = Color32::from_rgb(0x1F, 0x4E, 0x86);
        style.spacing.item_spacing = egui::vec2(gap * 0.66, gap * 0.5);
        // A row cut at the end of a panel is the sign that there is more, beside a bar that is always seen.
        style.spacing.scroll = egui::style::ScrollStyle { foreground_color: true, ..egui::style::ScrollStyle::thin() };
        style.spacing.button_padding = egui::vec2(gap, gap * 0.5);
        style.text_styles = [
            (egui::TextStyle::Heading, strong(text.title)),
            (egui::TextStyle::Body, regular(text.body)),
            (egui::TextStyle::Button, regular(text.body)),
            (egui::TextStyle::Small, regular(text.small)),
            (egui::TextStyle::Monospace, FontId::new(text.body, FontFamily::Monospace)),
        ]
        .into();
    });
}

/// Draws every digit once, invisibly: a glyph first needed in the frame of a snapshot would be missing from it.
pub fn warm(ctx: &egui::Context, text: &TextSizes) {
    let painter = ctx.layer_painter(egui::LayerId::background());
    for size in [text.figure, text.title, text.body, text.small] {
        for font in [strong(size), regular(size)] {
            let _ = painter.layout_no_wrap("0123456789:-./±%".to_owned(), font, Color32::TRANSPARENT);
        }
    }
}

fn font_definitions() -> egui::FontDefinitions {
    let mut fonts = egui::FontDefinitions::default();
    let found = chosen_font().or_else(system_font);
    let strong_family = FontFamily::Name("strong".into());
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let mut strong_fonts = fallback;
    match found {
        Some((regular, bold, face)) => {
            for (name, bytes) in [("cjk", regular), ("cjk-bold", bold)] {
                let mut data = egui::FontData::from_owned(bytes);
                data.index = face;
                fonts.font_data.insert(name.to_owned(), Arc::new(data));
            }
            fonts.families.entry(FontFamily::Proportional).or_default().insert(0, "cjk".to_owned());
            strong_fonts.insert(0, "cjk-bold".to_owned());
        }
        None => tracing::error!(
            "no Chinese font found: install fonts-noto-cjk (Fedora: google-noto-sans-cjk-fonts) or set {FONT_VARIABLE} to a font file; Chinese text shows as boxes"
        ),
    }
    fonts.families.insert(strong_family, strong_fonts);
    fonts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_font_may_name_its_face() {
        assert_eq!(file_and_face("/a/b.ttc#2"), ("/a/b.ttc", 2));
        assert_eq!(file_and_face("/a/b#c.otf"), ("/a/b#c.otf", 0));
    }
}
