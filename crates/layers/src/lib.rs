//! Stores that hold a store.
