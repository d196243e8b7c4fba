//! Open files: ten thousand phones are as many sockets, and a shell gives a process a thousand.

use rustix::process::{Resource, getrlimit, setrlimit};

/// More than this is never needed, and some systems look through all of them at every start of a program.
const FILES_MAX: u64 = 65_536;

/// Raises this process's soft limit of open files as far as the system lets it.
///
/// # Errors
/// When the system refuses; what was allowed before stays.
pub fn allow_many_connections() -> std::io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
