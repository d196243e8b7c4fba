//! A tileset on the network as files: fetched into a folder that goes when it is no longer needed.

use crate::city::tileset::{TilesetFiles, TilesetPlace};
use crate::tiles::Download;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Whether an input is an address.
pub fn is_address(input: &Path) -> bool {
    input.to_str().is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
}

/// The tileset at an address; what is read of it is kept in a folder beside `out`.
///
/// # Errors
/// When it is no address, or the folder can't be made. That nothing answers is told when its root is read.
pub fn open(address: &Path, out: &Path, quiet: bool) -> anyhow::Result<TilesetPlace> {
    let folder = out.with_file_name(format!(".{}.fetch-{}", out.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
    let folder = (0..).map(|n| folder.with_extension(format!("{n}"))).find(|f| !f.exists()).unwrap_or(folder);
    let text = address.to_string_lossy();
    let download = Download::new(&text, &folder)?;
    let root = download.root().to_owned();
    let bar = ProgressBar::no_length();
    let hidden = quiet || !std::io::stderr().is_terminal();
    bar.set_draw_target(if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
    if let Ok(style) = ProgressStyle::with_template("{spinner} fetching {msg}") {
        bar.set_style(style);
    }
    let name = name(&text);
    Ok(TilesetPlace { files: Box::new(Remote { download, folder, bar }), root, shown: address.to_owned(), name })
}

/// `https://a.example/city/tileset.json` -> `city`; the host where there is no folder.
fn name(address: &str) -> String {
    let Ok(url) = url::Url::parse(address) else { return "tileset".to_owned() };
    let folder = url.path_segments().and_then(|s| s.rev().find(|part| !part.is_empty() && !part.contains(".json")).map(str::to_owned));
    let text = folder.or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    if plain.trim_matches(['-', '.']).is_empty() { "tileset".to_owned() } else { plain.trim_matches(['-', '.']).to_owned() }
}

struct Remote {
    download: Download,
    folder: PathBuf,
    bar: ProgressBar,
}

impl Remote {
    /// How many files a batch has, so that the figure moves.
    const BATCH: usize = 32;
}

impl TilesetFiles for Remote {
    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        self.prefetch(&[name.to_owned()]);
        match self.download.outcome(name) {
            Some(Ok(())) => std::fs::read(self.download.path(name)).map_err(|e| e.to_string()),
            Some(Err(why)) => Err(why),
            None => Err("it was not fetched".to_owned()),
        }
    }

    fn has(&self, name: &str) -> bool {
        // Not asked for: nobody's server is asked a thousand times whether something is there.
        self.download.outcome(name).is_none_or(|o| o.is_ok())
    }

    fn prefetch(&self, names: &[String]) {
        for batch in names.chunks(Self::BATCH) {
            self.download.fetch(batch);
            let (files, bytes) = (self.download.files.load(Ordering::Relaxed), self.download.bytes.load(Ordering::Relaxed));
            self.bar.set_message(format!("{files} files, {:.1} MB", bytes as f64 / 1e6));
            self.bar.tick();
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.download.path(name)).filter(|p| p.is_file())
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        // What was taken is linked from the package.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
