//! What this process has used of the machine.

/// `mi_option_purge_delay` of mimalloc 2 and 3, which its bindings don't name: milliseconds until freed memory goes back to the system.
pub const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// mimalloc's own, for programs that draw.
#[cfg(feature = "screen")]
const PURGE_DELAY_MS: std::ffi::c_long = 10;

/// Highest resident memory so far, MiB (`VmHWM` of `/proc/self/status`); 0 where the system does not tell.
pub fn peak_rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    parse_kib(&status, "VmHWM:").map_or(0.0, |kib| kib as f64 / 1024.0)
}

/// Memory resident now, MiB, what is shared with other processes counted in parts (`Pss` of `/proc/self/smaps_rollup`); 0 where the system does not tell.
#[cfg(feature = "screen")]
pub fn now_mib() -> f64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    parse_kib(&rollup, "Pss:").map_or(0.0, |kib| kib as f64 / 1024.0)
}

/// Takes memory in small pages: for what draws and for the hub, before they begin.
///
/// Both Rust's allocator and a software rasteriser ask for far more than they use at once; in pages of 2 MiB all of it would count, 160 MiB for the
/// demo city. And where memory is in pieces, the system clears room for such a page while its asker waits: a hub's answer of 60 ms then takes 300.
/// Building packages is quicker with them.
pub fn small_pages() {
    // SAFETY: this operation of prctl takes no addresses.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}

/// Gives what tiles leave back to the system soon: for what draws, before it begins.
#[cfg(feature = "screen")]
pub fn give_back_soon() {
    // SAFETY: not thread safe by its manual, and no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS) };
}

fn parse_kib(status: &str, what: &str) -> Option<u64> {
    status.lines().find_map(|l| l.strip_prefix(what))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t  204800 kB\nVmRSS: 1 kB\n";
        assert_eq!([parse_kib(status, "VmHWM:"), parse_kib(status, "Pss:"), parse_kib("", "VmHWM:")], [Some(204_800), None, None]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_some() {
        assert!(peak_rss_mib() > 1.0);
        #[cfg(feature = "screen")]
        assert!(now_mib() > 1.0 && now_mib() < peak_rss_mib());
    }
}
