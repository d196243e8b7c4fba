//! The finest tiles of a piece of a package, without a screen.

use super::error::AnalysisError;
use super::kernel::Kernel;
use super::tool::{Report, Stage};
use crate::geo::{Ecef, Geodetic, LocalFrame, ecef_to_geodetic};
use crate::tiles::{Headers, MemoryBudget, Progress, SelectOptions, Tangents, TileContent, TileId, Tileset, TilesetOptions, View};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Decoded tiles held at once where nothing else is asked for, bytes.
pub const MEMORY_BYTES: usize = 4 << 30;

/// A box in degrees of WGS 84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

/// Metres in a degree of latitude, about.
const DEGREE_M: f64 = 111_320.0;

impl Extent {
    /// The box that holds all points and `margin_m` around them; `None` without a point.
    pub fn around(points: impl IntoIterator<Item = [f64; 2]>, margin_m: f64) -> Option<Self> {
        let mut points = points.into_iter();
        let [lon, lat] = points.next()?;
        let first = Self { west: lon, south: lat, east: lon, north: lat };
        let all = points.fold(first, |e, [lon, lat]| Self {
            west: e.west.min(lon),
            south: e.south.min(lat),
            east: e.east.max(lon),
            north: e.north.max(lat),
        });
        let d_lat = margin_m / DEGREE_M;
        let d_lon = d_lat / (0.5 * (all.south + all.north)).to_radians().cos().max(0.01);
        Some(Self { west: all.west - d_lon, south: all.south - d_lat, east: all.east + d_lon, north: all.north + d_lat })
    }

    pub fn centre(&self) -> Geodetic {
        Geodetic::from_degrees(0.5 * (self.west + self.east), 0.5 * (self.south + self.north), 0.0)
    }

    pub fn contains(&self, other: &Self) -> bool {
        self.west <= other.west && self.south <= other.south && self.east >= other.east && self.north >= other.north
    }

    /// Half of the width and of the height, metres.
    fn half_m(&self) -> (f64, f64) {
        let half_north = 0.5 * (self.north - self.south) * DEGREE_M;
        (0.5 * (self.east - self.west) * DEGREE_M * self.centre().lat_rad.cos(), half_north)
    }

    /// From far above, looking straight down on just this box, with an eye for every detail: what it sees are the finest tiles of the box.
    fn view(&self, frame: &LocalFrame) -> View {
        /// High enough that towers don't lean out of the picture, low enough for f64.
        const EYE_M: f64 = 400_000.0;
        /// Makes an error of a millimetre worth refining.
        const LINES_PX: f64 = 1e13;
        let (east, north) = self.half_m();
        let (x, y) = ((east + 1.0) * 1.01 / EYE_M, (north + 1.0) * 1.01 / EYE_M);
        let turn = |v: glam::DVec3| frame.ecef_from_enu().transform_vector3(v);
        let eye = frame.to_ecef(glam::DVec3::Z * EYE_M).0;
        let tangents = Tangents { left: -x, right: x, bottom: -y, top: y };
        View::off_axis(eye, turn(glam::DVec3::NEG_Z), turn(glam::DVec3::Y), tangents, LINES_PX, 1.0)
    }
}

/// A piece of a city, askable.
#[derive(Debug)]
pub struct Gathered {
    pub kernel: Kernel,
    pub extent: Extent,
    pub tiles: usize,
    /// Decoded bytes of the tiles.
    pub bytes: usize,
    /// Tiles that could not be read: what stands on them is missing from every answer.
    pub failed: usize,
}

/// Reads the finest tiles of `extent` from the tileset or package at `address`, whose server gets `headers`, and builds a kernel of them.
///
/// Blocks; loading runs on the tile engine's own threads. While it reads it keeps to `memory`. If that is the budget of tiles on screen, those
/// out of use go for it; what those in use leave must suffice.
///
/// # Errors
/// When nothing can be opened, nothing lies there, or memory does not suffice for the finest tiles.
pub fn gather(
    address: &str,
    headers: Headers,
    extent: &Extent,
    memory: &MemoryBudget,
    report: &Report<'_>,
) -> Result<Gathered, AnalysisError> {
    let select = SelectOptions { loading_descendants_max: usize::MAX, preload_siblings: false, ..SelectOptions::default() };
    let options = TilesetOptions { select, memory: Some(memory.clone()), ..TilesetOptions::default() };
    let mut tileset = Tileset::open_with_headers(address, options, headers)?;
    let frame = LocalFrame::new(extent.centre());
    let drawn = settle(&mut tileset, &extent.view(&frame), report)?;
    let failed = tileset.failures().len();
    if let (Some(failure), true) = (tileset.failures().first(), drawn.is_empty()) {
        return Err(AnalysisError::Unread { address: address.to_owned(), why: failure.error.to_string() });
    }
    if drawn.is_empty() {
        let (lon, lat) = (extent.centre().lon_deg(), extent.centre().lat_deg());
        return Err(AnalysisError::Outside { lon, lat, covers: covers(&tileset) });
    }
    report(Stage::Build, 0.0);
    let tiles = drawn.len();
    let bytes = drawn.iter().map(|(_, c)| c.bytes).sum();
    let kernel = Kernel::from_tiles(frame, drawn.iter().map(|(id, content)| (*id, &**content)));
    report(Stage::Build, 1.0);
    Ok(Gathered { kernel, extent: *extent, tiles, bytes, failed })
}

type Drawn = Vec<(TileId, Arc<TileContent>)>;

