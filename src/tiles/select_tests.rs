//! Selection on made-up trees: no files, no GPU.
