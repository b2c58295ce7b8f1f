//! How values of options are stored: cards with an address, tags in order, passwords unreadable.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::release::Release;
use crate::state::{Config, is_net, normalize_tags, with_mac};
use crate::verify::NET;
use crate::wire::ApiError;

/// The value as it is stored by a change; none for one that an empty text removes.
pub(super) fn stored(release: Release, key: &str, value: &str) -> Option<String> {
    match key {
        "tags" => Some(normalize_tags(value)),
        "description" if value.is_empty() => None,
        // An empty line of the file is read back as a blank.
        _ if value.is_empty() => Some(" ".to_owned()),
        "cipassword" => Some(unreadable(value)),
        "vmgenid" if value == "1" => Some(Uuid::new_v4().to_string()),
        "cpuunits" => Some(clamp_shares(release, value)),
        _ if is_net(key) => Some(with_mac(release, &NET.print(value), false)),
        _ => Some(value.to_owned()),
    }
}

/// Version 2 of the kernel's control groups knows no more than 10000 (`PVE::CGroup::clamp_cpu_shares`).
fn clamp_shares(release: Release, value: &str) -> String {
    let shares: u32 = value.parse().unwrap_or(100);
    if release == Release::V7_4 {
        shares.max(2).to_string()
    } else {
        shares.clamp(1, 10_000).to_string()
    }
}

/// A password as `crypt` would write it with SHA-256. What is one already stays. (The hash itself is none that could be
/// checked: nobody logs in.)
fn unreadable(password: &str) -> String {
    const ALPHABET: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let kinds = ["$1$", "$5$", "$6$", "$2a$", "$2y$"];
    if kinds.iter().any(|kind| password.starts_with(kind)) {
        return password.to_owned();
    }
    let spell = |bytes: &[u8]| -> String {
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
        bytes.iter().map(letter).collect()
    };
    let salt = Uuid::new_v4();
    let first = Sha256::new_with_prefix(salt.as_bytes())
        .chain_update(password)
        .finalize();
    let second = Sha256::new_with_prefix(first).finalize();
    let hash = format!("{}{}", spell(&first), spell(&second[..11]));
    format!("$5${}${hash}", spell(&salt.as_bytes()[..8]))
}

/// The public keys of `sshkeys`, which Proxmox has `ssh-keygen` look at.
pub(super) fn check_keys(set: &Config) -> Result<(), ApiError> {
    let Some(keys) = set.get("sshkeys") else {
        return Ok(());
    };
    let kinds = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    let valid = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let kind = words
            .iter()
            .position(|word| kinds.iter().any(|kind| word.starts_with(kind)));
        kind.and_then(|at| words.get(at + 1))
            .is_some_and(|blob| blob.starts_with("AAAA") && blob.len() >= 40)
    };
    let text = decode(keys);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    if lines.all(valid) {
        Ok(())
    } else {
        Err(ApiError::internal("SSH public key validation error"))
    }
}

/// Undoes `%20` and the like.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| byte == b'%');
        let hex = hex.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(decoded) = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(decoded);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_stored_as_it_came() {
        let stored = unreadable("secret");
        assert!(stored.starts_with("$5$") && !stored.contains("secret"));
        assert_eq!(unreadable(&stored), stored);
    }

    #[test]
    fn percent_signs_are_decoded() {
        assert_eq!(decode("a%20b%2Bc%"), "a b+c%");
    }
}
