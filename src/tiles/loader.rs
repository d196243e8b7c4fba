//! Fetching and decoding off the calling thread.
//!
//! Wishes go in by a watch channel: the latest list *replaces* the one before, so a tile nobody wants any more is never fetched.
//! A fetch under way that nobody has wanted for a while is broken off (`under_way`). Answers come out by a bounded channel; when nobody
//! takes them the loader waits.

use super::content::{DecodeContext, Decoded, TileContent, decode};
use super::error::TileError;
use super::fetch::{TileSource, resolve};
use super::kept::KeptTile;
use super::ledger::{Claim, Ledger, Need, Reservation};
use super::prepared::Prepare;
use super::subtree::parse_subtree;
use super::tileset::{Inherited, parse_tileset};
use super::tree::{ContentRef, Fragment, Refine, SubtreeRef, Tile, TileId, UpAxis};
use super::under_way::{BrokenOff, Ended, Gone, UnderWay, while_wanted};
use crossbeam_channel::{Receiver, Sender, bounded};
use glam::DMat4;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Tiles fetched or decoded at a time: enough to keep a network busy at 100 ms a request, few enough that a turned camera is served soon.
const IN_FLIGHT_MAX: usize = 16;
/// Stand-ins beyond them: they must not wait behind what waits for the room that they make.
const STAND_INS_MAX: usize = 4;
/// Answers waiting to be taken; with tiles of a few MB this holds back some tens of MB.
const ANSWERS_MAX: usize = 32;
/// Waits before the second and third try of what may come back (a busy server, a tile just being written).
const RETRY_WAITS: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1000)];

/// Threads that decode end after this without work: what others freed of their memory goes back to the system only then.
const IDLE_MAX: Duration = Duration::from_millis(500);

/// By how much threads that load and decode are nicer than others (a tenth of a processor that both want): on few cores a frame would take twice as
/// long while they run. On an idle processor it changes nothing.
#[cfg(target_os = "linux")]
const NICER: libc::c_int = 10;

/// Lets the calling thread give way to those that draw.
fn give_way() {
    // SAFETY: takes no addresses. On Linux it is of the calling thread, elsewhere of the whole program.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::nice(NICER);
    }
}

/// A tile to load.
#[derive(Clone, Debug)]
pub struct Job {
    pub tile: TileId,
    need: Need,
    /// Answers this tile has had; a job that was answered already is an old wish.
    answered: u32,
    contents: Vec<ContentRef>,
    transform: DMat4,
    refine: Refine,
    up_axis: UpAxis,
    error_m: f64,
    subtree: Option<SubtreeRef>,
}

impl Job {
    pub fn new(id: TileId, need: Need, answered: u32, tile: &Tile) -> Self {
        let Tile { contents, transform, refine, up_axis, subtree, geometric_error_m: error_m, .. } = tile.clone();
        Self { tile: id, need, answered, contents, transform, refine, up_axis, error_m, subtree }
    }
}

/// What a tile turned out to hold.
#[derive(Debug, Default)]
pub struct Payload {
    pub content: Option<TileContent>,
    /// Of the content, what is kept of it.
    pub kept: Option<KeptTile>,
    /// Tilesets named as content, to be grafted below the tile.
    pub tilesets: Vec<Fragment>,
    /// The subtree the tile stood for, to be grafted in its place.
    pub subtree: Option<Fragment>,
}

/// Exactly one for each job that was begun and not broken off.
#[derive(Debug)]
pub struct Answer {
    pub tile: TileId,
    pub result: Result<Payload, TileError>,
    /// Its place in the budget, until its tile is counted there itself.
    pub room: Reservation,
}

/// A thread of its own with a tokio runtime; ends when dropped.
#[derive(Debug)]
pub struct TileLoader {
    wishes: watch::Sender<Vec<Job>>,
    answers: Receiver<Answer>,
    prepare: Arc<OnceLock<Prepare>>,
}

