//! Every statement of the store in PostgreSQL, for one state. Each is complete in itself: no setting, prepared statement or
//! transaction outlives it, so that a pooler may put each on another connection.

use sha2::{Digest, Sha256};

use super::StateName;

/// The statements for one state. `$1` is always its name.
pub(super) struct Statements {
    pub(super) name: String,
    /// Which advisory lock is this state's.
    pub(super) lock_key: i64,
    /// Whether both tables are there, and whether texts of every language can be kept.
    pub(super) examine: String,
    /// Makes schema and tables.
    pub(super) create: String,
    /// Makes the state's row: `$2` format.
    pub(super) settle: String,
    /// Everything at one moment.
    pub(super) load: String,
    /// Format, holder, token, and whether the holder gives signs of life.
    pub(super) look: String,
    /// `$2` token, `$3` holder, `$4` guard, `$5` lease in seconds, `$6` whether the advisory lock is ours.
    pub(super) take: String,
    /// `$2` the longest that a lease may last, in seconds.
    pub(super) shorten: String,
    /// `$2` token, `$3` guard, `$4` lease in seconds.
    pub(super) resume: String,
    /// `$2` token, `$3` lease in seconds.
    pub(super) renew: String,
    /// `$2` token, `$3` fence, `$4` serial before, `$5` serial, `$6` checksum, `$7` lease in seconds, `$8` keys that go,
    /// `$9` keys, `$10` revisions and `$11` contents of the rows that stand.
    pub(super) write: String,
    /// `$2` token, `$3` the advisory lock or none.
    pub(super) release: String,
    /// `$2` token.
    pub(super) break_lock: String,
}

impl Statements {
    pub(super) fn of(state: &StateName) -> Self {
        let StateName { schema, name } = state;
        let (state, row) = (format!("\"{schema}\".state"), format!("\"{schema}\".state_row"));
        let until = |seconds: &str| format!("clock_timestamp() + {seconds} * interval '1 second'");
        Self {
            name: name.clone(),
            lock_key: lock_key(schema, name),
            examine: format!(
                "SELECT to_regclass('{state}') IS NOT NULL AND to_regclass('{row}') IS NOT NULL AS complete, \
                 current_setting('server_encoding') AS encoding"
            ),
            // Two that make them at once would trip over each other; the lock ends with the transaction.
            create: format!(
                "BEGIN; SELECT pg_advisory_xact_lock({key}); \
                 CREATE SCHEMA IF NOT EXISTS \"{schema}\"; \
                 CREATE TABLE IF NOT EXISTS {state} (\
                   name text PRIMARY KEY, format integer NOT NULL, serial bigint NOT NULL, checksum text NOT NULL, \
                   token text NOT NULL DEFAULT '', fence bigint NOT NULL DEFAULT 0, \
                   holder text, guard text, lease_until timestamptz); \
                 CREATE TABLE IF NOT EXISTS {row} (\
                   state text NOT NULL REFERENCES {state} ON DELETE CASCADE, key text COLLATE \"C\" NOT NULL, \
                   revision bigint NOT NULL, content text NOT NULL, PRIMARY KEY (state, key)); \
                 COMMIT",
                key = lock_key(schema, "")
            ),
            settle: format!(
                "INSERT INTO {state} (name, format, serial, checksum) VALUES ($1, $2, 0, '') \
                 ON CONFLICT (name) DO NOTHING"
            ),
            load: format!(
                "SELECT s.format, s.serial, s.checksum, r.key, r.revision, r.content FROM {state} s \
                 LEFT JOIN {row} r ON r.state = s.name WHERE s.name = $1"
            ),
            look: format!(
                "SELECT format, holder, token, coalesce(lease_until >= clock_timestamp(), false) AND \
                 (guard IS DISTINCT FROM 'session' OR EXISTS (\
                   SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted \
                   AND ((l.classid::bigint << 32) | l.objid::bigint) = {})) AS alive \
                 FROM {state} WHERE name = $1",
                lock_key(schema, name)
            ),
            take: format!(
                "UPDATE {state} SET token = $2, fence = fence + 1, holder = $3, guard = $4, lease_until = {} \
                 WHERE name = $1 AND (holder IS NULL OR lease_until < clock_timestamp() OR (guard = 'session' AND $6)) \
                 RETURNING fence",
                until("$5")
            ),
            // A lease that ends later than any can was given before the server's clock was set back. Its holder may live, and
            // then renews it; from one that died it is not kept for hours.
            shorten: format!(
                "UPDATE {state} SET lease_until = {until} WHERE name = $1 AND lease_until > {until}",
                until = until("$2")
            ),
            resume: format!(
                "UPDATE {state} SET fence = fence + 1, guard = $3, lease_until = {} WHERE name = $1 AND token = $2 \
                 RETURNING fence, serial, checksum",
                until("$4")
            ),
            renew: format!(
                "UPDATE {state} SET lease_until = {} WHERE name = $1 AND token = $2 RETURNING fence",
                until("$3")
            ),
            // A server that may forget what it answered is told to remember this.
            write: format!(
                "WITH held AS (\
                   UPDATE {state} SET serial = $5, checksum = $6, lease_until = {} \
                   WHERE name = $1 AND token = $2 AND fence = $3 AND serial = $4 RETURNING name), \
                 gone AS (DELETE FROM {row} r USING held WHERE r.state = held.name AND r.key = ANY($8)), \
                 stands AS (\
                   INSERT INTO {row} (state, key, revision, content) \
                   SELECT held.name, n.key, n.revision, n.content \
                   FROM held, unnest($9::text[], $10::bigint[], $11::text[]) AS n(key, revision, content) \
                   ON CONFLICT (state, key) DO UPDATE SET revision = excluded.revision, content = excluded.content) \
                 SELECT count(*) AS written, set_config('synchronous_commit', \
                   CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
                   ELSE current_setting('synchronous_commit') END, true) AS durable FROM held",
                until("$7")
            ),
            release: format!(
                "UPDATE {state} SET token = '', fence = fence + 1, holder = NULL, guard = NULL, lease_until = NULL \
                 WHERE name = $1 AND token = $2 RETURNING $3::bigint IS NULL OR pg_advisory_unlock($3)"
            ),
            break_lock: format!(
                "UPDATE {state} SET token = '', fence = fence + 1, holder = NULL, guard = NULL, lease_until = NULL \
                 WHERE name = $1 AND token = $2 RETURNING fence"
            ),
        }
    }
}

fn lock_key(schema: &str, name: &str) -> i64 {
    let digest = Sha256::digest(format!("pgferry {schema}/{name}").as_bytes());
    digest.iter().take(8).fold(0, |key, byte| (key << 8) | i64::from(*byte))
}
