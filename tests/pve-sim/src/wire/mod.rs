//! The HTTP layer as Proxmox has it: what is refused, how parameters come, how answers look.

mod credentials;
mod decode;
mod listener;
mod multipart;
mod reply;
mod request;
mod response;
mod service;
mod stream;

pub(crate) use decode::{Given, decode_pairs};
pub(crate) use listener::Listener;
pub(crate) use reply::{ApiError, ApiResult, Reply};
