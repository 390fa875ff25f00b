//! Tests for stores.