/// Updates until the view is complete.
fn settle(tileset: &mut Tileset, view: &View, report: &Report<'_>) -> Result<Drawn, AnalysisError> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let (mut last_news, mut here, mut most_pending) = (Instant::now(), 0, 1);
    let mut contents: HashMap<TileId, Arc<TileContent>> = HashMap::new();
    loop {
        let frame = tileset.update(std::slice::from_ref(view));
        // As the files have them: what the tileset keeps for rays is coarser.
        contents.extend(frame.loaded.iter().cloned());
        frame.evicted.iter().for_each(|id| drop(contents.remove(id)));
        let progress = &frame.progress;
        if is_short(progress) {
            return Err(AnalysisError::Memory { limit_mb: progress.budget_bytes >> 20 });
        }
        if tileset.is_settled() {
            return Ok(frame.draw.iter().filter_map(|id| Some((*id, contents.get(id)?.clone()))).collect());
        }
        let now = progress.resident_tiles + progress.failed + tileset.tree().len();
        if now != here {
            (here, last_news) = (now, Instant::now());
        }
        most_pending = most_pending.max(progress.pending);
        report(Stage::Read, progress.resident_tiles as f64 / (progress.resident_tiles + progress.pending).max(1) as f64);
        if last_news.elapsed() > PATIENCE {
            return Err(AnalysisError::Stalled { seconds: PATIENCE.as_secs(), pending: progress.pending });
        }
        std::thread::sleep(Duration::from_millis(4));
    }
}

/// The engine makes do with less detail where memory does not suffice; an answer must not.
fn is_short(progress: &Progress) -> bool {
    progress.sse_px > SelectOptions::default().max_sse_px
}

/// Where a tileset is, in words.
fn covers(tileset: &Tileset) -> String {
    let Some(sphere) = tileset.bounding_sphere().filter(|s| s.centre.length() > 1e6) else {
        return "it has no place on earth".to_owned();
    };
    let centre = ecef_to_geodetic(Ecef(sphere.centre));
    format!("it covers about {:.1} km around {:.4}, {:.4}", sphere.radius_m / 1e3, centre.lon_deg(), centre.lat_deg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::IntoResponse;

    /// Serves a folder to who sends `X-Key: s3cret`.
    async fn guarded(folder: std::path::PathBuf) -> String {
        let answer = move |asked: HeaderMap, uri: axum::http::Uri| {
            let file = folder.join(uri.path().trim_start_matches('/'));
            async move {
                if asked.get("x-key").is_none_or(|key| key != "s3cret") {
                    return StatusCode::UNAUTHORIZED.into_response();
                }
                std::fs::read(file).map_or_else(|_| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
            }
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/tileset.json", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await.unwrap() });
        address
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_demands_a_header_is_read() {
        let dir = tempfile::tempdir().unwrap();
        // East, north and up where the equator meets the meridian of Greenwich.
        let place = "[0,1,0,0, 0,0,1,0, 1,0,0,0, 6378137,0,0,1]";
        let tileset = format!(
            r#"{{"asset":{{"version":"1.1"}},"geometricError":9,"root":{{"transform":{place},"geometricError":0,
            "boundingVolume":{{"box":[0,0,0,50,0,0,0,50,0,0,0,50]}},"content":{{"uri":"a.glb"}}}}}}"#
        );
        std::fs::write(dir.path().join("tileset.json"), tileset).unwrap();
        std::fs::write(dir.path().join("a.glb"), include_bytes!("../../tests/data/3d-tiles/draco.glb")).unwrap();
        let address = guarded(dir.path().to_owned()).await;
        let asked = |headers: Headers, memory: usize| {
            let address = address.clone();
            let extent = Extent::around([[0.0, 0.0]], 500.0).unwrap();
            tokio::task::spawn_blocking(move || gather(&address, headers, &extent, &MemoryBudget::new(memory), &|_, _| ()))
        };
        let without = asked(Headers::default(), MEMORY_BYTES).await.unwrap().err().unwrap().to_string();
        assert!(without.contains("401"), "{without}");
        let key = || Headers::parse(&["X-Key: s3cret"]).unwrap();
        let gathered = asked(key(), MEMORY_BYTES).await.unwrap().unwrap();
        assert!(gathered.tiles > 0 && gathered.failed == 0);
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_says_the_mend_and_never_takes_more() {
        let dir = tempfile::tempdir().unwrap();
        let place = "[0,1,0,0, 0,0,1,0, 1,0,0,0, 6378137,0,0,1]";
        let child = r#"{"boundingVolume":{"box":[0,0,0,50,0,0,0,50,0,0,0,50]},"geometricError":0,"content":{"uri":"a.glb"}}"#;
        let tileset = format!(
            r#"{{"asset":{{"version":"1.1"}},"geometricError":9,"root":{{"transform":{place},"geometricError":9,
            "boundingVolume":{{"box":[0,0,0,50,0,0,0,50,0,0,0,50]}},"children":[{child},{child},{child}]}}}}"#
        );
        std::fs::write(dir.path().join("tileset.json"), tileset).unwrap();
        std::fs::write(dir.path().join("a.glb"), include_bytes!("../../tests/data/3d-tiles/draco.glb")).unwrap();
        let extent = Extent::around([[0.0, 0.0]], 500.0).unwrap();
        let read = |memory: &MemoryBudget| gather(dir.path().to_str().unwrap(), Headers::default(), &extent, memory, &|_, _| ());
        let all = read(&MemoryBudget::new(MEMORY_BYTES)).unwrap();
        assert_eq!(all.tiles, 3);
        let tight = MemoryBudget::new(all.bytes * 5 / 6);
        let why = read(&tight).err().unwrap().to_string();
        assert!(why.contains("smaller piece") && why.contains("--memory"), "{why}");
        // The loader's thread gives back what was on its way.
        let begun = Instant::now();
        while tight.held_bytes() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} bytes are not given back", tight.held_bytes());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
