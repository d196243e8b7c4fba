//! glTF decoding on real and damaged bytes.
