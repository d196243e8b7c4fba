//! Views that tiles are chosen for, in groups that choose apart: the picture, what comes next in it, and small pictures beside it.

use crate::tiles::{Purpose, View};
use bevy::prelude::Resource;
use std::borrow::Cow;

/// One group: what it looks at, what for, and which cameras see what it chose.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedViews {
    /// Groups are told apart by it from frame to frame; another name begins with nothing drawn.
    pub name: Cow<'static, str>,
    pub purpose: Purpose,
    /// Loads of the heavier of two groups of one purpose come first; 1 is the picture's.
    pub weight: f64,
    /// Rendering layer (`RenderLayers`) of the cameras that see the group's tiles, below [`LAYERS_MAX`]; a group that only loads has none.
    pub layer: Option<usize>,
    /// Without any the group loads and draws nothing.
    pub views: Vec<View>,
}

impl NamedViews {
    /// A small picture beside the large one, without views yet: its tiles load when the large one waits for nothing.
    pub fn inset(name: impl Into<Cow<'static, str>>, weight: f64, layer: usize) -> Self {
        Self { name: name.into(), purpose: Purpose::Inset, weight, layer: Some(layer), views: Vec::new() }
    }
}

/// Layers that tiles can be put on, 0 up to this: [`PICTURE_LAYER`] is the picture's and [`PICK_LAYER`] picking's own.
pub const LAYERS_MAX: usize = 32;
/// What the city's camera sees: the layer of everything that says nothing else.
pub const PICTURE_LAYER: usize = 0;
/// What picking's camera sees.
pub const PICK_LAYER: usize = 1;

/// Views that tiles are chosen for, of all tilesets alike, in groups. The first two are the screen's own and are always there.
///
/// A program of its own adds a group by writing it after [`super::TilesetSystems::Look`], each frame or when it changes, and gives a camera the
/// group's layer:
/// ```ignore
/// commands.spawn((Camera3d::default(), RenderTarget::Image(map.into()), RenderLayers::layer(2)));
/// // in a system of TilesetSystems::Look
/// tile_views.set(NamedViews { views: vec![from_above], ..NamedViews::inset("mini-map", 0.1, 2) });
/// ```
/// Every group shares tiles, memory and uploads with the others; a tile is one entity however many draw it.
#[derive(Resource, Clone, Debug)]
pub struct TileViews {
    groups: Vec<NamedViews>,
}

impl Default for TileViews {
    fn default() -> Self {
        let of = |name, purpose, layer| NamedViews { name: Cow::Borrowed(name), purpose, weight: 1.0, layer, views: Vec::new() };
        Self { groups: vec![of(Self::PICTURE, Purpose::Draw, Some(PICTURE_LAYER)), of(Self::AHEAD, Purpose::Preload, None)] }
    }
}

impl TileViews {
    /// Name of the group that the city's camera looks with. Without views of it nothing changes: a window of no size keeps its tiles.
    pub const PICTURE: &'static str = "picture";
    /// Name of the group of what that camera will see soon, soonest first: its tiles come in while nothing else waits.
    pub const AHEAD: &'static str = "ahead";

    /// All groups, the picture's first.
    pub fn groups(&self) -> &[NamedViews] {
        &self.groups
    }

    pub fn group(&self, name: &str) -> Option<&NamedViews> {
        self.groups.iter().find(|g| g.name == name)
    }

    /// Puts a group in the place of the one of its name, or adds it.
    pub fn set(&mut self, group: NamedViews) {
        match self.groups.iter_mut().find(|g| g.name == group.name) {
            Some(known) => *known = group,
            None => self.groups.push(group),
        }
    }

    /// Takes a group out, and with it what only it draws. Of the picture and what is ahead only the views go.
    pub fn remove(&mut self, name: &str) {
        if [Self::PICTURE, Self::AHEAD].contains(&name) {
            return self.set_views(name, Vec::new());
        }
        self.groups.retain(|g| g.name != name);
    }

    /// What a group that is there looks at.
    pub(super) fn set_views(&mut self, name: &str, views: Vec<View>) {
        if let Some(group) = self.groups.iter_mut().find(|g| g.name == name) {
            group.views = views;
        }
    }

    /// Whether there is a picture at all.
    pub(super) fn has_picture(&self) -> bool {
        self.group(Self::PICTURE).is_some_and(|g| !g.views.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy::math::DVec3;

    fn view() -> View {
        View::perspective(DVec3::new(0.0, 0.0, 100.0), -DVec3::Z, DVec3::Y, 1.0, 1.0, 100.0)
    }

    #[test]
    fn groups_come_and_go_by_name_and_the_picture_stays() {
        let mut views = TileViews::default();
        assert!(!views.has_picture());
        views.set_views(TileViews::PICTURE, vec![view()]);
        views.set(NamedViews::inset("map", 0.1, 2));
        views.set(NamedViews { views: vec![view()], ..NamedViews::inset("map", 0.5, 3) });
        let names: Vec<&str> = views.groups().iter().map(|g| &*g.name).collect();
        assert_eq!(names, ["picture", "ahead", "map"]);
        assert_eq!(views.group("map").map(|g| (g.weight, g.layer, g.views.len())), Some((0.5, Some(3), 1)));
        views.remove("map");
        views.remove(TileViews::PICTURE);
        assert!(views.group("map").is_none() && views.group(TileViews::PICTURE).is_some() && !views.has_picture());
    }
}
