//! The custom resources: one file a kind, and the names, labels, annotations and conditions they share.
