//! Who there is and what each may: users, groups, tokens, roles, the access control list, pools, and how callers prove
//! who they are. It stands for `user.cfg`, and the rules are those of `PVE::AccessControl` and `PVE::RPCEnvironment`.

mod acl;
mod caller;
mod guests;
mod login;
mod path;
mod pool;
mod privilege;
mod rights;
mod role;
mod seeding;
mod store;
mod ticket;

pub(crate) use acl::Subject;
pub(crate) use caller::{Caller, is_token_name, is_user_id, split_token};
pub(crate) use login::{Attempt, Credentials, Login};
pub(crate) use path::{normal_path, path_is_valid};
pub(crate) use pool::Pool;
pub(crate) use privilege::Privileges;
pub(crate) use role::privilege;
pub(crate) use store::{Access, Group, Realm, Role, Token, User};
