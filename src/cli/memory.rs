//! What this process has used of the machine.

/// Highest resident memory so far, MiB (`VmHWM` of `/proc/self/status`); 0 where the system does not tell.
pub fn peak_rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    parse_peak_kib(&status).map_or(0.0, |kib| kib as f64 / 1024.0)
}

fn parse_peak_kib(status: &str) -> Option<u64> {
    status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(parse_peak_kib("VmPeak:\t  9 kB\nVmHWM:\t  204800 kB\nVmRSS: 1 kB\n"), Some(204_800));
        assert_eq!(parse_peak_kib(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_some() {
        assert!(peak_rss_mib() > 1.0);
    }
}
