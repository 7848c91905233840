//! Laws, tried on random input.

mod exchange;
mod lineage;
