//! The medium with documents for cloud-init as the image of a CD: ISO 9660 with the label `cidata`, with Rock Ridge for Linux
//! and Joliet for Windows, without which the names would be `USER_DAT` and the like.

use std::io::Cursor;
use std::sync::Arc;

use hadris_iso::joliet::JolietLevel;
use hadris_iso::rrip::RripOptions;
use hadris_iso::sync::read::PathSeparator;
use hadris_iso::sync::write::options::{BaseIsoLevel, CreationFeatures, IsoFormatOptions};
use hadris_iso::sync::write::{File, InputFiles, IsoImageWriter};

use crate::plan::seed::Documents;

/// By which cloud-init finds it.
const LABEL: &str = "cidata";

/// Writes the image. The same documents make an image of the same size.
pub fn seed_image(documents: &Documents) -> Result<Vec<u8>, String> {
    let file = |name: &str, text: &str| File::File {
        name: Arc::new(name.to_owned()),
        contents: text.as_bytes().to_vec(),
    };
    let mut files = vec![
        file("meta-data", &documents.meta_data),
        file("user-data", documents.user_data.expose()),
    ];
    if let Some(config) = &documents.network_config {
        files.push(file("network-config", config));
    }
    let options = IsoFormatOptions {
        volume_name: LABEL.to_owned(),
        sector_size: 2048,
        path_separator: PathSeparator::ForwardSlash,
        features: CreationFeatures {
            filenames: BaseIsoLevel::Level1 {
                supports_lowercase: false,
                supports_rrip: true,
            },
            joliet: Some(JolietLevel::Level3),
            rock_ridge: Some(RripOptions::default()),
            ..CreationFeatures::default()
        },
        system_id: None,
        volume_set_id: None,
        publisher_id: None,
        preparer_id: None,
        application_id: None,
        strict_charset: false,
    };
    let files = InputFiles {
        path_separator: PathSeparator::ForwardSlash,
        files,
    };
    let image = IsoImageWriter::create(Cursor::new(Vec::new()), files, options);
    let image = image.map_err(|e| format!("the medium can't be written: {e}"))?;
    Ok(image.into_inner())
}

#[cfg(test)]
mod tests {
    use hadris_iso::sync::read::IsoImage;
    use serde_json::json;

    use super::*;
    use crate::model::{Hardware, SecretText};
    use crate::plan::desired::{self, UserData};
    use crate::plan::seed;

    fn documents(user_data: &str) -> Documents {
        let vm = json!({"apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine", "metadata": {"name": "web"},
            "spec": {"hostRef": {"kind": "ProxmoxNode", "name": "a"}, "cloudInit": {"userDataRef": {"name": "x"}}}});
        let defaults = crate::api::Defaults {
            iso_storage: Some("local".into()),
            ..Default::default()
        };
        let mut desired = desired::resolve(&serde_json::from_value(vm).unwrap(), None, &defaults).unwrap();
        desired.cloud_init.as_mut().unwrap().user_data = Some(UserData {
            version: "1".into(),
            text: SecretText::new(user_data),
        });
        seed::settle(&mut desired, &Hardware::nothing(), uuid::Uuid::from_u128(7));
        let desired::Datasource::Seed(Some(seed)) = desired.cloud_init.unwrap().source else {
            panic!("no medium");
        };
        assert!(seed::is_seed(seed.volume()));
        assert!(
            seed.file_name().starts_with("drover-00000000-"),
            "{}",
            seed.file_name()
        );
        seed.documents().clone()
    }

    #[test]
    fn what_is_written_can_be_read() {
        // Longer than a sector, and no multiple of one.
        let text = format!("#!/bin/sh\n{}\n", "echo hello\n".repeat(400));
        let image = seed_image(&documents(&text)).unwrap();
        assert_eq!(image.get(32769..32774), Some(&b"CD001"[..]));
        assert_eq!(image.get(32808..32814), Some(LABEL.as_bytes()));
        let image = IsoImage::open(Cursor::new(image)).unwrap();
        let root = image.root_dir();
        let mut found = Vec::new();
        for entry in root.iter(&image).entries() {
            let entry = entry.unwrap();
            if entry.is_file() {
                found.push(image.read_file(&entry).unwrap());
            }
        }
        assert_eq!(found.len(), 2);
        assert!(found.contains(&text.into_bytes()));
    }

    #[test]
    fn the_same_documents_make_an_image_of_the_same_size() {
        let size = || seed_image(&documents("#cloud-config\n{}\n")).unwrap().len();
        assert_eq!(size(), size());
        assert!(size().is_multiple_of(2048));
    }
}
