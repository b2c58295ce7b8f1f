//! The driver against a server made by hand, which says and does what a host might.
