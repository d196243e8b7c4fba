//! Pictures on faces: what the sources say ([`Paints`]), and one atlas a tile of what its faces show ([`dress`]).
//!
//! A full tile's faces are told to [`Worn`] as they are added to its mesh; [`region`] finds which parts of which pictures they show,
//! [`atlas`] packs these into one picture. From afar faces have the mean colour of what they show. Pictures are decoded by [`picture`] and
//! kept within bounds by [`store`].

mod atlas;
mod paints;
mod picture;
mod region;
mod store;
mod worn;

pub use paints::{Paints, linear_mean};
pub use worn::Worn;

use super::mesh::{Mesh, Picture, TEXTURED};

/// Puts everything that `worn` tells of into one picture on the mesh. Faces whose pictures can't be had keep their colour.
pub fn dress(mesh: &mut Mesh, worn: &Worn, paints: &Paints) {
    let regions = region::regions(worn, paints);
    let Some(atlas) = atlas::make(&regions.all, paints) else { return };
    let mut texcoords = vec![atlas.white; mesh.positions.len()];
    for (face, place) in worn.faces.iter().zip(&regions.places) {
        let Some(place) = place else { continue };
        let colour = paints.factor(face.paint);
        for (n, uv) in (face.first as usize..).zip(worn.uvs_of(face)) {
            let (Some(at), Some(own), Some(surface)) = (texcoords.get_mut(n), mesh.colours.get_mut(n), mesh.surfaces.get_mut(n)) else {
                continue;
            };
            *at = atlas.at(place.region, regions.all[place.region].across(place.pixel(*uv)));
            *own = colour;
            *surface |= TEXTURED;
        }
    }
    // Leaves and fences are seen through from both sides.
    mesh.two_sided |= atlas.cut_out;
    mesh.picture = Some(Picture { bytes: atlas.bytes, mime: atlas.mime, texcoords, cut_out: atlas.cut_out });
}

#[cfg(test)]
mod tests;
