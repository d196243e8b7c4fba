//! Tilesets of the scene beside its city package: spawned with the screen, shown and hidden with the shared layers.

use super::session::Session;
use super::start::Setup;
use crate::model::scene::{TilesetConfig, TilesetKind};
use crate::render::tiles::{StandsFor, Tileset};
use crate::tiles::{Headers, SelectOptions};
use bevy::prelude::*;
use url::Url;

/// The layer of the view state that shows a tileset.
#[derive(Component, Clone, Debug)]
pub struct Layer {
    id: String,
    /// While nobody has said otherwise.
    shown: bool,
}

/// Spawns each with its folder or address. One that can't be opened is told of and left out; the city is drawn without it.
pub fn spawn(world: &mut World, tilesets: &[(TilesetConfig, String)], package: &str, setup: &Setup) {
    for (config, address) in tilesets {
        let stands_for = match config.kind {
            TilesetKind::Buildings => StandsFor::City,
            TilesetKind::Ground => StandsFor::Ground,
        };
        // What the command line gives is for the package's server; another one must not get it.
        let headers = if same_server(address, package) { setup.headers.clone() } else { Headers::default() };
        let tileset = Tileset { headers, stands_for, select: how_fine(setup), cache: setup.cache.clone(), ..Tileset::at(address) };
        world.spawn((tileset, Layer { id: config.id.clone(), shown: config.shown }, visibility(config.shown)));
    }
}

/// How tiles are chosen on a screen. A wall shows no holes: people stand before it, and what a node draws while tiles come costs it nothing, since
/// the coarser tile is there already. At a desk, detail that is on screen stays.
pub fn how_fine(setup: &Setup) -> SelectOptions {
    SelectOptions { no_holes: setup.wall.is_some(), ..SelectOptions::default() }
}

/// Shows those whose layers are on.
pub fn show(session: Res<Session>, mut tilesets: Query<(&Layer, &mut Visibility)>) {
    for (layer, mut visible) in &mut tilesets {
        let on = session.world.view.as_ref().and_then(|v| v.layers.get(&layer.id)).copied().unwrap_or(layer.shown);
        visible.set_if_neq(visibility(on));
    }
}

fn visibility(on: bool) -> Visibility {
    if on { Visibility::Inherited } else { Visibility::Hidden }
}

fn same_server(one: &str, other: &str) -> bool {
    let origin = |address| Url::parse(address).ok().map(|url| url.origin()).filter(|o| o.is_tuple());
    origin(one).is_some() && origin(one) == origin(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_packages_server_go_to_no_other() {
        let package = "https://tiles.example/city/tileset.json";
        assert!(same_server("https://tiles.example/mesh/tileset.json", package));
        for other in ["https://tiles.example:8443/a", "http://tiles.example/a", "https://elsewhere.example/a", "/data/mesh", "file:///mesh"]
        {
            assert!(!same_server(other, package), "{other}");
        }
        assert!(!same_server("file:///a", "file:///a"), "files need none");
    }
}
