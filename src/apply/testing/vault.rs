//! A vault in memory, which counts what is read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use crate::arm::{Failure, ServiceError, VaultError, VaultRead};
use crate::secret::{Secret, VaultSecret};

#[derive(Default)]
pub(in crate::apply) struct Vault {
    held: Mutex<BTreeMap<String, String>>,
    /// After so many reads nothing is given any more.
    most: Mutex<Option<usize>>,
    read: Mutex<Vec<String>>,
}

impl Vault {
    /// Gives a secret a new text.
    pub(in crate::apply) fn hold(&self, id: &str, text: &str) {
        self.held.lock().unwrap().insert(id.to_owned(), text.to_owned());
    }

    /// Gives nothing any more after so many reads.
    pub(in crate::apply) fn close_after(&self, reads: usize) {
        *self.most.lock().unwrap() = Some(reads);
    }

    /// What was read, in order.
    pub(in crate::apply) fn read(&self) -> Vec<String> {
        self.read.lock().unwrap().clone()
    }
}

#[async_trait]
impl VaultRead for Vault {
    async fn secret(&self, id: &VaultSecret) -> Result<Secret, VaultError> {
        let reads = {
            let mut read = self.read.lock().unwrap();
            read.push(id.to_string());
            read.len()
        };
        let is_closed = self.most.lock().unwrap().is_some_and(|most| reads > most);
        let held = self.held.lock().unwrap().get(&id.to_string()).cloned();
        let held = held.filter(|_| !is_closed);
        held.map(Secret::new).ok_or_else(|| VaultError {
            id: id.clone(),
            failure: Failure::Refused(Box::new(ServiceError {
                status: 404,
                code: "SecretNotFound".into(),
                message: "not found".into(),
                target: None,
                details: Vec::new(),
                request_id: None,
                retry_after: None,
            })),
        })
    }
}
