//! Who may do what: users, tokens, roles and the list of access rights. Logging in is `login`'s.

use std::collections::BTreeMap;

use super::request::{answers, requests, wire_name};

requests! {
    /// The rights of the caller, by path; of one path, or of another user's, where that is asked for.
    Get "/access/permissions" Permissions () {
        /// This path alone.
        path: Option<String>,
        /// A user or a token other than the caller.
        userid: Option<String>,
    } -> BTreeMap<String, BTreeMap<String, bool>>;

    /// The realms that users are known in.
    Get "/access/domains" Realms () {} -> Vec<Realm>;

    /// The roles.
    Get "/access/roles" Roles () {} -> Vec<Role>;

    /// The privileges of a role, each of which is `1`.
    Get "/access/roles/{roleid}" RolePrivileges (roleid: String) {} -> BTreeMap<String, bool>;

    /// Which role is given to whom on which path.
    Get "/access/acl" AccessList () {} -> Vec<AccessRule>;

    /// The users that the caller may see.
    Get "/access/users" Users () {
        /// Only enabled or disabled ones.
        enabled: Option<bool>,
        /// With their groups and tokens.
        full: Option<bool>,
    } -> Vec<User>;

    /// The API tokens of a user.
    Get "/access/users/{userid}/token" Tokens (userid: String) {} -> Vec<Token>;

    /// One API token, without its secret.
    Get "/access/users/{userid}/token/{tokenid}" TokenInfo (userid: String, tokenid: String) {} -> TokenSettings;
}

answers! {
    /// A realm.
    Realm {
        /// Its name.
        realm: String,
        /// `pam`, `pve`, `ldap`, `ad` or `openid`.
        kind as "type": String,
        /// For people.
        comment: Option<String>,
        /// The second factor that all its users need.
        tfa: Option<String>,
    }

    /// A role.
    Role {
        /// Its name.
        roleid: String,
        /// Its privileges, with commas.
        privs: Option<String>,
        /// Whether it comes with Proxmox VE.
        special: Option<bool>,
    }

    /// A line of the list of access rights.
    AccessRule {
        /// Where it counts.
        path: String,
        /// The role that it gives.
        roleid: String,
        /// `user`, `group` or `token`.
        kind as "type": String,
        /// To whom.
        ugid: String,
        /// Whether it counts below the path, too.
        propagate: Option<bool>,
    }

    /// A user.
    User {
        /// Name and realm.
        userid: String,
        /// Whether it may log in.
        enable: Option<bool>,
        /// When it ceases, in seconds since 1970; 0 for never.
        expire: Option<i64>,
        /// For people.
        comment: Option<String>,
    }

    /// An API token.
    Token {
        /// Its name, without the user.
        tokenid: String,
        /// Whether it has only the rights that are given to itself.
        privsep: Option<bool>,
        /// When it ceases, in seconds since 1970; 0 for never.
        expire: Option<i64>,
        /// For people.
        comment: Option<String>,
    }

    /// What is set of a token.
    TokenSettings {
        /// Whether it has only the rights that are given to itself.
        privsep: Option<bool>,
        /// When it ceases, in seconds since 1970; 0 for never.
        expire: Option<i64>,
        /// For people.
        comment: Option<String>,
    }
}
