//! Computes fields on a thread of its own, so that the picture never waits for one.

use crate::heat::{Input, Layer};
use crate::model::heat::HeatConfig;
use crate::render::heat::FIELD_SIZE;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};

/// One field at a time; asking anew lets go of the one before.
#[derive(Default)]
pub(super) struct Worker {
    running: Option<Mutex<Receiver<Layer>>>,
}

impl Worker {
    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn ask(&mut self, config: HeatConfig, input: Input) {
        let (tell, hear) = channel();
        self.running = Some(Mutex::new(hear));
        std::thread::spawn(move || {
            // Nobody hears it when another layer was chosen meanwhile.
            let _ = tell.send(Layer::compute(&config, &input, FIELD_SIZE));
        });
    }

    /// The field, once, when it is there.
    pub(super) fn poll(&mut self) -> Option<Layer> {
        let heard = self.running.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).try_recv();
        match heard {
            Ok(layer) => {
                self.running = None;
                Some(layer)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                tracing::error!("computing a heat field broke off; the last one stays until new readings come");
                self.running = None;
                None
            }
        }
    }
}
