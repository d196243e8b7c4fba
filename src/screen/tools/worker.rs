//! Answers questions on a thread of its own, so that the picture never waits.

use crate::analysis::{self, Asked, Gathered, Kernel, Stage, ToolResult};
use crate::tiles::{Headers, MemoryBudget};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};

type Done = Result<(ToolResult, Arc<Gathered>), String>;

/// One question at a time; a newer one takes an older one's place.
pub struct Worker {
    address: String,
    headers: Headers,
    /// That of the tiles on screen: a question gets what they leave.
    memory: MemoryBudget,
    running: Option<(Mutex<Receiver<Done>>, Arc<AtomicU32>)>,
    answer: Option<Result<ToolResult, String>>,
    /// What was read last: the next question nearby needs no reading.
    gathered: Option<Arc<Gathered>>,
}

impl Worker {
    pub fn new(address: String, headers: Headers, memory: MemoryBudget) -> Self {
        Self { address, headers, memory, running: None, answer: None, gathered: None }
    }

    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Stage in words and how far it is, 0 to 1, while something is computed.
    pub fn progress(&self) -> Option<((&'static str, &'static str), f32)> {
        let packed = self.running.as_ref()?.1.load(Ordering::Relaxed);
        let word = match packed / 1_000_000 {
            0 => ("读取瓦片", "reading tiles"),
            1 => ("建立索引", "sorting triangles"),
            _ => ("计算", "computing"),
        };
        Some((word, (packed % 1_000_000) as f32 / 999_999.0))
    }

    pub fn answer(&self) -> Option<&Result<ToolResult, String>> {
        self.answer.as_ref()
    }

    pub fn kernel(&self) -> Option<&Kernel> {
        self.gathered.as_ref().map(|g| &g.kernel)
    }

    /// Lets go of question and answer; a thread that still computes talks to nobody.
    pub fn forget(&mut self) {
        self.running = None;
        self.answer = None;
    }

    pub fn ask(&mut self, asked: Asked) {
        self.forget();
        let (tell, hear) = channel();
        let progress = Arc::new(AtomicU32::new(0));
        self.running = Some((Mutex::new(hear), progress.clone()));
        let (source, known) = ((self.address.clone(), self.headers.clone(), self.memory.clone()), self.gathered.clone());
        std::thread::spawn(move || {
            // Nobody hears it when the question was dropped meanwhile.
            let _ = tell.send(work(source, &asked, known, &progress));
        });
    }

    /// Takes the answer in, if there is one; true when there was.
    pub fn poll(&mut self) -> bool {
        let Some((hear, _)) = &self.running else { return false };
        let heard = hear.lock().unwrap_or_else(PoisonError::into_inner).try_recv();
        match heard {
            Ok(Ok((result, gathered))) => {
                self.gathered = Some(gathered);
                self.answer = Some(Ok(result));
            }
            Ok(Err(why)) => self.answer = Some(Err(why)),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => self.answer = Some(Err("the computation broke off".to_owned())),
        }
        self.running = None;
        true
    }
}

type Source = (String, Headers, MemoryBudget);

fn work((address, headers, memory): Source, asked: &Asked, known: Option<Arc<Gathered>>, progress: &AtomicU32) -> Done {
    let report = |stage: Stage, part: f64| {
        let stage = match stage {
            Stage::Read => 0,
            Stage::Build => 1,
            Stage::Compute => 2,
        };
        progress.store(stage * 1_000_000 + (part.clamp(0.0, 1.0) * 999_999.0) as u32, Ordering::Relaxed);
    };
    let extent = asked.input.extent().ok_or("the question names no place")?;
    // A clip belongs to one question: what was read for it is not used again, nor is what was read before.
    let fits = known.filter(|g| g.extent.contains(&extent) && asked.clip.is_none() && !g.kernel.is_clipped());
    let gathered = match fits {
        Some(gathered) => gathered,
        None => {
            let mut fresh = analysis::gather(&address, headers, &extent, &memory, &report).map_err(|e| e.to_string())?;
            fresh.kernel.set_clip(&asked.clip.clone().unwrap_or_default());
            Arc::new(fresh)
        }
    };
    let result = analysis::run(&gathered.kernel, &asked.input, &report).map_err(|e| e.to_string())?;
    Ok((result, gathered))
}
