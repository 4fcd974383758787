//! Any place, with everything in it encrypted: the same promises hold.

use std::sync::Arc;

use super::conformance::Lab;
use crate::sealed::{Keys, SealKey, SealedStore};
use crate::store::Store;

/// A place whose store encrypts.
pub struct Sealed<L>(pub L);

impl<L: Lab> Lab for Sealed<L> {
    fn store(&self) -> Box<dyn Store> {
        let key = SealKey::key(&"5a".repeat(32)).expect("64 hexadecimal digits are a key");
        Box::new(SealedStore::new(
            Arc::from(self.0.store()),
            Keys::new(Some(key), Vec::new()),
        ))
    }

    async fn prepare(&self) {
        self.0.prepare().await;
    }

    async fn pretend_newer(&self) {
        self.0.pretend_newer().await;
    }
}
