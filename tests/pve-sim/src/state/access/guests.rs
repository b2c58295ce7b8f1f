//! On which guests somebody has a privilege, for lists of tens of thousands of them.

use std::collections::BTreeMap;

use super::caller::Caller;
use super::store::Access;

/// Answers for each guest what [`Access::any`] would, without resolving its rights one by one.
pub(crate) struct GuestRights {
    /// On guests that the list doesn't name and that are in no pool.
    others: bool,
    named: BTreeMap<u32, bool>,
}

impl GuestRights {
    pub(crate) fn hold_on(&self, vmid: u32) -> bool {
        self.named.get(&vmid).copied().unwrap_or(self.others)
    }
}

impl Access {
    /// On which guests the caller has one of the privileges.
    pub(crate) fn on_guests(&self, caller: &Caller, privileges: &[&str]) -> GuestRights {
        if self.is_unlimited(caller) {
            return GuestRights {
                others: true,
                named: BTreeMap::new(),
            };
        }
        let on_path = |path: &str| self.any(caller, path, privileges);
        let below = |path: &str| path.strip_prefix("/vms/").and_then(|id| id.parse().ok());
        let listed = self.acl.paths().filter_map(below);
        let named = listed.chain(self.pools.guests());
        GuestRights {
            // No guest has the number 0.
            others: on_path("/vms/0"),
            named: named
                .map(|vmid| (vmid, on_path(&format!("/vms/{vmid}"))))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::acl::Subject;
    use super::super::store::User;
    use super::*;
    use crate::release::Release;

    #[test]
    fn guests_of_the_list_and_of_pools_are_told_apart_from_the_others() {
        let mut access = Access::new(Release::V9_2);
        access.users.insert("a@pve".to_owned(), User::default());
        access.pools.create("web", None);
        access.pools.add_guest(101, "web");
        access
            .acl
            .grant("/pool/web", Subject::User, "a@pve", "PVEAuditor", true);
        access
            .acl
            .grant("/vms/100", Subject::User, "a@pve", "PVEAuditor", true);
        let caller = Caller("a@pve".to_owned());
        let seen = |access: &Access| {
            let rights = access.on_guests(&caller, &["VM.Audit"]);
            [100, 101, 102].map(|vmid| rights.hold_on(vmid))
        };
        assert_eq!(seen(&access), [true, true, false]);
        access
            .acl
            .grant("/vms", Subject::User, "a@pve", "PVEAuditor", true);
        access
            .acl
            .grant("/vms/100", Subject::User, "a@pve", "NoAccess", true);
        assert_eq!(seen(&access), [false, true, true]);
    }
}
