//! The token by which a run learns that it shall stop. It catches no signal; the command line does.

use tokio::sync::watch;

/// Asks one or more runs to stop.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<Asked>);

/// Tells a run whether it shall stop: start nothing new, record, let the lock go, return within two seconds.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<Asked>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ToGoOn,
    ToStop,
}

impl Interrupter {
    /// A sender and the token that listens to it.
    pub fn new() -> (Self, Interrupt) {
        let (sender, receiver) = watch::channel(Asked::ToGoOn);
        (Self(sender), Interrupt(receiver))
    }

    /// Asks to stop. Once asked, there is no way back.
    pub fn interrupt(&self) {
        self.0.send_replace(Asked::ToStop);
    }
}

impl Interrupt {
    /// Whether it was asked to stop.
    pub fn is_set(&self) -> bool {
        *self.0.borrow() == Asked::ToStop
    }

    /// Returns once it is asked to stop; never, when nobody can ask any more.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked == Asked::ToStop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
