//! From a server of the configuration to one that can be dialled, with its password. One that stays in a vault is read right
//! before; where none does, no login to Azure is needed.

use super::Call;
use super::dial::{self, Dialled};
use super::error::CommandError;
use super::project::Project;
use super::session;
use crate::arm::VaultRead as _;
use crate::azure::Connected;
use crate::kind::connect::Server;
use crate::secret::Secrets;

/// Who dials the servers of a project.
pub(crate) struct Dialler<'a> {
    project: &'a Project,
    call: &'a Call<'a>,
    /// The way to vaults, once it was needed.
    connected: Option<Connected>,
}

impl<'a> Dialler<'a> {
    /// For the servers of this project.
    pub(crate) fn of(project: &'a Project, call: &'a Call<'a>) -> Self {
        Self {
            project,
            call,
            connected: None,
        }
    }

    /// A server as it can be dialled, with the password that is given or, where it stays in a vault, as it is there now.
    ///
    /// # Errors
    /// When a vault does not give the password, or for the reasons of [`dial::server`].
    pub(crate) async fn dialled(&mut self, server: &Server, given: &Secrets) -> Result<Dialled, CommandError> {
        let mut secrets = given.clone();
        if let Some(id) = &server.password.vault {
            let connected = match self.connected.take() {
                Some(connected) => connected,
                None => session::connect(self.project, self.call.env, self.call.ui).await?,
            };
            let read = connected.client.secret(id).await;
            self.connected = Some(connected);
            secrets.insert(server.password.clone(), read.map_err(CommandError::Vault)?);
        }
        let dialled =
            dial::server(server, self.project.cloud(), &secrets, self.call.env).map_err(CommandError::Dial)?;
        for note in &dialled.notes {
            self.call.ui.say(&format!("note: {note}\n"));
        }
        Ok(dialled)
    }
}
