//! Which study is meant.

use std::path::Path;

use anyhow::anyhow;
use ripieno_rpc::StudyStatus;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure, clean};

use crate::researcher::Remote;
use crate::simulate::read_study;

/// The study of this digest, beginning of a digest, or file.
pub(crate) async fn digest(remote: &mut Remote, name: &str) -> Result<Digest, Failure> {
    if super::is_file(name) {
        return Ok(read_study(Path::new(name))?.digest());
    }
    if let Ok(digest) = serde_json::from_value(name.to_ascii_lowercase().into()) {
        return Ok(digest);
    }
    among(&remote.list().await?, name)
}

/// The one study whose digest begins so.
fn among(studies: &[StudyStatus], name: &str) -> Result<Digest, Failure> {
    let refuse = |error| {
        Err(Failure::new(Exit::Refused, error).next("ripieno study list shows your studies"))
    };
    let begins = |digest: &Digest| digest.to_string().starts_with(&name.to_ascii_lowercase());
    let mut fitting = studies.iter().filter_map(digest_of).filter(begins);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => refuse(anyhow!("no study of yours begins with {:?}", clean(name, 80))),
        (Some(_), Some(_)) => refuse(anyhow!("more than one study begins with {name:?}")),
    }
}

/// The digest in a status; `None` where it has not 32 bytes.
pub(crate) fn digest_of(status: &StudyStatus) -> Option<Digest> {
    <[u8; 32]>::try_from(status.study.as_ref()).ok().map(Digest::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unambiguous_beginning_names_a_study() {
        let of = |byte: u8| {
            let study = bytes::Bytes::from([0xab, byte].repeat(16));
            StudyStatus { study, ..StudyStatus::default() }
        };
        let studies = [of(1), of(2), StudyStatus::default()];
        assert_eq!(Some(among(&studies, "AB01").unwrap()), digest_of(&studies[0]));
        for (name, why) in [("ab", "more than one"), ("ac", "no study"), ("ab03", "no study")] {
            let failure = among(&studies, name).unwrap_err();
            assert_eq!(failure.exit(), Exit::Refused);
            assert!(failure.text().contains(why), "{}", failure.text());
        }
    }
}
