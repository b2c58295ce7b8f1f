//! What must hold for any bytes that a host might send: the bodies of the fuzz targets, one a file. The project's
//! own tests run them too, for some thousand inputs (`tests/it/fuzz.rs`).

mod domains;
mod http_answers;
mod property_strings;
mod upids;

pub use domains::domains;
pub use http_answers::http_answers;
pub use property_strings::property_strings;
pub use upids::upids;
