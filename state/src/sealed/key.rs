//! Keys, and what a state says about the one that it was encrypted with: how a passphrase becomes a key, and a text by which a
//! wrong key is known. Never holds a passphrase in anything that can be shown or stored.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cipher::{Cipher, unreadable};
use crate::hex;
use crate::snapshot::{Record, RecordKey, Revision, Serial, Snapshot};
use crate::store::{Edit, StoreError};

/// What encrypts a state.
#[derive(Clone)]
pub struct SealKey(Source);

#[derive(Clone)]
enum Source {
    Passphrase(Arc<Zeroizing<String>>),
    Key(Arc<Zeroizing<[u8; 32]>>),
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 random bytes, as 64 hexadecimal digits or in base64")]
pub struct KeyTextError;

impl SealKey {
    /// A passphrase, of which a key is made at a price that makes guessing slow.
    pub fn passphrase(text: &str) -> Self {
        Self(Source::Passphrase(Arc::new(Zeroizing::new(text.to_owned()))))
    }

    /// A key: 32 random bytes, as 64 hexadecimal digits or in base64.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn key(text: &str) -> Result<Self, KeyTextError> {
        let of_base64 = || <[u8; 32]>::try_from(Zeroizing::new(STANDARD.decode(text).ok()?).as_slice()).ok();
        let bytes = hex::decode::<32>(&text.to_lowercase()).or_else(of_base64);
        Ok(Self(Source::Key(Arc::new(Zeroizing::new(bytes.ok_or(KeyTextError)?)))))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(hidden)")
    }
}

/// The key that a state is encrypted with, where there is one, and those that it may have been encrypted with before.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    current: Option<SealKey>,
    former: Vec<SealKey>,
    known: Arc<Known>,
}

/// Ciphers that were made already: making one of a passphrase is slow on purpose.
#[derive(Default)]
struct Known(Mutex<Vec<Made>>);

/// A cipher, and what it was made of: how, and of which of the keys by its number.
struct Made {
    derivation: Derivation,
    number: usize,
    cipher: Arc<Cipher>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(hidden)")
    }
}

/// What opens a state.
pub(super) enum Opened {
    /// Nothing is encrypted.
    Plain,
    /// The key of now.
    Current(Arc<Cipher>),
    /// A key of before.
    Former(Arc<Cipher>),
}

/// What a state begins to be encrypted with.
pub(super) struct Begun {
    pub(super) cipher: Arc<Cipher>,
    pub(super) header: Header,
}

/// What an encrypted state says about its key. It is stored under a key of its own beside the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    format: u32,
    cipher: String,
    derivation: Derivation,
    /// A known text, encrypted.
    check: String,
}

/// How what was given becomes a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
enum Derivation {
    /// It is one.
    Key,
    /// By Argon2id.
    Passphrase {
        salt: String,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    },
}

const FORMAT: u32 = 1;
const CIPHER: &str = "AES-256-GCM";

/// The text by which a wrong key is known.
const CHECK: &str = "pgferry";

/// What a passphrase costs: 64 MiB and three passes, about a tenth of a second.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;

/// The most that a header may ask for, so that a header that somebody made up cannot stop a machine.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;

/// Where the header is stored. No unit is named like it.
pub(super) fn header_key() -> RecordKey {
    "=encryption"
        .parse()
        .expect("a short text without control characters is a key")
}

impl Keys {
    /// This key, if any; and those of before, which only read.
    pub fn new(current: Option<SealKey>, former: Vec<SealKey>) -> Self {
        Self {
            current,
            former,
            known: Arc::default(),
        }
    }

    /// Whether what is written is to be encrypted.
    pub fn encrypts(&self) -> bool {
        self.current.is_some()
    }

    /// What opens a state with this header.
    pub(super) fn open(&self, header: Option<&Header>) -> Result<Opened, StoreError> {
        let Some(header) = header else { return Ok(Opened::Plain) };
        if self.current.is_none() && self.former.is_empty() {
            return Err(StoreError::Encrypted);
        }
        for (number, key) in self.current.iter().chain(&self.former).enumerate() {
            let Some(cipher) = self.cipher(number, key, &header.derivation)? else {
                continue;
            };
            if cipher.open("check", &header.check).is_ok_and(|text| text == CHECK) {
                let is_current = number == 0 && self.current.is_some();
                return Ok(if is_current {
                    Opened::Current(cipher)
                } else {
                    Opened::Former(cipher)
                });
            }
        }
        let passphrase = matches!(header.derivation, Derivation::Passphrase { .. });
        Err(StoreError::WrongKey { passphrase })
    }

