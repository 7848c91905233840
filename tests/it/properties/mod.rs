//! Laws, tried on random input.

mod exchange;
mod explain;
mod refresh;
