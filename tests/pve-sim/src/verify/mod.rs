//! Checks parameters against tables written by hand, with Proxmox's own sentences (`PVE::JSONSchema`).

pub(crate) mod access;
mod address;
pub(crate) mod cluster;
mod format;
mod kind;
mod lxc;
mod lxc_devices;
mod param;
mod pattern;
mod properties;
mod qemu;
pub(crate) mod realms;
pub(crate) mod storage;

use std::collections::BTreeMap;

pub use kind::Stated;
/// The drives of a machine.
pub(crate) const DRIVES: Kind = Kind::Slots(&[
    ("ide", 4),
    ("scsi", 31),
    ("virtio", 16),
    ("sata", 6),
    ("efidisk", 1),
    ("tpmstate", 1),
]);
/// Those, and volumes that no drive uses.
pub(crate) const DRIVES_AND_UNUSED: Kind = Kind::Slots(&[
    ("ide", 4),
    ("scsi", 31),
    ("virtio", 16),
    ("sata", 6),
    ("efidisk", 1),
    ("tpmstate", 1),
    ("unused", 256),
]);
/// A list of names of options.
pub(crate) const OPTION_NAMES: Kind = Kind::List(format::config_id_list);
/// A network with its prefix.
pub(crate) const CIDR: Kind = Kind::Format(address::cidr);
pub(crate) use kind::{
    ADDRESS, ALIST, CONFIG_ID, CONTENT, CONTENT_LIST, DNS_NAME, Kind, NODE, POOL, SIZE, STORAGE,
    STORAGE_PAIRS, TEXT, at_least, up_to,
};
pub(crate) use lxc::{
    CT_CONFIG, ct_option_is_known, ct_option_is_number, ct_option_privileges, ct_option_properties,
};
pub(crate) use param::{Param, may, need};
pub(crate) use properties::Properties;
pub(crate) use qemu::{
    CLOUD_INIT_OPTIONS, DELETE_AND_REVERT, DEVICE_OPTIONS, DRIVE_OPTIONS, GENERAL_OPTIONS, HARDWARE_OPTIONS,
    MACHINE, MACHINE_PATTERN, NET, Needs, drive_properties, is_cloud_init, option_is_known, option_is_number,
    option_privileges,
};

use crate::release::Release;
use crate::wire::{ApiError, Given};

/// The parameters of a call after the check: text by name.
pub(crate) type Params = BTreeMap<String, String>;

/// What a parameter that the call doesn't know is answered with.
const UNDEFINED: &str =
    "property is not defined in schema and the schema does not allow additional properties";
const MISSING: &str = "property is missing and it is not optional";

/// Checks what was given against the path's own parameters and the tables, which together hold every parameter that
/// the call knows.
pub(crate) fn verify(
    release: Release,
    of_path: &BTreeMap<String, String>,
    own: &[Param],
    tables: &[&[Param]],
    given: &BTreeMap<String, Given>,
) -> Result<Params, ApiError> {
    let table = || {
        let known = tables.iter().flat_map(|table| table.iter());
        known.filter(|param| param.is_in(release))
    };
    let path_names: Vec<&String> = of_path.keys().collect();
    let mut params = Params::new();
    let mut errors = BTreeMap::new();
    for (name, value) in given {
        let of_path = path_names
            .iter()
            .position(|n| *n == name)
            .and_then(|at| own.get(at));
        let known = of_path.or_else(|| table().find(|param| param.is_named(name)));
        let checked = match known {
            Some(param) => param.check(release, name, value)?,
            None => Err(UNDEFINED.to_owned()),
        };
        match checked {
            Ok(text) => params.insert(name.clone(), text),
            Err(error) => errors.insert(name.clone(), error),
        };
        if let Some(required) = known
            .and_then(Param::required)
            .filter(|r| !given.contains_key(*r))
        {
            errors.insert(
                required.to_owned(),
                format!("missing property required by '{name}'"),
            );
        }
    }
    for param in table() {
        if !param.is_optional() && !given.contains_key(param.name()) {
            errors.insert(param.name().to_owned(), MISSING.to_owned());
        }
    }
    if errors.is_empty() {
        Ok(params)
    } else {
        Err(ApiError::parameters(errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Param] = &[
        may("checksum", TEXT).requires("checksum-algorithm"),
        may("checksum-algorithm", Kind::Enum(&["md5", "sha1"])),
        may("new", Kind::Boolean).from(Release::V9_2),
        need("size", Kind::Integer(1, 10)),
    ];

    fn errors(release: Release, given: &[(&str, &str)]) -> String {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Given::Text((*value).to_owned())))
            .collect();
        match verify(release, &BTreeMap::new(), &[], &[TABLE], &given) {
            Ok(params) => format!("{params:?}"),
            Err(error) => format!("{:?}", error.errors()),
        }
    }

    #[test]
    fn a_parameter_can_require_another() {
        let text = errors(Release::V9_2, &[("size", "1"), ("checksum", "ab")]);
        assert_eq!(
            text,
            r#"{"checksum-algorithm": "missing property required by 'checksum'"}"#
        );
    }

    #[test]
    fn a_parameter_of_a_later_release_is_not_known() {
        assert!(errors(Release::V9_2, &[("size", "1"), ("new", "1")]).contains(r#""new": "1""#));
        assert!(errors(Release::V8_4, &[("size", "1"), ("new", "1")]).contains("not defined in schema"));
    }

    #[test]
    fn what_has_to_be_there_is_missed() {
        assert_eq!(
            errors(Release::V9_2, &[]),
            r#"{"size": "property is missing and it is not optional"}"#
        );
    }
}
