//! What the city's tiles lack: how many are still to come, which failed and why, what was drawn without something.

use super::{Asked, PanelData};
use crate::screen::style;
use bevy_egui::egui::{self, Button, Label, RichText};

/// Failures and notes that a small panel has room for; all are in the log.
const LINES_MAX: usize = 3;

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let (tiles, text) = (data.tiles, data.text);
    let small = |words: String| RichText::new(words).font(style::regular(text.small));
    if let Some(words) = loading(tiles.pending, tiles.failed) {
        ui.horizontal(|ui| {
            ui.label(small(words).color(if tiles.failed > 0 { style::WARN } else { style::QUIET }));
            if data.interactive && tiles.failed > 0 && ui.add(Button::new(small("重试 retry".to_owned()))).clicked() {
                asked.push(Asked::RetryTiles);
            }
        });
    }
    if !data.interactive {
        return;
    }
    for failure in tiles.recent_failures.iter().take(LINES_MAX) {
        let words = format!("{}: {}", name(&failure.uri), failure.error);
        ui.add(Label::new(small(words.clone()).color(style::WARN)).truncate()).on_hover_text(words);
    }
    for (note, count) in tiles.notes.iter().take(LINES_MAX) {
        let words = format!("{count} 块 tiles: {note}");
        ui.add(Label::new(small(words.clone()).color(style::QUIET)).truncate()).on_hover_text(words);
    }
}

/// `None` where nothing is on its way and nothing failed.
fn loading(pending: usize, failed: usize) -> Option<String> {
    match (pending, failed) {
        (0, 0) => None,
        (0, _) => Some(format!("瓦片失败 tiles failed {failed}")),
        (_, 0) => Some(format!("正在载入 loading {pending}")),
        _ => Some(format!("正在载入 loading {pending} · 失败 failed {failed}")),
    }
}

/// The last part of an address: what a line has room for.
fn name(uri: &str) -> &str {
    uri.rsplit('/').find(|part| !part.is_empty()).unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_stays_to_be_read_when_nothing_is_on_its_way() {
        assert_eq!((loading(0, 0), loading(3, 0)), (None, Some("正在载入 loading 3".to_owned())));
        assert_eq!(loading(0, 2).as_deref(), Some("瓦片失败 tiles failed 2"));
        assert_eq!((name("https://a/b/c.glb"), name("c.glb"), name("https://a/b/")), ("c.glb", "c.glb", "b"));
    }
}
