//! `--header` of everything that opens a tileset.

use crate::tiles::Headers;

/// Where the headers are when they should not be seen in the list of processes.
const VARIABLE: &str = "YIPING_TILE_HEADERS";

#[derive(clap::Args)]
pub struct HeaderArgs {
    /// Sent with every request to the tileset's server and to no other, such as 'Authorization: Bearer ...'; may be given several times.
    ///
    /// Other users of a machine can see what a process was started with; the variable YIPING_TILE_HEADERS, one header a line, they can't.
    #[arg(long = "header", global = true, value_name = "NAME: VALUE", env = VARIABLE, hide_env_values = true, value_delimiter = '\n')]
    lines: Vec<String>,
}

impl HeaderArgs {
    /// # Errors
    /// For a line that is no header; what is in it is not told.
    pub fn headers(&self) -> anyhow::Result<Headers> {
        let lines: Vec<&String> = self.lines.iter().filter(|line| !line.trim().is_empty()).collect();
        Headers::parse(&lines).map_err(|why| anyhow::anyhow!("--header: {why}"))
    }

    /// Hands them on to a process of one's own, unseen.
    #[cfg(feature = "screen")]
    pub fn pass_on(&self, command: &mut std::process::Command) {
        if !self.lines.is_empty() {
            command.env(VARIABLE, self.lines.join("\n"));
        }
    }
}
