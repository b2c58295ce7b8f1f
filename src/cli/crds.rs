//! `drover crds`: the definitions of the kinds as YAML.

use std::{fs, path::PathBuf};

use anyhow::Context;

use super::say;
use crate::api;

/// The flags of `drover crds`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write one file a kind into this directory, or all to standard output (`-`)
    #[arg(long, env = "DROVER_CRDS_DIR", value_name = "DIR", default_value = "-")]
    dir: PathBuf,
}

pub(super) fn main(arguments: &Args) -> anyhow::Result<()> {
    let to_stdout = arguments.dir.as_os_str() == "-";
    if !to_stdout {
        let directory = &arguments.dir;
        fs::create_dir_all(directory).with_context(|| format!("can't make {}", directory.display()))?;
    }
    for crd in api::crds() {
        let text = serde_saphyr::to_string(&crd).context("can't write a definition as YAML")?;
        if to_stdout {
            say(&format!("---\n{text}"));
            continue;
        }
        // `proxmoxnodes.drover.dev` in a file of its plural name.
        let file = arguments.dir.join(format!("{}.yaml", crd.spec.names.plural));
        fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}
