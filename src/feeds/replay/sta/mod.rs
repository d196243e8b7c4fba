//! The read side of OGC SensorThings API 1.1, part 1 (OGC 18-088): a pure function from store, path and query to JSON.

mod answer;
mod filter;
mod query;
mod store;
#[cfg(test)]
mod tests;
mod value;

pub use answer::{Answer, Answerer, Refusal};
pub use store::Store;