    /// What a state begins with that is to be encrypted.
    pub(super) fn begin(&self) -> Result<Option<Begun>, StoreError> {
        let Some(key) = &self.current else { return Ok(None) };
        let derivation = match &key.0 {
            Source::Key(_) => Derivation::Key,
            Source::Passphrase(_) => Derivation::Passphrase {
                salt: fresh_salt(),
                memory_kib: MEMORY_KIB,
                passes: PASSES,
                lanes: 1,
            },
        };
        let cipher = self.cipher(0, key, &derivation)?.ok_or(StoreError::Encrypted)?;
        let check = cipher.seal("check", CHECK);
        let header = Header {
            format: FORMAT,
            cipher: CIPHER.to_owned(),
            derivation,
            check,
        };
        Ok(Some(Begun { cipher, header }))
    }

    /// The cipher of the key of this number; `None` where a key is of the other sort.
    fn cipher(&self, number: usize, key: &SealKey, derivation: &Derivation) -> Result<Option<Arc<Cipher>>, StoreError> {
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known
            .iter()
            .find(|made| made.number == number && made.derivation == *derivation);
        if let Some(Made { cipher, .. }) = made {
            return Ok(Some(Arc::clone(cipher)));
        }
        let Some(master) = derived(key, derivation)? else {
            return Ok(None);
        };
        let cipher = Arc::new(Cipher::new(&master));
        known.push(Made {
            derivation: derivation.clone(),
            number,
            cipher: Arc::clone(&cipher),
        });
        Ok(Some(cipher))
    }
}

/// The key that becomes of what was given; `None` where that is of the other sort.
fn derived(key: &SealKey, derivation: &Derivation) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
    match (&key.0, derivation) {
        (Source::Key(bytes), Derivation::Key) => Ok(Some(Zeroizing::new(***bytes))),
        (
            Source::Passphrase(text),
            Derivation::Passphrase {
                salt,
                memory_kib,
                passes,
                lanes,
            },
        ) => {
            let strange = || unreadable("what it says about its encryption");
            if *memory_kib > MOST_MEMORY_KIB || *passes > MOST_PASSES || *lanes > 16 {
                return Err(strange());
            }
            let salt: [u8; 16] = hex::decode(salt).ok_or_else(strange)?;
            let parameters = Params::new(*memory_kib, *passes, *lanes, Some(32)).map_err(|_| strange())?;
            let mut master = Zeroizing::new([0; 32]);
            Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
                .hash_password_into(text.as_bytes(), &salt, master.as_mut_slice())
                .map_err(|_| strange())?;
            Ok(Some(master))
        }
        (Source::Key(_), Derivation::Passphrase { .. }) | (Source::Passphrase(_), Derivation::Key) => Ok(None),
    }
}

/// Sixteen bytes that no other state has.
fn fresh_salt() -> String {
    let digest = Sha256::new()
        .chain_update(Uuid::new_v4())
        .chain_update(Uuid::new_v4())
        .finalize();
    let salt: [u8; 16] = std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default());
    hex::encode(&salt)
}

impl Header {
    /// What a stored state says; `None` where it is not encrypted.
    pub(super) fn of(stored: &Snapshot) -> Result<Option<Self>, StoreError> {
        let Some(record) = stored.records.get(&header_key()) else {
            return Ok(None);
        };
        let header: Self = serde_json::from_value(record.document.clone())
            .map_err(|_| unreadable("what it says about its encryption"))?;
        if header.format != FORMAT || header.cipher != CIPHER {
            return Err(unreadable("what it says about its encryption"));
        }
        Ok(Some(header))
    }

    pub(super) fn edit(&self) -> Edit {
        Edit::Put {
            key: header_key(),
            document: self.document(),
        }
    }

    pub(super) fn record(&self, serial: Serial) -> Record {
        Record {
            revision: Revision::new(serial.get()),
            document: self.document(),
        }
    }

    fn document(&self) -> Value {
        serde_json::to_value(self).expect("values with string keys always have a JSON text")
    }
}
