//! One step of work ahead of another.

use super::CityError;
use crossbeam_channel::bounded;

/// Takes what [`ahead`] makes; `false` when nothing more is wanted.
pub(super) type Send<'a, T> = dyn FnMut(T) -> bool + 'a;

/// Runs `make` on a thread of its own while `take` works on what it sent before; one value waits between them, so memory is bounded.
///
/// # Errors
/// The first of the two.
pub(super) fn ahead<T: std::marker::Send>(
    make: impl FnOnce(&mut Send<T>) -> Result<(), CityError> + std::marker::Send,
    mut take: impl FnMut(T) -> Result<(), CityError>,
) -> Result<(), CityError> {
    if rayon::current_thread_index().is_some() {
        // A worker of the pool that waits for work of the pool might wait for ever.
        return in_turn(make, take);
    }
    std::thread::scope(|scope| {
        let (send, receive) = bounded(1);
        let maker = scope.spawn(move || make(&mut |value| send.send(value).is_ok()));
        let taken = receive.iter().try_for_each(&mut take);
        // Tells the maker that nobody takes any more.
        drop(receive);
        let made = maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.and(made)
    })
}

fn in_turn<T>(
    make: impl FnOnce(&mut Send<T>) -> Result<(), CityError>,
    mut take: impl FnMut(T) -> Result<(), CityError>,
) -> Result<(), CityError> {
    let mut taken = Ok(());
    let made = make(&mut |value| {
        taken = take(value);
        taken.is_ok()
    });
    taken.and(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn count_to(n: u32, stop_at: u32) -> (Vec<u32>, bool) {
        let mut got = Vec::new();
        let make = |send: &mut Send<u32>| {
            let _ = (0..n).all(&mut *send);
            Err(CityError::unusable(Path::new("x"), "made"))
        };
        let told = ahead(make, |i| {
            got.push(i);
            if i == stop_at { Err(CityError::unusable(Path::new("x"), "taken")) } else { Ok(()) }
        });
        let taken = told.unwrap_err().to_string().ends_with("taken");
        (got, taken)
    }

    #[test]
    fn values_come_in_order_and_the_first_error_ends_it() {
        let inside = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for (n, stop_at, expected) in [(5, 9, (vec![0, 1, 2, 3, 4], false)), (1000, 2, (vec![0, 1, 2], true))] {
            assert_eq!(count_to(n, stop_at), expected);
            assert_eq!(inside.install(|| count_to(n, stop_at)), expected);
        }
    }
}