impl TileLoader {
    /// Wishes looked at; the rest comes with a later frame.
    pub const QUEUE_MAX: usize = 256;

    /// # Errors
    /// When the machine gives no thread.
    pub fn start(source: TileSource, ledger: Arc<Ledger>) -> Result<Self, TileError> {
        let refused =
            |e: std::io::Error| TileError::Fetch { url: source.root_url().to_owned(), why: format!("no loader thread: {e}"), retry: false };
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).max_blocking_threads(workers + 4).thread_keep_alive(IDLE_MAX).on_thread_start(give_way);
        let runtime = runtime.enable_all().build();
        let runtime = runtime.map_err(refused)?;
        let (wishes, wished) = watch::channel(Vec::new());
        let (answer, answers) = bounded(ANSWERS_MAX);
        let decoding = Arc::new(tokio::sync::Semaphore::new(workers));
        let source_of_thread = source.clone();
        let prepare = Arc::new(OnceLock::new());
        let prepare_of_thread = prepare.clone();
        let thread = std::thread::Builder::new().name("tiles-loader".into());
        let run = move || {
            runtime.block_on(serve(
                Shared { source: Arc::new(source_of_thread), decoding, ledger, prepare: prepare_of_thread },
                wished,
                answer,
            ));
            // A fetch still under way must not hold up the program's end.
            runtime.shutdown_background();
        };
        thread.spawn(run).map_err(refused)?;
        Ok(Self { wishes, answers, prepare })
    }

    /// Has `prepare` made of each tile that is decoded from now on. The first one given stays.
    pub fn prepare_with(&self, prepare: Prepare) {
        let _ = self.prepare.set(prepare);
    }

    /// Replaces the list of wanted tiles, most wanted first.
    pub fn want(&self, jobs: Vec<Job>) {
        self.wishes.send_replace(jobs);
    }

    /// The next answer, if there is one.
    pub fn poll(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

/// What all jobs share.
#[derive(Clone)]
struct Shared {
    source: Arc<TileSource>,
    decoding: Arc<tokio::sync::Semaphore>,
    ledger: Arc<Ledger>,
    prepare: Arc<OnceLock<Prepare>>,
}

async fn serve(shared: Shared, mut wished: watch::Receiver<Vec<Job>>, answers: Sender<Answer>) {
    let mut queue: VecDeque<Job> = VecDeque::new();
    let mut begun: HashMap<TileId, u32> = HashMap::new();
    let mut under_way = UnderWay::default();
    let mut running: JoinSet<(TileId, Ended)> = JoinSet::new();
    loop {
        while running.len() < IN_FLIGHT_MAX + STAND_INS_MAX {
            let full = running.len() >= IN_FLIGHT_MAX;
            let next = queue.iter().position(|job| !full || job.need == Need::StandIn);
            let Some(job) = next.and_then(|i| queue.remove(i)) else { break };
            // Begun under this count of answers before: it is under way, or its answer is not taken yet.
            if under_way.contains(job.tile) || begun.get(&job.tile).is_some_and(|n| *n > job.answered) {
                continue;
            }
            begun.insert(job.tile, job.answered + 1);
            let (claim, gone) = under_way.begin(job.tile, job.need);
            running.spawn(answer(shared.clone(), job, claim, answers.clone(), gone));
        }
        tokio::select! {
            changed = wished.changed() => match changed {
                Ok(()) => {
                    queue = wished.borrow_and_update().iter().cloned().collect();
                    under_way.want(queue.iter().map(|job| (job.tile, job.need)));
                }
                Err(_) => return,
            },
            Some(done) = running.join_next(), if !running.is_empty() => match done {
                Ok((tile, ended)) => {
                    under_way.end(tile, &ended);
                    if matches!(ended, Ended::BrokenOff(_)) {
                        // There is no answer to wait for: the next wish for it begins anew.
                        begun.remove(&tile);
                    }
                }
                Err(e) => tracing::error!(error = %e, "a tile task ended without an answer"),
            },
        }
    }
}

async fn answer(shared: Shared, job: Job, claim: Arc<Claim>, answers: Sender<Answer>, mut gone: Gone) -> (TileId, Ended) {
    let tile = job.tile;
    let (result, room) = match load(&shared, job, &claim, &mut gone).await {
        Ok(loaded) => loaded,
        Err(why) => return (tile, Ended::BrokenOff(why)),
    };
    // The bounded channel may be full; waiting must not hold the runtime's only worker.
    let sent = tokio::task::spawn_blocking(move || answers.send(Answer { tile, result, room }).is_ok()).await;
    if !matches!(sent, Ok(true)) {
        tracing::debug!(tile = tile.0, "nobody waits for the tile any more");
    }
    (tile, Ended::Answered)
}

type Loaded = Result<Payload, TileError>;

async fn load(shared: &Shared, job: Job, claim: &Claim, gone: &mut Gone) -> Result<(Loaded, Reservation), BrokenOff> {
    // The root is a tileset and no content; nothing else can be reserved for before it.
    let mut room = while_wanted(gone, shared.ledger.reserve(claim)).await?;
    let loaded = match &job.subtree {
        Some(subtree) => load_subtree(&shared.source, subtree.clone(), gone).await?,
        None => load_contents(shared, job, &mut room, gone).await?,
    };
    Ok((loaded, room))
}

async fn load_contents(
    Shared { source, decoding, prepare, .. }: &Shared,
    job: Job,
    room: &mut Reservation,
    gone: &mut Gone,
) -> Result<Loaded, BrokenOff> {
    let mut parts = Vec::new();
    let (mut fetched, mut decoded) = (0, 0);
    for content in job.contents.clone() {
        parts.push(match while_wanted(gone, fetch_patiently(source, &content.url)).await? {
            Ok(bytes) => {
                fetched += bytes.len();
                room.fetched(fetched)?;
                let part = decode_apart(source, &job, content.url, bytes, decoding).await;
                decoded += if let Ok(Part::Meshes(content)) = &part { content.bytes } else { 0 };
                part
            }
            Err(e) => Err(e),
        });
    }
    if decoded > 0 {
        room.decoded(fetched, decoded)?;
    }
    let payload = match join_parts(&job, parts) {
        Ok(payload) => payload,
        Err(e) => return Ok(Err(e)),
    };
    let permit = decoding.clone().acquire_owned().await;
    let prepare = prepare.get().copied();
    let url = job.contents.first().map(|c| c.url.clone()).unwrap_or_default();
    let finished = apart(url, move || {
        let _permit = permit;
        Ok(finish(payload, prepare))
    });
    Ok(finished.await)
}

/// Makes of a tile what is kept, and what whoever draws it wants.
fn finish(mut payload: Payload, prepare: Option<Prepare>) -> Payload {
    if let Some(content) = &mut payload.content {
        let features = content.features.count();
        content.meshes.iter_mut().for_each(|mesh| mesh.cluster(features));
        payload.kept = Some(KeptTile::of(content));
        content.prepared = prepare.map(|prepare| prepare(content));
    }
    payload
}

/// Runs work on a worker thread. Decoders promise not to panic; if one does, it costs a tile and not the wall.
async fn apart<T: Send + 'static>(url: String, work: impl FnOnce() -> Result<T, TileError> + Send + 'static) -> Result<T, TileError> {
    let outcome = tokio::task::spawn_blocking(move || std::panic::catch_unwind(AssertUnwindSafe(work))).await;
    match outcome {
        Ok(Ok(result)) => result,
        _ => Err(TileError::Unsupported {
            url,
            what: "this content (decoding it failed inside)".into(),
            mend: "please report the file".into(),
        }),
    }
}

