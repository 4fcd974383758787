//! The doors to Azure: two to ARM, of which `ArmRead` cannot change anything, and one to secrets in vaults.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::body::{Body, Final};
use super::error::{ArmError, VaultError};
use super::id::{ArmId, Collection};
use super::operation::{Call, Operation};
use crate::secret::{Secret, VaultSecret};

/// What a look at one object found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// There it is.
    Present(Json),
    /// The service says that it does not exist (404).
    Absent,
}

/// Reading.
#[async_trait]
pub trait ArmRead: Send + Sync {
    /// Reads one object.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached; a 404 is an answer, not an error.
    async fn get(&self, id: &ArmId) -> Result<Found, ArmError>;

    /// Reads all members of a collection, following its pages. `None` where the parent does not exist.
    ///
    /// Migrations are listed with filter `All`.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError>;

    /// Runs an action that reads, such as `checkMigrationNameAvailability`.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    async fn ask(&self, id: &ArmId, action: &str, body: &Json) -> Result<Json, ArmError>;
}

/// Changing.
#[async_trait]
pub trait ArmWrite: ArmRead {
    /// Sends a mutating call once it is safe to do so, and answers with what Azure made of it.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached. A conflict that passes comes back at once (`ServiceError::conflict`,
    /// `Failure::asked`), except from an action: whoever was in the way may have changed the object, so look at it before each
    /// try, for as long as `Conflict::patience` says. Where the reply to a PATCH, an action or the creation of a migration
    /// was lost, the call is not repeated, since it may have been applied: look at the object before trying again
    /// (`Failure::retry` then says `AfterConflict`).
    async fn begin(&self, call: &Call, body: Option<&Body<Final>>) -> Result<Operation, ArmError>;

    /// Follows an operation to its end and answers with the object, where there still is one.
    ///
    /// # Errors
    /// When the operation failed, or was not done within `patience`. A failure that is a conflict (status 200 and
    /// `ServiceError::conflict`) passes when the call is begun anew. A refusal with status 404 means that Azure no longer
    /// knows the operation, which it forgets after a while: look at the object.
    async fn finish(&self, operation: Operation, patience: Duration) -> Result<Option<Json>, ArmError>;
}

/// Reading secrets in vaults.
#[async_trait]
pub trait VaultRead: Send + Sync {
    /// Reads a secret as it is at this moment. From then on nothing that is told repeats it; whoever asks drops it once it is
    /// sent.
    ///
    /// # Errors
    /// When the vault refuses or cannot be reached, or the secret is empty.
    async fn secret(&self, id: &VaultSecret) -> Result<Secret, VaultError>;
}
