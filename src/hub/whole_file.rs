//! Small JSON files beside the hub's state that are written whole: they are the old one or the new one, never half.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

/// What was written last; the default where there is no file. One that can't be read is put aside as `….unreadable` and said, with what
/// is `without` it.
pub fn read<T: DeserializeOwned + Default>(path: &Path, without: &str) -> T {
    let read = File::open(path).and_then(|f| Ok(serde_json::from_reader(BufReader::new(f))?));
    match read {
        Ok(read) => read,
        Err(e) if e.kind() == io::ErrorKind::NotFound => T::default(),
        Err(e) => {
            let aside = path.with_extension("unreadable");
            tracing::error!("{}: {e}; it is put aside as {}, and {without}", path.display(), aside.display());
            if let Err(e) = std::fs::rename(path, &aside) {
                tracing::error!("{}: {e}", path.display());
            }
            T::default()
        }
    }
}

/// Writes it; on disk when this returns.
///
/// # Errors
/// Why not; then the file is as it was before.
pub fn write(path: &Path, what: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    serde_json::to_writer(&mut out, what)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}
