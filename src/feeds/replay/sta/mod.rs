//! What the platform answers SensorThings requests from.

mod store;
#[cfg(test)]
mod tests;

pub use store::Store;
