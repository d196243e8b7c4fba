//! What the faces of one geometry wear: the colours and textures it takes from an [`Appearance`].

use super::appearance::Appearance;
use super::nested::{ByFace, Nesting};
use super::scan::Scan;
use super::shape::Geometry;
use crate::city::part::Paints;
use crate::city::source::Paint;
use std::collections::HashMap;
use std::ops::Range;

/// One face's.
#[derive(Clone, Default)]
pub(super) struct Worn {
    /// Its number in [`Paints`].
    pub paint: Option<u32>,
    /// The same without the picture, for faces that don't fit it.
    pub plain: Option<u32>,
    /// Its rings in [`Wear::rings`]; empty without a picture.
    rings: Range<usize>,
}

/// A geometry's.
#[derive(Default)]
pub(super) struct Wear<'a> {
    faces: ByFace<Worn>,
    /// For geometries of one colour.
    whole: Option<Worn>,
    /// Each ring's numbers in `numbers`.
    rings: Vec<Range<usize>>,
    /// Of texture coordinates.
    numbers: Vec<u32>,
    uvs: &'a [[f32; 2]],
}

/// A face's texture and its rings in [`Wear::rings`].
type Pictured = (Option<u32>, Range<usize>);

impl<'a> Wear<'a> {
    /// Takes the default theme of the appearance where the geometry has it, else its first. What can't be understood is `wrong`, in words.
    pub(super) fn read(
        nesting: Nesting,
        geometry: &Geometry,
        from: &'a Appearance,
        paints: &mut Paints,
        wrong: &mut Vec<&'static str>,
    ) -> Self {
        let mut wear = Self { uvs: &from.uvs, ..Self::default() };
        let (mut materials, mut single, mut textures) = (ByFace::default(), None, ByFace::default());
        if let Some((values, value)) = geometry.material.and_then(|text| theme(text, from.material_theme.as_deref())) {
            materials = values.map_or(Some(ByFace::default()), |text| ByFace::numbers(nesting, text)).unwrap_or_else(|| {
                wrong.push("material values are not nested like its boundaries");
                ByFace::default()
            });
            single = value.and_then(|text| text.parse().ok());
        }
        if let Some((Some(text), _)) = geometry.texture.and_then(|text| theme(text, from.texture_theme.as_deref())) {
            textures = wear.textures(nesting, text).unwrap_or_else(|| {
                wrong.push("texture values are not nested like its boundaries");
                ByFace::default()
            });
        }
        wear.dress(&materials, single, &textures, from, paints);
        wear
    }

    /// Rings of faces: a texture and then as many texture coordinates as the ring has corners, or `null`.
    fn textures(&mut self, nesting: Nesting, text: &str) -> Option<ByFace<Pictured>> {
        let mut all = ByFace::default();
        nesting.walk(text, true, &mut |scan, solid, _| {
            let (start, mut texture) = (self.rings.len(), None);
            if !scan.null() {
                scan.items(|scan| {
                    let named = self.ring(scan)?;
                    texture = texture.or(named);
                    Some(())
                })?;
            }
            all.push(solid, (texture, start..self.rings.len()));
            Some(())
        })?;
        Some(all)
    }

    fn ring(&mut self, scan: &mut Scan) -> Option<Option<u32>> {
        let (start, mut texture, mut first) = (self.numbers.len(), None, true);
        if !scan.null() {
            scan.items(|scan| {
                let number = if scan.null() { None } else { Some(scan.number()?) };
                if std::mem::take(&mut first) {
                    texture = number;
                } else {
                    self.numbers.push(number?);
                }
                Some(())
            })?;
        }
        self.rings.push(start..self.numbers.len());
        Some(texture)
    }

    fn dress(
        &mut self,
        materials: &ByFace<Option<u32>>,
        single: Option<u32>,
        textures: &ByFace<Pictured>,
        from: &Appearance,
        paints: &mut Paints,
    ) {
        let mut known: HashMap<(Option<u32>, Option<u32>), Worn> = HashMap::new();
        let mut worn = |material: Option<u32>, texture: Option<u32>| {
            known.entry((material, texture)).or_insert_with(|| from.worn(material, texture, paints)).clone()
        };
        self.whole = single.map(|_| worn(single, None));
        for solid in 0..materials.solids().max(textures.solids()) {
            for face in 0..materials.len(solid).max(textures.len(solid)) {
                let material = materials.get(solid, face).copied().flatten().or(single);
                let (texture, rings) = textures.get(solid, face).cloned().unwrap_or_default();
                let mut worn = worn(material, texture);
                if worn.paint != worn.plain {
                    worn.rings = rings;
                }
                self.faces.push(solid, worn);
            }
        }
    }

    /// What a face wears.
    pub(super) fn face(&self, solid: usize, face: usize) -> Option<&Worn> {
        self.faces.get(solid, face).or(self.whole.as_ref())
    }

    /// The numbers of the texture coordinates of a ring of a face with a picture.
    pub(super) fn uvs(&self, worn: &Worn, ring: usize) -> Option<&[u32]> {
        if worn.rings.is_empty() {
            return None;
        }
        let ring = self.rings[worn.rings.clone()].get(ring).cloned().unwrap_or_default();
        Some(&self.numbers[ring])
    }

    pub(super) fn uv(&self, number: u32) -> Option<[f32; 2]> {
        self.uvs.get(number as usize).copied()
    }
}

impl Appearance {
    /// A picture hides the colour beneath it.
    fn worn(&self, material: Option<u32>, texture: Option<u32>, paints: &mut Paints) -> Worn {
        let colour = material.and_then(|n| *self.materials.get(n as usize)?);
        let plain = paints.number(Paint { colour, texture: None });
        let texture = texture.and_then(|n| self.textures.get(n as usize)?.clone());
        let paint = if texture.is_some() { paints.number(Paint { colour: None, texture }) } else { plain };
        Worn { paint, plain, rings: 0..0 }
    }
}

/// `values` and `value` of the theme.
fn theme<'t>(text: &'t str, wanted: Option<&str>) -> Option<(Option<&'t str>, Option<&'t str>)> {
    let (mut first, mut best) = (None, None);
    Scan::new(text).members(|scan, name| {
        let theme = scan.value()?;
        first = first.or(Some(theme));
        if Some(name) == wanted {
            best = Some(theme);
        }
        Some(())
    })?;
    let (mut values, mut value) = (None, None);
    Scan::new(best.or(first)?).members(|scan, name| {
        let text = Some(scan.value()?).filter(|text| *text != "null");
        match name {
            "values" => values = text,
            "value" => value = text,
            _ => {}
        }
        Some(())
    })?;
    Some((values, value))
}
