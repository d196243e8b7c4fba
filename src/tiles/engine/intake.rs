//! What the loader brings, put in its place: content to upload, more of the tree, or a failure.

use super::{Failure, Frame, Resident, Tileset};
use crate::tiles::content::TileContent;
use crate::tiles::error::TileError;
use crate::tiles::kept::KeptTile;
use crate::tiles::loader::{Answer, Payload};
use crate::tiles::select::LoadState;
use crate::tiles::tree::{TileId, TileTree};
use glam::DVec3;
use std::sync::Arc;

impl Tileset {
    pub(super) fn take_answers(&mut self, frame: &mut Frame) {
        let mut uploaded = 0;
        while uploaded < self.upload_bytes_max {
            let Some(answer) = self.loader.poll() else { break };
            let Answer { tile, result, room } = answer;
            *self.answered.entry(tile).or_default() += 1;
            let taken = result.and_then(|payload| self.take(tile, payload, frame));
            // Only now: in between nobody else may take its place in the budget.
            drop(room);
            match taken {
                Ok(Some(content)) => {
                    uploaded += content.bytes;
                    frame.loaded.push((tile, content));
                }
                Ok(None) => {}
                Err(error) => self.fail(tile, error, frame),
            }
        }
    }

    /// Puts what was loaded in its place; gives the content to upload, if there is any.
    fn take(&mut self, id: TileId, payload: Payload, frame: &mut Frame) -> Result<Option<Arc<TileContent>>, TileError> {
        let url = self.loader_url(id);
        if let Some(subtree) = payload.subtree {
            self.tree.graft_subtree(id, subtree).map_err(|f| f.at(&url))?;
            self.loads[id.index()] = if self.tree.tile(id).is_empty() { LoadState::Empty } else { LoadState::Absent };
            self.grow();
            return Ok(None);
        }
        // Tilesets come back with an evicted content too; they are in the tree already.
        if self.tree.tile(id).children.is_empty() {
            for fragment in payload.tilesets {
                self.tree.graft(id, fragment).map_err(|f| f.at(&url))?;
            }
            self.grow();
        }
        let Some(content) = payload.content.filter(|c| !c.meshes.is_empty()) else {
            self.loads[id.index()] = LoadState::Empty;
            return Ok(None);
        };
        if !self.make_room(content.bytes, frame) {
            if content.bytes > self.share.standing().max {
                let what = format!("a tile of {} MiB, more than all tiles together may take", content.bytes >> 20);
                return Err(TileError::Unsupported { url, what, mend: "give tiles more memory, or divide the tile".to_owned() });
            }
            // It comes again when there is room, or something coarser instead.
            self.turned_away = true;
            return Ok(None);
        }
        content.notes.iter().for_each(|note| self.said.note(note, &url));
        let kept = Arc::new(payload.kept.unwrap_or_else(|| KeptTile::of(&content)));
        if id == TileTree::ROOT {
            // A content was opened by itself: only now is known how far it reaches.
            let corners: Vec<DVec3> = kept.world_corners().collect();
            self.tree.bound_root(&corners);
        }
        let content = Arc::new(content);
        self.loads[id.index()] = LoadState::Ready;
        self.resident_bytes += content.bytes;
        if let Some(old) = self.resident.insert(id, Resident { content: kept, used: self.update }) {
            self.resident_bytes -= old.content.bytes;
        }
        self.share.set_resident(self.resident_bytes);
        Ok(Some(content))
    }

    fn grow(&mut self) {
        let known = self.loads.len();
        self.loads.extend((known..self.tree.len()).map(|i| match self.tree.tile(TileId(i as u32)).is_empty() {
            true => LoadState::Empty,
            false => LoadState::Absent,
        }));
    }

    fn fail(&mut self, tile: TileId, error: TileError, frame: &mut Frame) {
        self.loads[tile.index()] = LoadState::Failed;
        let failure = Failure { tile, uri: self.loader_url(tile), error };
        self.said.fail(failure.clone());
        frame.failed.push(failure);
    }

    fn loader_url(&self, id: TileId) -> String {
        let tile = self.tree.tile(id);
        tile.contents.first().map(|c| c.url.clone()).or_else(|| tile.subtree.as_ref().map(|s| s.implicit.url.clone())).unwrap_or_default()
    }
}
