//! Tables of FlatBuffers, looked into with every offset checked. Source: "FlatBuffers Binary Format", flatbuffers.dev.

/// An offset leads out of the bytes, or what it leads to is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::city) struct Broken;

/// A field: `Ok(None)` when the table leaves it out.
pub(in crate::city) type Field<T> = Result<Option<T>, Broken>;

/// A table; its fields are named by their place in the vtable (4, 6, 8, ...), as generated code names them `VT_...`.
#[derive(Debug, Clone, Copy)]
pub(in crate::city) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Broken> {
    let end = at.checked_add(N).ok_or(Broken)?;
    bytes.get(at..end).and_then(|b| b.try_into().ok()).ok_or(Broken)
}

/// Follows an offset that stands at `at`.
fn follow(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    at.checked_add(u32::from_le_bytes(number(bytes, at)?) as usize).ok_or(Broken)
}

impl<'a> Table<'a> {
    /// The table that a buffer (without length before it) is about.
    pub(in crate::city) fn root(bytes: &'a [u8]) -> Result<Self, Broken> {
        Ok(Self { bytes, at: follow(bytes, 0)? })
    }

    /// Where a field stands.
    fn field(&self, slot: u16) -> Field<usize> {
        let back = i32::from_le_bytes(number(self.bytes, self.at)?);
        let vtable = (self.at as i64).checked_sub(i64::from(back)).and_then(|v| usize::try_from(v).ok()).ok_or(Broken)?;
        if u16::from_le_bytes(number(self.bytes, vtable)?) < slot + 2 {
            return Ok(None);
        }
        match u16::from_le_bytes(number(self.bytes, vtable + usize::from(slot))?) {
            0 => Ok(None),
            offset => Ok(Some(self.at + usize::from(offset))),
        }
    }

    /// A number or struct of `N` bytes that stands in the table itself.
    pub(in crate::city) fn inline<const N: usize>(&self, slot: u16) -> Field<[u8; N]> {
        self.field(slot)?.map(|at| number(self.bytes, at)).transpose()
    }

    pub(in crate::city) fn u8(&self, slot: u16, default: u8) -> Result<u8, Broken> {
        Ok(self.inline::<1>(slot)?.map_or(default, |[b]| b))
    }

    pub(in crate::city) fn u16(&self, slot: u16, default: u16) -> Result<u16, Broken> {
        Ok(self.inline(slot)?.map_or(default, u16::from_le_bytes))
    }

    pub(in crate::city) fn u32(&self, slot: u16) -> Field<u32> {
        Ok(self.inline(slot)?.map(u32::from_le_bytes))
    }

    pub(in crate::city) fn i32(&self, slot: u16, default: i32) -> Result<i32, Broken> {
        Ok(self.inline(slot)?.map_or(default, i32::from_le_bytes))
    }

    pub(in crate::city) fn u64(&self, slot: u16) -> Result<u64, Broken> {
        Ok(self.inline(slot)?.map_or(0, u64::from_le_bytes))
    }

    pub(in crate::city) fn f64(&self, slot: u16) -> Field<f64> {
        Ok(self.inline(slot)?.map(f64::from_le_bytes))
    }

    pub(in crate::city) fn table(&self, slot: u16) -> Field<Table<'a>> {
        self.field(slot)?.map(|at| Ok(Table { bytes: self.bytes, at: follow(self.bytes, at)? })).transpose()
    }

    pub(in crate::city) fn text(&self, slot: u16) -> Field<&'a str> {
        self.field(slot)?.map(|at| text(self.bytes, follow(self.bytes, at)?)).transpose()
    }

    /// The bytes of a vector of things of one size.
    pub(in crate::city) fn list(&self, slot: u16, size: usize) -> Field<&'a [u8]> {
        self.field(slot)?.map(|at| list(self.bytes, follow(self.bytes, at)?, size)).transpose()
    }

    /// A vector of numbers; empty when it is left out.
    pub(in crate::city) fn u32s(&self, slot: u16) -> Result<Vec<u32>, Broken> {
        Ok(self.u32s_if(slot)?.unwrap_or_default())
    }

    pub(in crate::city) fn u32s_if(&self, slot: u16) -> Field<Vec<u32>> {
        Ok(self.list(slot, 4)?.map(|b| b.as_chunks().0.iter().map(|n| u32::from_le_bytes(*n)).collect()))
    }

    /// The same of f64.
    pub(in crate::city) fn f64s(&self, slot: u16) -> Result<Vec<f64>, Broken> {
        Ok(self.list(slot, 8)?.unwrap_or_default().as_chunks().0.iter().map(|n| f64::from_le_bytes(*n)).collect())
    }

    /// A vector of tables; empty when it is left out.
    pub(in crate::city) fn tables(&self, slot: u16) -> Result<Vec<Table<'a>>, Broken> {
        Ok(self.tables_if(slot)?.unwrap_or_default())
    }

    pub(in crate::city) fn tables_if(&self, slot: u16) -> Field<Vec<Table<'a>>> {
        let places = self.places(slot)?;
        Ok(places.map(|places| places.into_iter().map(|at| Table { bytes: self.bytes, at }).collect()))
    }

    /// A vector of texts; empty when it is left out.
    pub(in crate::city) fn texts(&self, slot: u16) -> Result<Vec<&'a str>, Broken> {
        self.places(slot)?.unwrap_or_default().into_iter().map(|at| text(self.bytes, at)).collect()
    }

    /// Where the members of a vector of offsets stand.
    fn places(&self, slot: u16) -> Field<Vec<usize>> {
        let Some(at) = self.field(slot)? else { return Ok(None) };
        let start = follow(self.bytes, at)?;
        let count = list(self.bytes, start, 4)?.len() / 4;
        (0..count).map(|i| follow(self.bytes, start + 4 + i * 4)).collect::<Result<_, _>>().map(Some)
    }
}

fn list(bytes: &[u8], at: usize, size: usize) -> Result<&[u8], Broken> {
    let count = u32::from_le_bytes(number(bytes, at)?) as usize;
    let end = count.checked_mul(size).and_then(|n| n.checked_add(at + 4)).ok_or(Broken)?;
    bytes.get(at + 4..end).ok_or(Broken)
}

fn text(bytes: &[u8], at: usize) -> Result<&str, Broken> {
    std::str::from_utf8(list(bytes, at, 1)?).map_err(|_| Broken)
}
