//! Laws, tried on random input.

mod exchange;
mod explain;
mod lineage;
mod refresh;
