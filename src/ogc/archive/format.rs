//! The records of a zip file that an archive needs, and nothing of the rest (no encryption, no parts, no streaming sizes).

/// Bytes of the fixed part of a local header, of a directory entry and of the two ends.
pub const LOCAL_BYTES: usize = 30;
pub const ENTRY_BYTES: usize = 46;
pub const END_BYTES: usize = 22;
pub const END64_BYTES: usize = 56;
pub const LOCATOR64_BYTES: usize = 20;

const LOCAL: u32 = 0x0403_4b50;
const ENTRY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// A number that stands in the zip64 part instead.
const FULL: u64 = 0xffff_ffff;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
const ENCRYPTED: u16 = 1;
/// 1980-01-01 00:00, the first time a zip can say: every archive of the same files is the same.
const DOS_DATE: u16 = 0x21;

/// How bytes are kept.
pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;
pub const ZSTD: u16 = 93;

/// What a header says of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    pub name: String,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    /// Where the local header is.
    pub offset: u64,
    /// Bytes of name, extra fields and comment behind the fixed part.
    pub tail: usize,
    pub encrypted: bool,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// Bytes behind the fixed part of a local header (`at` 26) or directory entry (`at` 28).
fn lengths(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    Some((u16_at(bytes, at)?.into(), u16_at(bytes, at + 2)?.into()))
}

/// The fixed part of a local header; how many bytes follow is in [`Header::tail`].
pub fn local(bytes: &[u8]) -> Option<Header> {
    (u32_at(bytes, 0)? == LOCAL).then_some(())?;
    let (name, extra) = lengths(bytes, 26)?;
    Some(Header {
        name: String::new(),
        method: u16_at(bytes, 8)?,
        crc: u32_at(bytes, 14)?,
        packed: u32_at(bytes, 18)?.into(),
        size: u32_at(bytes, 22)?.into(),
        offset: 0,
        tail: name + extra,
        encrypted: u16_at(bytes, 6)? & ENCRYPTED != 0,
    })
}

/// The fixed part of a directory entry.
pub fn entry(bytes: &[u8]) -> Option<Header> {
    (u32_at(bytes, 0)? == ENTRY).then_some(())?;
    let (name, extra) = lengths(bytes, 28)?;
    Some(Header {
        name: String::new(),
        method: u16_at(bytes, 10)?,
        crc: u32_at(bytes, 16)?,
        packed: u32_at(bytes, 20)?.into(),
        size: u32_at(bytes, 24)?.into(),
        offset: u32_at(bytes, 42)?.into(),
        tail: name + extra + usize::from(u16_at(bytes, 32)?),
        encrypted: u16_at(bytes, 8)? & ENCRYPTED != 0,
    })
}

impl Header {
    /// Takes name and zip64 sizes from what follows the fixed part, which is `fixed`.
    pub fn with_tail(mut self, fixed: &[u8], tail: &[u8]) -> Option<Self> {
        let (name, extra) = if fixed.len() >= ENTRY_BYTES { lengths(fixed, 28)? } else { lengths(fixed, 26)? };
        self.name = String::from_utf8_lossy(tail.get(..name)?).into_owned();
        let mut extra = tail.get(name..name + extra)?;
        while let (Some(kind), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let body = extra.get(4..4 + usize::from(len))?;
            if kind == 1 {
                // Only what is full in the fixed part stands here, in this order.
                let mut at = 0;
                for number in [&mut self.size, &mut self.packed, &mut self.offset] {
                    if *number == FULL {
                        *number = u64_at(body, at)?;
                        at += 8;
                    }
                }
            }
            extra = extra.get(4 + usize::from(len)..)?;
        }
        Some(self)
    }

    /// The local header with its name. Files are under 4 GiB, so it needs no zip64 part.
    pub fn write_local(&self, out: &mut Vec<u8>) {
        out.extend(LOCAL.to_le_bytes());
        self.write_shared(out);
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend(0u16.to_le_bytes());
        out.extend(self.name.as_bytes());
    }

    /// From the version needed to the sizes, the same in both headers.
    fn write_shared(&self, out: &mut Vec<u8>) {
        let version: u16 = if self.offset >= FULL { 45 } else { 20 };
        [version, UTF8, self.method, 0, DOS_DATE].iter().for_each(|n| out.extend(n.to_le_bytes()));
        [self.crc, self.packed as u32, self.size as u32].iter().for_each(|n| out.extend(n.to_le_bytes()));
    }

    /// The directory entry, with the offset in a zip64 part where it does not fit.
    pub fn write_entry(&self, out: &mut Vec<u8>) {
        let big = self.offset >= FULL;
        out.extend(ENTRY.to_le_bytes());
        out.extend(45u16.to_le_bytes());
        self.write_shared(out);
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((if big { 12u16 } else { 0 }).to_le_bytes());
        // Comment, part, inner attributes, outer attributes.
        out.extend([0; 10]);
        out.extend((if big { FULL } else { self.offset } as u32).to_le_bytes());
        out.extend(self.name.as_bytes());
        if big {
            out.extend([1, 0, 8, 0]);
            out.extend(self.offset.to_le_bytes());
        }
    }
}

/// Where the directory is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Directory {
    pub offset: u64,
    pub bytes: u64,
    pub entries: u64,
}

impl Directory {
    /// From the record at the file's end; a number that is full stands in the zip64 end.
    pub fn of_end(bytes: &[u8]) -> Option<Self> {
        (u32_at(bytes, 0)? == END).then_some(())?;
        Some(Self { entries: u16_at(bytes, 10)?.into(), bytes: u32_at(bytes, 12)?.into(), offset: u32_at(bytes, 16)?.into() })
    }

    pub fn needs_zip64(&self) -> bool {
        self.entries == 0xffff || self.bytes == FULL || self.offset == FULL
    }

    /// Where the zip64 end is, from its locator, which lies before the end.
    pub fn locate64(bytes: &[u8]) -> Option<u64> {
        (u32_at(bytes, 0)? == LOCATOR64).then_some(())?;
        u64_at(bytes, 8)
    }

    pub fn of_end64(bytes: &[u8]) -> Option<Self> {
        (u32_at(bytes, 0)? == END64).then_some(())?;
        Some(Self { entries: u64_at(bytes, 32)?, bytes: u64_at(bytes, 40)?, offset: u64_at(bytes, 48)? })
    }

    /// The ends of an archive, zip64 where it has to be.
    pub fn write_ends(&self, out: &mut Vec<u8>) {
        let big = self.entries >= 0xffff || self.offset + self.bytes >= FULL;
        if big {
            out.extend(END64.to_le_bytes());
            out.extend((END64_BYTES as u64 - 12).to_le_bytes());
            out.extend([45, 0, 45, 0]);
            out.extend([0; 8]);
            [self.entries, self.entries, self.bytes, self.offset].iter().for_each(|n| out.extend(n.to_le_bytes()));
            out.extend(LOCATOR64.to_le_bytes());
            out.extend(0u32.to_le_bytes());
            out.extend((self.offset + self.bytes).to_le_bytes());
            out.extend(1u32.to_le_bytes());
        }
        let entries = (if big { 0xffff } else { self.entries } as u16).to_le_bytes();
        out.extend(END.to_le_bytes());
        out.extend([0; 4]);
        out.extend(entries);
        out.extend(entries);
        let (bytes, offset) = if big { (FULL, FULL) } else { (self.bytes, self.offset) };
        out.extend((bytes as u32).to_le_bytes());
        out.extend((offset as u32).to_le_bytes());
        out.extend(0u16.to_le_bytes());
    }
}
