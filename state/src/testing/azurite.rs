//! The real emulator of Azure Blob Storage, in a process of its own, with containers and signatures for tests.
//! `tests/run` installs it. Never reaches beyond loopback.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use sha2::{Digest, Sha256};

/// The emulated account.
const ACCOUNT: &str = "pgferry";

/// Its key: a made-up text, as it is long since public.
const KEY: &[u8] = b"the emulator's key protects nothing";

/// Waits for its standard input to close, which the death of the test does too, and then ends the emulator.
const GUARDIAN: &str = r#"node "$@" <&- & child=$!; read -r _; kill -9 "$child""#;

/// A running emulator. It ends when this is dropped, and also when the whole process does.
#[derive(Debug)]
pub struct Azurite {
    guardian: Child,
    scheme: &'static str,
    port: u16,
}

impl Azurite {
    /// Starts one that keeps everything in memory and speaks plain HTTP.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start() -> io::Result<Self> {
        Self::launch("http", &[])
    }

    /// Starts one that speaks TLS with this certificate and key (PEM files) and takes tokens besides signatures.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start_with_tokens(certificate: &str, key: &str) -> io::Result<Self> {
        Self::launch("https", &["--oauth", "basic", "--cert", certificate, "--key", key])
    }

    fn launch(scheme: &'static str, further: &[&str]) -> io::Result<Self> {
        let program = program();
        if !program.is_file() {
            let lacking = format!("`{}` is missing; tests/run installs it", program.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, lacking));
        }
        let mut guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "sh"])
            .arg(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"])
            .args(["--disableTelemetry", "--skipApiVersionCheck", "--silent"])
            .args(further)
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{}", base64(KEY)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = guardian.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut lines = BufReader::new(said).lines();
        for line in lines.by_ref() {
            let line = line?;
            if line.contains("successfully listens") {
                let port = line.rsplit(':').next().and_then(|port| port.trim().parse().ok());
                let port = port.ok_or_else(|| io::Error::other(line))?;
                // What it says later is read too, so that it never waits for a reader.
                thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
                return Ok(Self { guardian, scheme, port });
            }
        }
        Err(io::Error::other("the emulator ended before it listened"))
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of the account as clients have it.
    pub fn endpoint(&self) -> String {
        endpoint(self.scheme, self.port)
    }

    /// A signature over the whole account, for every request that the emulator knows.
    pub fn sas() -> String {
        let (permissions, services, types, expiry) = ("rwdxlacup", "b", "sco", "2099-12-31T00:00:00Z");
        let (protocol, version) = ("https,http", "2021-12-02");
        let text = format!("{ACCOUNT}\n{permissions}\n{services}\n{types}\n\n{expiry}\n\n{protocol}\n{version}\n\n");
        let signature = escaped(&base64(&hmac(KEY, text.as_bytes())));
        format!(
            "sv={version}&ss={services}&srt={types}&sp={permissions}&se={}&spr={}&sig={signature}",
            escaped(expiry),
            escaped(protocol)
        )
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        drop(self.guardian.wait());
    }
}

/// The address of the account, as an emulator behind this port has it.
pub fn endpoint(scheme: &str, port: u16) -> String {
    format!("{scheme}://127.0.0.1:{port}/{ACCOUNT}")
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/azurite/node_modules/azurite/dist/src/blob/main.js")
}

/// HMAC with SHA-256, for a key that is no longer than a block.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let padded = |with: u8| -> Vec<u8> {
        let filled = key.iter().copied().chain(std::iter::repeat(0));
        filled.take(64).map(|byte| byte ^ with).collect()
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain(&[0, 0])
            .take(3)
            .fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place)) & 63);
            text.push(
                digit
                    .filter(|_| place <= group.len())
                    .map_or('=', |digit| char::from(*digit)),
            );
        }
    }
    text
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standards() {
        assert_eq!(
            ["", "f", "fo", "foo"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v"]
        );
        let mac = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(base64(&mac), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }
}
