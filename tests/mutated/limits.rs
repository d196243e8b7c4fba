//! What one input may cost: an allocator that counts, and a watchdog that keeps the input and ends the process when it cost too much.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

/// Memory that all of the process may hold at a time.
const BYTES_MAX: usize = 512 << 20;
/// Of the processor: a machine that is busy with other things is no fault of the reader.
const CPU_MAX: Duration = Duration::from_secs(1);
/// By the clock: nothing is going on any more.
const WALL_MAX: Duration = Duration::from_secs(60);

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static OVER: AtomicBool = AtomicBool::new(false);
static CURRENT: Mutex<Option<Current>> = Mutex::new(None);
/// What the last panic said.
pub static PANICKED: Mutex<String> = Mutex::new(String::new());
/// Memory where there is some, so that a hundred thousand inputs don't wear a disk.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
});

pub struct Counting;

// SAFETY: hands everything on to the system's allocator unchanged and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as the caller says.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.realloc(at, layout, size) }
    }
}

fn take(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
    if live > BYTES_MAX && !OVER.swap(true, Relaxed) {
        // An allocator must not unwind: this thread waits until the watchdog has kept the input and ended the process.
        std::thread::sleep(Duration::from_secs(3600));
    }
}

#[derive(Clone)]
struct Current {
    reader: &'static str,
    number: u64,
    file: PathBuf,
    since: Instant,
}

fn current() -> std::sync::MutexGuard<'static, Option<Current>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes an input to where it is read from; from now on it is the one that is measured.
pub fn put(reader: &'static str, number: u64, name: &str, bytes: &[u8]) -> PathBuf {
    let file = FOLDER.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    *current() = Some(Current { reader, number, file: file.clone(), since: Instant::now() });
    file
}

/// No input is being read.
pub fn rest() {
    *current() = None;
}

/// Most memory since the start, MiB.
pub fn peak_mib() -> usize {
    PEAK.load(Relaxed) >> 20
}

/// Copies the current input to the regressions.
pub fn keep() -> PathBuf {
    let Some(Current { reader, number, file, .. }) = current().clone() else { return PathBuf::new() };
    let folder = super::seeds::data().join("regressions").join(reader).join(number.to_string());
    let kept = folder.join(file.file_name().unwrap_or_default());
    let copied = std::fs::create_dir_all(&folder).and_then(|()| std::fs::copy(&file, &kept));
    copied.map_or_else(|e| PathBuf::from(format!("(not kept: {e})")), |_| kept)
}

/// Starts the watchdog.
pub fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        std::thread::spawn(|| {
            let mut seen: Option<(Instant, Duration)> = None;
            loop {
                std::thread::sleep(Duration::from_millis(20));
                if OVER.load(Relaxed) {
                    end(&format!("{} MiB at a time", PEAK.load(Relaxed) >> 20));
                }
                let Some(since) = current().as_ref().map(|c| c.since) else { continue };
                let before = match seen {
                    Some((at, cpu)) if at == since => cpu,
                    _ => seen.insert((since, cpu())).1,
                };
                if since.elapsed() > WALL_MAX || (since.elapsed() > CPU_MAX && cpu().saturating_sub(before) > CPU_MAX) {
                    end(&format!("{:.1} s, {:.1} s of them at work", since.elapsed().as_secs_f64(), (cpu() - before).as_secs_f64()));
                }
            }
        });
    });
}

/// Keeps the input and ends the process: neither a thread nor an allocation can be taken back.
fn end(what: &str) -> ! {
    let said = current().as_ref().map_or_else(String::new, |c| format!("{} {}", c.reader, c.number));
    eprintln!("\n{said}: {what}; kept as {}", keep().display());
    let _ = std::fs::remove_dir_all(FOLDER.path());
    std::process::abort();
}

/// Time that all threads of the process have worked.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields after the name in brackets; the 12th and 13th are hundredths of a second in user and system mode.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
