//! One kept answer as a file: a mark, a checksum, what HTTP needs to know of it, the body.

use http_cache_semantics::CachePolicy;
use std::io::{Error, ErrorKind, Read, Write};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

const MARK: &[u8; 8] = b"YPTILE1\n";
/// Mark, checksum, length of the policy.
const HEAD: usize = 8 + 8 + 4;
/// A policy has a few headers.
const POLICY_BYTES_MAX: usize = 1 << 16;

/// A body and when it may be used. The policy is made of an empty request: neither address nor headers of one are on the disk.
pub struct Entry {
    pub policy: CachePolicy,
    /// The server forbids its use when it is old and the server can't be reached.
    pub firm: bool,
    pub body: Vec<u8>,
}

impl Entry {
    /// About what it takes on disk.
    pub fn bytes(&self) -> u64 {
        (self.body.len() + HEAD + 1024) as u64
    }

    /// # Errors
    /// `InvalidData` for a damaged file.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let broken = || Error::new(ErrorKind::InvalidData, "damaged");
        let mut file = std::fs::File::open(path)?;
        if file.metadata()?.len() > super::super::fetch::BODY_BYTES_MAX + (HEAD + POLICY_BYTES_MAX) as u64 {
            return Err(broken());
        }
        let mut head = [0; HEAD];
        file.read_exact(&mut head).map_err(|_| broken())?;
        let (mark, rest) = head.split_at(8);
        let (sum, length) = rest.split_at(8);
        let length = u32::from_le_bytes(length.try_into().map_err(|_| broken())?) as usize;
        if mark != MARK || length > POLICY_BYTES_MAX {
            return Err(broken());
        }
        let mut policy = vec![0; length];
        file.read_exact(&mut policy).map_err(|_| broken())?;
        let mut body = Vec::new();
        file.read_to_end(&mut body)?;
        if checksum(&policy, &body).to_le_bytes() != sum {
            return Err(broken());
        }
        let (policy, firm) = serde_json::from_slice(&policy).map_err(|_| broken())?;
        Ok(Self { policy, firm, body })
    }

    /// # Errors
    /// When the disk is full or not to be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let policy = serde_json::to_vec(&(&self.policy, self.firm)).map_err(Error::other)?;
        if policy.len() > POLICY_BYTES_MAX {
            return Err(Error::other("an answer has too many headers"));
        }
        let mut file = std::fs::File::create_new(path)?;
        let head = [&MARK[..], &checksum(&policy, &self.body).to_le_bytes(), &(policy.len() as u32).to_le_bytes()].concat();
        [&head[..], &policy, &self.body].into_iter().try_for_each(|part| file.write_all(part))
    }
}

fn checksum(policy: &[u8], body: &[u8]) -> u64 {
    let mut sum = Xxh3::new();
    sum.update(policy);
    sum.update(body);
    sum.digest()
}
