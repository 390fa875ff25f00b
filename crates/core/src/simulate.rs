//! Recorded attempts, replayed through a guard in virtual time.
