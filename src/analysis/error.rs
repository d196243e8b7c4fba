//! Why a question has no answer, in words with the mend.

use crate::tiles::TileError;

/// What stands against an answer.
#[derive(thiserror::Error, Debug)]
pub enum AnalysisError {
    #[error(transparent)]
    Open(#[from] TileError),
    #[error("the tileset at {address} can't be read: {why}")]
    Unread { address: String, why: String },
    #[error("nothing of the package lies at {lon:.5}, {lat:.5}; {covers}")]
    Outside { lon: f64, lat: f64, covers: String },
    #[error("there is no ground of the package at {lon:.6}, {lat:.6}; give a height too, as in {lon:.6},{lat:.6},30")]
    NoGround { lon: f64, lat: f64 },
    #[error(
        "the finest tiles there need more than is left of the {limit_mb} MB that tiles may take; ask for a smaller piece, or allow more (`analyse --memory`)"
    )]
    Memory { limit_mb: usize },
    #[error("tiles stopped arriving after {seconds} s, {pending} are still awaited")]
    Stalled { seconds: u64, pending: usize },
    #[error("{0}")]
    Input(String),
    #[error("no building stands at {lon:.6}, {lat:.6}; take a point on a roof, give --object, or a --radius around the point")]
    NoBuilding { lon: f64, lat: f64 },
    #[error("no object {id:?} is in the piece of the city that was read; the point has to lie near it")]
    NoObject { id: String },
}
