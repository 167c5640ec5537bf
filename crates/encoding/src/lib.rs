//! Clip, quantise and pack values into 64-bit lanes; decode the sum.
