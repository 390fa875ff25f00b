//! What a database keeps on disk for each subject.
