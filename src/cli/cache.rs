//! `--cache`, `--cache-limit` and `--tile-memory` of everything that opens a tileset.

use crate::tiles::CacheOptions;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct CacheArgs {
    /// Folder where tiles from the network are kept between runs, or 'none' [default: ~/.cache/yiping/tiles]
    #[arg(long, value_name = "DIR|none", env = "YIPING_TILE_CACHE")]
    cache: Option<PathBuf>,
    /// Most that the folder may hold, such as 500MiB or 4GiB; what was used longest ago goes.
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "4GiB")]
    cache_limit: u64,
    /// Most memory that tiles may take, decoded, uploaded and on the way, such as 800MiB [default: a quarter of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = budget)]
    tile_memory: Option<u64>,
}

impl CacheArgs {
    /// `None` where nothing is to be kept.
    pub fn options(&self) -> Option<CacheOptions> {
        if self.cache.as_ref().is_some_and(|dir| dir.as_os_str() == "none") || self.cache_limit == 0 {
            return None;
        }
        let usual = CacheOptions::default();
        Some(CacheOptions { folder: self.cache.clone().unwrap_or(usual.folder), bytes_max: self.cache_limit })
    }

    /// What tiles may take where somebody says so, bytes.
    pub fn tile_memory(&self) -> Option<usize> {
        self.tile_memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// Hands them on to a process of one's own.
    pub fn pass_on(&self, command: &mut std::process::Command) {
        if let Some(dir) = &self.cache {
            command.arg("--cache").arg(dir);
        }
        command.arg("--cache-limit").arg(self.cache_limit.to_string());
        if let Some(bytes) = self.tile_memory {
            command.arg("--tile-memory").arg(format!("{bytes}B"));
        }
    }
}

/// A number of bytes: 1048576, 500MiB, 4GiB, 4GB.
///
/// # Errors
/// In words, for what is none.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        other => return Err(format!("{other:?} is no unit of bytes; write 500MiB or 4GiB")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no number of bytes; write 500MiB or 4GiB"))?;
    Ok((number * scale as f64) as u64)
}

/// A budget of memory: as [`bytes`], a number alone being MiB, and never nothing.
///
/// # Errors
/// In words, for what is none.
pub fn budget(text: &str) -> Result<u64, String> {
    let alone = text.parse::<u64>().ok().and_then(|mib| mib.checked_mul(1 << 20));
    let bytes = alone.map_or_else(|| bytes(text), Ok)?;
    if bytes == 0 { Err("nothing can be drawn in no memory".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!((bytes("4GiB"), bytes("1.5 MiB"), bytes("2GB"), bytes("77")), (Ok(4 << 30), Ok(3 << 19), Ok(2_000_000_000), Ok(77)));
        assert_eq!((budget("48"), budget("48MiB"), budget("50331648B")), (Ok(48 << 20), Ok(48 << 20), Ok(48 << 20)));
        assert!(budget("0").is_err());
        assert!(bytes("much").is_err() && bytes("4 cups").is_err() && bytes("-1").is_err());
    }
}
