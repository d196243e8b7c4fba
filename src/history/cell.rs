//! Datastreams in the hexagons of H3 (h3geo.org), by their places.

use super::{CELL_RESOLUTION, HistoryError};
use crate::model::observation::Datastream;
use h3o::{CellIndex, LatLng, Resolution};

/// # Errors
/// [`HistoryError::Query`] beyond 15.
pub(super) fn resolution(resolution: u8) -> Result<Resolution, HistoryError> {
    Resolution::try_from(resolution).map_err(|_| HistoryError::Query {
        what: "the resolution of hexagons",
        value: resolution.to_string(),
        mend: "H3 has resolutions 0 to 15",
    })
}

/// The cell a datastream stands in; none for one without a place on Earth.
///
/// Coarser than [`CELL_RESOLUTION`] it is the cell that holds the one of that resolution, so that roll-ups and readings agree.
pub(super) fn of(datastream: &Datastream, resolution: Resolution) -> Option<u64> {
    let place = LatLng::new(datastream.lat, datastream.lon).ok()?;
    if u8::from(resolution) >= CELL_RESOLUTION {
        return Some(place.to_cell(resolution).into());
    }
    parent(place.to_cell(Resolution::try_from(CELL_RESOLUTION).ok()?).into(), resolution)
}

/// The coarser cell that holds `cell`. H3 nests by index, not quite by outline: a place near an edge may lie in the neighbour.
pub(super) fn parent(cell: u64, resolution: Resolution) -> Option<u64> {
    CellIndex::try_from(cell).ok()?.parent(resolution).map(u64::from)
}
