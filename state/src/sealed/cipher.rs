//! The cipher: AES-256-GCM, with a nonce that follows from a second key and the text: 96 bits of a hash, so that two texts share
//! one only by a chance that no state comes near, and the same text always has the same one. Knows no edits and no stores.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::shared::damaged;
use crate::store::{Damage, StoreError};

pub(super) use super::passage::opened;

/// What every encrypted text begins with.
const MARK: &str = "sealed:";

/// How many bytes a nonce has.
const NONCE: usize = 12;

/// Encrypts and decrypts texts under one key.
pub(super) struct Cipher {
    cipher: Aes256Gcm,
    nonces: Zeroizing<[u8; 32]>,
}

impl Cipher {
    /// The cipher of this key.
    pub(super) fn new(master: &[u8; 32]) -> Self {
        let derived = |label: &[u8]| -> Zeroizing<[u8; 32]> {
            Zeroizing::new(Sha256::new().chain_update(label).chain_update(master).finalize().into())
        };
        let key = derived(b"pgferry state text");
        Self {
            cipher: Aes256Gcm::new((&*key).into()),
            nonces: derived(b"pgferry state nonce"),
        }
    }

    /// Encrypts a text that stands for `what`; decrypted as anything else it is refused.
    pub(super) fn seal(&self, what: &str, text: &str) -> String {
        let digest = Sha256::new()
            .chain_update(*self.nonces)
            .chain_update((what.len() as u64).to_be_bytes())
            .chain_update(what)
            .chain_update(text)
            .finalize();
        let nonce: [u8; NONCE] = std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default());
        let payload = Payload {
            msg: text.as_bytes(),
            aad: what.as_bytes(),
        };
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("no text is near the 64 GiB that the cipher takes");
        format!("{MARK}{}", STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts what was encrypted as `what`.
    pub(super) fn open(&self, what: &str, sealed: &str) -> Result<String, StoreError> {
        let opened = sealed.strip_prefix(MARK).and_then(|digits| {
            let bytes = STANDARD_NO_PAD.decode(digits).ok()?;
            let (nonce, msg) = bytes.split_at_checked(NONCE)?;
            let aad = what.as_bytes();
            let text = self
                .cipher
                .decrypt(Nonce::from_slice(nonce), Payload { msg, aad })
                .ok()?;
            String::from_utf8(text).ok()
        });
        opened.ok_or_else(|| unreadable(what))
    }
}

/// A text that does not come from this key, or was changed.
pub(super) fn unreadable(what: &str) -> StoreError {
    let (what, why) = (
        what.to_owned(),
        "it was not encrypted with this key, or was changed since".to_owned(),
    );
    damaged("an encrypted store", Damage::Meaning { what, why })
}
