//! What a thread of the loader makes of a tile for whoever draws it, so that the thread that draws need not.

use super::content::TileContent;
use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Makes something of a decoded tile, on a thread of the loader. It may empty the lists of the tile's meshes when it has what it needs of them.
pub type Prepare = fn(&mut TileContent) -> Prepared;

/// Something that can be taken once.
#[derive(Clone)]
pub struct Prepared(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl Prepared {
    pub fn new(made: impl Any + Send) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(made)))))
    }

    /// What was made, if it is a `T` and nobody took it before.
    pub fn take<T: Any>(&self) -> Option<T> {
        let mut made = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        match made.take()?.downcast() {
            Ok(made) => Some(*made),
            Err(other) => {
                *made = Some(other);
                None
            }
        }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_taken_once_and_as_what_it_is() {
        let prepared = Prepared::new(7_u32);
        assert_eq!(prepared.take::<String>(), None);
        assert_eq!((prepared.take::<u32>(), prepared.take::<u32>()), (Some(7), None));
    }
}
