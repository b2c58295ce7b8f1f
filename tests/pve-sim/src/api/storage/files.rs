//! The names of files that are uploaded and downloaded.

use crate::wire::ApiError;

/// A name that storages take: no folders, and nothing but letters, digits and `.`, `_`, `-`
/// (`PVE::Storage::normalize_content_filename`).
pub(super) fn normal_name(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    file.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

/// The endings that a kind of content has.
fn endings(content: &str) -> &'static [&'static str] {
    match content {
        "iso" => &[".iso", ".img"],
        "vztmpl" => &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"],
        "import" => &[".ova", ".qcow2", ".raw", ".vmdk"],
        _ => &[],
    }
}

/// The name has one of the endings of its kind, and something before it.
pub(super) fn check_name(content: &str, file: &str) -> Result<(), ApiError> {
    let lower = file.to_ascii_lowercase();
    let fits = |ending: &&&str| {
        let name = if content == "iso" { lower.as_str() } else { file };
        name.len() > ending.len() && name.ends_with(**ending)
    };
    if endings(content).iter().any(|ending| fits(&ending)) {
        Ok(())
    } else {
        Err(ApiError::parameter("filename", "wrong file extension"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_folders_and_its_blanks() {
        assert_eq!(normal_name("../a b.iso"), "a_b.iso");
        assert!(check_name("iso", "x.ISO").is_ok() && check_name("vztmpl", "x.tar.zst").is_ok());
        assert!(check_name("iso", ".iso").is_err() && check_name("iso", "x.txt").is_err());
    }
}
