//! Laws, tried on random input.

mod exchange;
mod refresh;