fn join_parts(job: &Job, parts: Vec<Result<Part, TileError>>) -> Result<Payload, TileError> {
    let mut payload = Payload::default();
    let (mut failed, mut last) = (Vec::new(), None);
    for (number, one) in parts.into_iter().enumerate() {
        // One content of several that can't be drawn does not take the others with it.
        match one {
            Ok(Part::Meshes(mut content)) => {
                if job.contents.len() > 1 {
                    content.meshes.iter_mut().for_each(|mesh| mesh.contents = vec![(0, number as u32)]);
                }
                match &mut payload.content {
                    None => payload.content = Some(content),
                    Some(all) => all.merge(content).map_err(|f| f.at(&job.contents[0].url))?,
                }
            }
            Ok(Part::Tileset(fragment)) => payload.tilesets.push(fragment),
            Err(e) => {
                failed.push(format!("a content of several is left out: {e}"));
                last = Some(e);
            }
        }
    }
    match last {
        Some(e) if failed.len() == job.contents.len() => Err(e),
        _ => {
            if let Some(content) = &mut payload.content {
                content.notes.extend(failed);
                if job.contents.len() > 1 {
                    content.measure();
                }
            }
            Ok(payload)
        }
    }
}

enum Part {
    Meshes(TileContent),
    Tileset(Fragment),
}

