//! Azure Resource Manager's words: ids, bodies, calls, operations, errors, and the ports through which they travel.
//! It never sends anything itself.

pub mod body;
pub mod cloud;
pub mod condition;
pub mod error;
pub mod http;
pub mod id;
pub mod migration;
pub mod operation;
pub mod ports;
pub mod source_server;

pub use body::{Body, Draft, Final, MissingOutput, Outputs, Sealed, Stage};
pub use cloud::{Cloud, CloudError, Scope, SubscriptionId, TenantId};
pub use condition::Condition;
pub use error::{ArmError, Conflict, Failure, Retry, ServiceError, TransportError, VaultError};
pub use id::{ArmId, ArmType, Collection};
pub use operation::{Call, CorrelationId, Operation, Query, Verb};
pub use ports::{ArmRead, ArmWrite, Found, VaultRead};
pub use source_server::SourceServer;
