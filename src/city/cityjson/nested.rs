//! Lists nested like the boundaries of a geometry: one value a face, whether rings, semantics or colours.

use super::scan::Scan;

/// How deep the boundaries of a geometry type are nested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Nesting {
    /// MultiSurface, CompositeSurface: faces.
    Surfaces,
    /// Solid: shells of faces.
    Solid,
    /// MultiSolid, CompositeSolid: solids of shells of faces.
    Solids,
}

impl Nesting {
    /// `None` for types without surfaces (points, lines) and for those nobody knows.
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            "MultiSurface" | "CompositeSurface" => Some(Self::Surfaces),
            "Solid" => Some(Self::Solid),
            "MultiSolid" | "CompositeSolid" => Some(Self::Solids),
            _ => None,
        }
    }

    /// Walks over the faces of the outer shells; `visit` gets solid and face and takes the value. Answers how many inner shells were passed by.
    ///
    /// With `nullable`, `null` stands for a whole list on every level above the faces.
    pub(super) fn walk<'a>(
        self,
        text: &'a str,
        nullable: bool,
        visit: &mut impl FnMut(&mut Scan<'a>, usize, usize) -> Option<()>,
    ) -> Option<usize> {
        let mut scan = Scan::new(text);
        let (mut inner, mut solid) = (0, 0);
        match self {
            Self::Surfaces => shell(&mut scan, nullable, 0, visit)?,
            Self::Solid => inner = shells(&mut scan, nullable, 0, visit)?,
            Self::Solids => list(&mut scan, nullable, |scan| {
                inner += shells(scan, nullable, solid, visit)?;
                solid += 1;
                Some(())
            })?,
        }
        scan.end()?;
        Some(inner)
    }
}

fn list<'a>(scan: &mut Scan<'a>, nullable: bool, visit: impl FnMut(&mut Scan<'a>) -> Option<()>) -> Option<()> {
    if nullable && scan.null() { Some(()) } else { scan.items(visit) }
}

fn shells<'a>(
    scan: &mut Scan<'a>,
    nullable: bool,
    solid: usize,
    visit: &mut impl FnMut(&mut Scan<'a>, usize, usize) -> Option<()>,
) -> Option<usize> {
    let mut count = 0usize;
    list(scan, nullable, |scan| {
        count += 1;
        if count == 1 { shell(scan, nullable, solid, visit) } else { scan.value().map(drop) }
    })?;
    Some(count.saturating_sub(1))
}

fn shell<'a>(
    scan: &mut Scan<'a>,
    nullable: bool,
    solid: usize,
    visit: &mut impl FnMut(&mut Scan<'a>, usize, usize) -> Option<()>,
) -> Option<()> {
    let mut face = 0;
    list(scan, nullable, |scan| {
        visit(scan, solid, face)?;
        face += 1;
        Some(())
    })
}

/// One value for each face, in a flat list.
#[derive(Debug)]
pub(super) struct ByFace<T> {
    /// Where the faces of each solid begin.
    solids: Vec<u32>,
    values: Vec<T>,
}

impl<T> Default for ByFace<T> {
    fn default() -> Self {
        Self { solids: Vec::new(), values: Vec::new() }
    }
}

impl<T> ByFace<T> {
    /// The next value; solids and faces come in order, solids may be left out.
    pub(super) fn push(&mut self, solid: usize, value: T) {
        self.solids.resize(solid + 1, self.values.len() as u32);
        self.values.push(value);
    }

    /// Of all faces.
    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    pub(super) fn solids(&self) -> usize {
        self.solids.len()
    }

    /// Faces of a solid.
    pub(super) fn len(&self, solid: usize) -> usize {
        let Some(start) = self.solids.get(solid) else { return 0 };
        self.solids.get(solid + 1).map_or(self.values.len(), |e| *e as usize) - *start as usize
    }

    pub(super) fn get(&self, solid: usize, face: usize) -> Option<&T> {
        if face >= self.len(solid) {
            return None;
        }
        self.values.get(*self.solids.get(solid)? as usize + face)
    }
}

impl ByFace<Option<u32>> {
    /// Numbers, each or any list of them `null`.
    pub(super) fn numbers(nesting: Nesting, text: &str) -> Option<Self> {
        let mut all = Self::default();
        nesting.walk(text, true, &mut |scan, solid, _| {
            let number = if scan.null() { None } else { Some(scan.number()?) };
            all.push(solid, number);
            Some(())
        })?;
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_with_their_faces() {
        let get = |nesting, text, solid, face| ByFace::numbers(nesting, text).unwrap().get(solid, face).copied();
        assert_eq!(get(Nesting::Surfaces, "[0, null ,2]", 0, 2), Some(Some(2)));
        assert_eq!(get(Nesting::Surfaces, "[0, null ,2]", 0, 1), Some(None));
        assert_eq!(get(Nesting::Solid, "[[1,2],[3]]", 0, 2), None);
        assert_eq!(get(Nesting::Solids, "[[[1,2],[3]],null,[null],[[4]]]", 3, 0), Some(Some(4)));
        assert_eq!(get(Nesting::Solids, "[[[1,2],[3]],null,[null],[[4]]]", 1, 0), None);
        for text in ["[1.5]", "[-1]", "[1,]", "[[1]]", "[1", "[1] 2", "{}"] {
            assert!(ByFace::numbers(Nesting::Surfaces, text).is_none(), "{text}");
        }
    }
}