/// Decodes on a worker thread, as many at a time as the machine has cores.
async fn decode_apart(
    source: &Arc<TileSource>,
    job: &Job,
    url: String,
    bytes: Vec<u8>,
    decoding: &Arc<tokio::sync::Semaphore>,
) -> Result<Part, TileError> {
    let permit = decoding.clone().acquire_owned().await;
    let (source, handle) = (source.clone(), tokio::runtime::Handle::current());
    let (transform, refine, up_axis, error_m) = (job.transform, job.refine, job.up_axis, job.error_m);
    let at = url.clone();
    let work = move || {
        let _permit = permit;
        let external = |url: &str| handle.block_on(fetch_patiently(&source, url));
        let context = DecodeContext { url: &url, transform, up_axis, error_m, external: &external };
        match decode(&bytes, &context)? {
            Decoded::Meshes(content) => Ok(Part::Meshes(content)),
            Decoded::Tileset => parse_tileset(&url, &bytes, Inherited { transform, refine }, &external).map(Part::Tileset),
        }
    };
    apart(at, work).await
}

async fn load_subtree(source: &Arc<TileSource>, subtree: SubtreeRef, gone: &mut Gone) -> Result<Loaded, BrokenOff> {
    let SubtreeRef { implicit, at } = &subtree;
    let url = match resolve(&implicit.url, &at.fill(&implicit.subtree_template)) {
        Ok(url) => url,
        Err(fault) => return Ok(Err(fault.at(&implicit.url))),
    };
    Ok(match while_wanted(gone, fetch_patiently(source, &url)).await? {
        Ok(bytes) => read_subtree(source, subtree, url, bytes).await,
        Err(e) => Err(e),
    })
}

async fn read_subtree(source: &Arc<TileSource>, subtree: SubtreeRef, url: String, bytes: Vec<u8>) -> Result<Payload, TileError> {
    let SubtreeRef { implicit, at } = subtree;
    let (source, handle, place) = (source.clone(), tokio::runtime::Handle::current(), url.clone());
    let parse = move || parse_subtree(&url, &bytes, &implicit, at, &|url| handle.block_on(fetch_patiently(&source, url)));
    let parsed = tokio::task::spawn_blocking(parse).await;
    let lost = |_| TileError::Unsupported {
        url: place,
        what: "this subtree (reading it failed inside)".into(),
        mend: "please report the file".into(),
    };
    Ok(Payload { subtree: Some(parsed.map_err(lost)??), ..Payload::default() })
}

/// Fetches, and again after a wait where that may help.
async fn fetch_patiently(source: &TileSource, url: &str) -> Result<Vec<u8>, TileError> {
    for wait in RETRY_WAITS {
        match source.fetch(url).await {
            Err(TileError::Fetch { retry: true, .. }) => tokio::time::sleep(wait).await,
            other => return other,
        }
    }
    source.fetch(url).await
}

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
