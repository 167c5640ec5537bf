//! The researcher's own commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ripieno_identity::PublicKey;
use ripieno_study::Digest;
use ripieno_transport::Fingerprint;
use ripieno_transport::client::Endpoint;

/// Where a researcher's files are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Folder {
    /// Your folder: key, credential, charters [default: ~/.config/ripieno]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ResearcherCommand {
    /// Makes your key, and prints its public half for the steward of your home site
    Init {
        #[command(flatten)]
        folder: Folder,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Joins a federation with the credential that your home site signed
    ///
    /// The steward of your home site gives you all four: what `ripieno site researcher vouch`
    /// prints. Compare the 24 words with the steward before you trust a result.
    #[command(after_help = JOIN_EXAMPLE)]
    Join(Box<JoinArgs>),
    /// Shows who you are to the federation, and until when
    Show {
        #[command(flatten)]
        folder: Folder,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

const JOIN_EXAMPLE: &str = "\
Example:
  ripieno researcher join --coordinator ripieno.example.org:8443 \\
    --fingerprint 4D:1A:…:9C --key 90ab…12 --credential credential.txt";

#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// Where the coordinator listens
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) coordinator: Endpoint,
    /// The fingerprint (SHA-256) of the federation's authority
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) fingerprint: Fingerprint,
    /// The coordinator's key, as the charter has it: 64 hexadecimal digits
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(crate) key: PublicKey,
    /// The file with your credential
    #[arg(long, value_name = "FILE")]
    pub(crate) credential: PathBuf,
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A public key in hexadecimal digits.
fn key(text: &str) -> Result<PublicKey, String> {
    let text = serde_json::Value::String(text.to_ascii_lowercase());
    let bytes: Digest =
        serde_json::from_value(text).map_err(|_| "a key is 64 hexadecimal digits".to_owned())?;
    PublicKey::from_bytes(bytes.as_bytes()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_point_in_hexadecimal_digits() {
        // RFC 8032, section 7.1, test 1.
        let text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key(text).unwrap().to_string(), text);
        assert_eq!(key(&text.to_uppercase()).unwrap().to_string(), text);
        for bad in ["", "d75a", &"0".repeat(64), &text.replace('d', "g")] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
