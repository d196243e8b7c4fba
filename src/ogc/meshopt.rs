//! `EXT_meshopt_compression`: compressed buffer views unfolded, every size checked before it is used.

use serde::Deserialize;

/// Bytes one compressed buffer view may unfold to.
const UNFOLDED_BYTES_MAX: usize = 512 << 20;

/// The extension as a buffer view has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meshopt {
    pub buffer: usize,
    pub byte_offset: usize,
    pub byte_length: usize,
    pub byte_stride: usize,
    pub count: usize,
    pub mode: String,
    pub filter: Option<String>,
}

impl Meshopt {
    /// The view's bytes from its compressed ones.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn unfold(&self, source: &[u8]) -> Result<Vec<u8>, String> {
        let (count, stride) = (self.count, self.byte_stride);
        let bytes = count.checked_mul(stride).filter(|n| *n <= UNFOLDED_BYTES_MAX).ok_or("it is too large")?;
        // The codec packs at best about 1:100; this keeps a few bytes from claiming half a gigabyte.
        if bytes > source.len().saturating_mul(4096) {
            return Err("so few bytes can't hold so many vertices".to_owned());
        }
        let mut out = vec![0u8; bytes];
        let (to, from, len) = (out.as_mut_ptr(), source.as_ptr(), source.len());
        // SAFETY: `out` has count * stride bytes and `source` has `len`; the decoders are made for untrusted input and read and write
        // only there. The strides they assert on are checked in the patterns.
        let code = unsafe {
            match (self.mode.as_str(), stride) {
                ("ATTRIBUTES", 4..=256) if stride.is_multiple_of(4) => {
                    meshopt::ffi::meshopt_decodeVertexBuffer(to.cast(), count, stride, from, len)
                }
                ("TRIANGLES", 2 | 4) if count.is_multiple_of(3) => {
                    meshopt::ffi::meshopt_decodeIndexBuffer(to.cast(), count, stride, from, len)
                }
                ("INDICES", 2 | 4) => meshopt::ffi::meshopt_decodeIndexSequence(to.cast(), count, stride, from, len),
                _ => return Err(format!("mode {:?} with stride {stride} is not of the standard", self.mode)),
            }
        };
        if code != 0 {
            return Err("the compressed bytes are damaged".to_owned());
        }
        // SAFETY: filters work in place on count * stride bytes, strides as they assert.
        unsafe {
            match (self.filter.as_deref().unwrap_or("NONE"), stride) {
                ("NONE", _) => {}
                ("OCTAHEDRAL", 4 | 8) => meshopt::ffi::meshopt_decodeFilterOct(to.cast(), count, stride),
                ("QUATERNION", 8) => meshopt::ffi::meshopt_decodeFilterQuat(to.cast(), count, stride),
                ("EXPONENTIAL", _) if stride.is_multiple_of(4) => meshopt::ffi::meshopt_decodeFilterExp(to.cast(), count, stride),
                (filter, _) => return Err(format!("filter {filter:?} with stride {stride} is not of the standard")),
            }
        }
        Ok(out)
    }
}
