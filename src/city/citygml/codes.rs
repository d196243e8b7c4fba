//! Code lists: dictionaries beside the file that say in words what a code means.

use super::encoding::Encoding;
use super::namespaces::{Namespaces, split};
use super::tree::{Element, Tree};
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Biggest code list; those of PLATEAU reach 300 kB.
const LIST_BYTES_MAX: u64 = 8 << 20;
/// Most different code lists of one file.
const LISTS_MAX: usize = 1000;

/// What the codes of one list mean.
type List = HashMap<String, String>;

/// The code lists of a file, each read once, when its first code is met.
#[derive(Default)]
pub(super) struct CodeLists {
    folder: PathBuf,
    known: Mutex<HashMap<String, Option<Arc<List>>>>,
}

impl CodeLists {
    pub(super) fn beside(file: &Path) -> Self {
        Self { folder: file.parent().map(Path::to_owned).unwrap_or_default(), known: Mutex::default() }
    }

    /// What a code means; `None` where the list is not beside the file or does not know it.
    pub(super) fn meaning(&self, code_space: &str, code: &str) -> Option<String> {
        let list = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(code_space) {
                Some(list) => list.clone(),
                None if known.len() >= LISTS_MAX => None,
                None => {
                    let list = self.path(code_space).and_then(|path| read(&path)).map(Arc::new);
                    known.insert(code_space.to_owned(), list.clone());
                    list
                }
            }
        };
        list?.get(code).cloned()
    }

    /// Code lists that are named as files and could not be read.
    pub(super) fn missing(&self) -> BTreeSet<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|(name, list)| list.is_none() && self.path(name).is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// Only files beside the city model, by a relative path; nothing is fetched from a network.
    fn path(&self, code_space: &str) -> Option<PathBuf> {
        if code_space.contains(':') || !code_space.contains('.') {
            return None;
        }
        let path = Path::new(code_space);
        let relative = path.components().all(|c| matches!(c, Component::Normal(_) | Component::ParentDir | Component::CurDir));
        relative.then(|| self.folder.join(path))
    }
}

/// A `gml:Dictionary`: definitions with the code as their name and the meaning as their description.
fn read(path: &Path) -> Option<List> {
    let facts = std::fs::metadata(path).ok()?;
    // A pipe would never end.
    if !facts.is_file() || facts.len() > LIST_BYTES_MAX {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let (text, _) = Encoding::of(bytes).ok()?.decode(bytes);
    let tree = Tree::read(&text, &Namespaces::default()).ok()?;
    let root = tree.root().filter(|root| split(root.name()).1.ends_with("Dictionary"))?;
    let definitions = root.descendants().filter(|e| e.name() == "Definition" || e.name() == "DefinitionProxy");
    let said = |e: Element, name: &str| e.child(name).map(|c| c.text().to_owned()).filter(|text| !text.is_empty());
    Some(definitions.filter_map(|d| Some((said(d, "name")?, said(d, "description")?))).collect())
}
