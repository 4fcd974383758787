//! Every stable code, with what it means and its explanation. Nothing here finds a problem.
//!
//! No other module can make a [`Code`], and one without a file in `explanations/` does not compile.

use super::Code;

/// A code and what is to be said about it.
pub struct Explanation {
    /// The code.
    pub code: Code,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Cause, wrong and right examples, ways out: Markdown of paragraphs and fenced blocks only. The info string of a fence is
    /// `hcl`, then `wrong` or `right` where a test shall try it, then the name of the file where that is not `main.hcl`.
    pub text: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: Code = Code($code);)*

        /// Every code, in order.
        pub static ALL: &[Explanation] = &[$(Explanation {
            code: $name,
            meaning: $meaning,
            text: include_str!(concat!("explanations/", $code, ".md")),
        }),*];
    };
}

/// The explanation of a code; letter case does not matter.
pub fn find(code: &str) -> Option<&'static Explanation> {
    ALL.iter().find(|known| known.code.as_str().eq_ignore_ascii_case(code))
}

codes! {
    STUCK = "B001": "a migration ended badly and is not tried again by itself";
    LEFT_RUNNING = "B002": "a batch left the configuration while its migration runs";
    HELD_BACK = "B003": "something waits for a batch that has not arrived";
    NOT_APPROVABLE = "B004": "an approval names a migration that is not there";
    OTHER_SOURCE = "B005": "what has arrived came from another server than the source is now";
    UNLISTED = "B006": "a migration that was started is not among those that Azure lists";
    LEFT_WAITING = "B007": "a batch left the configuration while its migration waits for a person";
    AS_BEGUN = "B008": "a running migration does otherwise than its batch declares now";
    WINDOW = "B009": "a window does not open in time";

    SYNTAX = "C001": "the text does not follow the grammar";
    UNCLOSED = "C002": "a bracket, quote, comment or heredoc is opened and never closed";
    TOO_LARGE = "C003": "an object, nesting or chain of operators is larger than what is parsed";
    DUPLICATE_ATTRIBUTE = "C004": "an attribute or object key is given twice in one place";
    STRAY_ATTRIBUTE = "C005": "an attribute stands outside of any block";
    LABELS = "C006": "a block has too many or too few labels";
    BAD_NAME = "C007": "a label or name is not an identifier";
    UNKNOWN_BLOCK = "C008": "no block of this kind exists";
    UNKNOWN_ARGUMENT = "C010": "no argument or nested block of this name exists here";
    MISSING_ARGUMENT = "C011": "a required argument is missing";
    DUPLICATE_BLOCK = "C012": "two blocks declare the same thing";
    STRAY_CLOSER = "C013": "a bracket is closed that was never opened";
    UNREADABLE_FILE = "C014": "a file of the configuration cannot be read";
    OVERRIDE = "C015": "an override file changes what nothing declares";

    UNKNOWN_REFERENCE = "C020": "nothing of this name was declared";
    UNKNOWN_ATTRIBUTE = "C021": "the value has no attribute or element of this name";
    BAD_INDEX = "C022": "the value cannot be indexed this way";
    NULL_VALUE = "C023": "null stands where a value is needed";
    BAD_OPERAND = "C024": "an operator does not apply to this value";
    ARITHMETIC = "C025": "a calculation has no result";
    CONDITION = "C026": "a condition is not true or false";
    BRANCHES = "C027": "the two results of a conditional have no common type";
    TEMPLATE = "C028": "a value cannot be put into a text";
    ITERATION = "C029": "a value cannot be walked, or a for expression makes one key twice";
    OBJECT_KEY = "C030": "an object key is not a known text";
    UNKNOWN_FUNCTION = "C031": "no function of this name exists";
    ARGUMENT_COUNT = "C032": "a function is called with too many or too few arguments";
    BAD_ARGUMENT = "C033": "a function cannot work with this argument";
    CALL_FAILED = "C034": "a function has no result for these arguments";
    CONVERSION = "C035": "a value is not of the type that the place wants";
    TYPE_SYNTAX = "C036": "a type constraint is not well formed";

    VARIABLE_UNSET = "C040": "a required variable has no value";
    VARIABLE_UNDECLARED = "C041": "a value is given for a variable that no block declares";
    VARIABLE_INVALID = "C042": "a variable's own validation refuses its value";
    VARIABLE_FILE = "C043": "a file of variable values holds something else";
    LITERAL_SECRET = "C044": "a secret stands in the configuration itself";
    VARIABLE_UNUSED = "C045": "nothing refers to a variable";
    NOT_READ = "C046": "a file looks as if it gave values, but is not read";
    VAULT_SECRET = "C047": "a secret that stays in its vault stands where it cannot be read";

    CYCLE = "C050": "values need each other in a circle";
    FOR_EACH = "C051": "for_each is not a known map, set of texts or object";
    DISABLED = "C052": "a reference names a resource that is not enabled";
    META_ARGUMENT = "C053": "a meta-argument is not well formed";
    CONDITION_FAILED = "C054": "a precondition or postcondition does not hold";
    SENSITIVE_OUTPUT = "C055": "an output shows a sensitive value without saying so";
    EPHEMERAL_KEPT = "C056": "an ephemeral value stands where it would be kept";
    MISPLACED = "C057": "each, self or another name is used where it has no meaning";
    MODULE_SOURCE = "C058": "the source of a module leads nowhere";
    MODULE_LOOP = "C059": "a module calls itself";
    BAD_ADDRESS = "C060": "an address names no resource or module";
    MOVED = "C061": "a moved or removed block contradicts another one or the configuration";
    IMPORT = "C062": "an import block names nothing that can be taken over";

    NOT_ALLOWED = "C104": "a value is outside of what is allowed";
    NOT_KNOWN = "C105": "a value must be known while planning";
    WRONG_REFERENCE = "C106": "a reference names a resource of another kind";
    REPEATED_BLOCK = "C107": "a nested block stands more than once";
    CONFLICT = "C108": "arguments do not go together";
    SENSITIVE_SHOWN = "C111": "a sensitive value stands where it would be stored and shown";
    NO_DEFAULT = "C112": "neither the block nor the azure block says where an object lives";
    NOT_A_NAME = "C113": "a text is no cloud, subscription or tenant";
    NO_SUBSCRIPTION = "C114": "nothing says which subscription the project is for";
    VERSION = "C115": "the configuration wants another version of pgferry";
    BACKEND = "C116": "this version has no such state backend";

    UNPROVEN = "C120": "a migration would hold more databases than the service promises to move";

    SAME_OBJECT = "C131": "two resources stand for one object";
    SAME_DATABASE = "C132": "two batches claim one name of a database for one target";

    NOT_THERE = "C140": "an object that must exist does not";
    UNREADABLE = "C141": "an object cannot be read";
    PROTECTED = "C142": "a running migration needs what would be changed";
    STILL_RUNNING = "C143": "destroy meets a migration that is not over";
    TAKEN = "C144": "another migration is moving the database already";
    KEPT = "C145": "prevent_destroy stands in the way";
    IN_THE_WAY = "C146": "an object that is not ours has the name";
    ONE_APPROVAL = "C147": "one approval is given for several migrations";
    NOT_IMPORTABLE = "C148": "an object cannot be taken over";

    MOVE_BLOCKED = "M001": "something is moved to a name that is taken";

    OVERLAP = "N001": "networks on the way of a migration share addresses";
    NO_FIREWALL = "N002": "a server has no firewall that a rule could open";
    WIDE_RANGE = "N003": "a firewall rule lets in a large part of all addresses";
    TAKEN_PRIORITY = "N004": "two rules of a security group have one priority";
    NO_ENDPOINT = "N005": "a private endpoint cannot stand or carries nothing";

    OLDER_TARGET = "PF023": "a target is older than the source";
    NO_WAY = "PF040": "the server is not reached";
    SIGN_IN = "PF041": "the server refuses to sign the user in";
    TLS = "PF042": "TLS is missing or too old";
    HBA = "PF043": "pg_hba.conf has lines that do not work";
    STANDBY = "PF044": "the source is a standby";
    POOLER = "PF045": "a pooler stands between";
    NO_DATABASE = "PF047": "a database cannot be entered";
    TOO_OLD = "PF050": "the source is older than the service takes";
    WAL_LEVEL = "PF051": "wal_level is not logical";
    SLOTS = "PF052": "too few replication slots are free";
    SENDERS = "PF053": "too few WAL senders are allowed";
    WORKERS = "PF054": "few worker processes are allowed";
    SENDER_TIMEOUT = "PF055": "wal_sender_timeout cuts slow replays";
    TIMEOUTS = "PF056": "timeouts would cut long copies";
    LOCKS = "PF057": "the lock table is too small for a dump";
    KEEPALIVES = "PF058": "dead connections are noticed late";
    READ_ONLY = "PF059": "new transactions are read only";
    REPLICATION = "PF060": "the user may not replicate";
    UNREADABLE_RELATIONS = "PF061": "the user may not read everything";
    PUBLISH = "PF062": "the user may not publish";
    IDLE_SLOTS = "PF064": "logical slots that nobody reads";
    LONG_TRANSACTIONS = "PF065": "long transactions hold up the start";
    PREPARED = "PF066": "prepared transactions hold up the start";
    IN_REPLICATION = "PF067": "the source takes part in replication";
    WAL_KEPT = "PF068": "replication slots can be lost";
    CONNECTIONS = "PF069": "few connections are free";
    FREEZE = "PF070": "transaction ids are far spent";
    SIZE = "PF071": "the copy may take longer than a migration may run";
    MD5_PASSWORDS = "PF072": "passwords are kept as md5";
    SETTINGS = "PF073": "settings of databases and roles stay behind";
    SUPERUSERS = "PF075": "superusers own objects";
    RESERVED_ROLES = "PF076": "roles have names that the target refuses";
    TABLESPACES = "PF077": "tablespaces are not kept";
    FORMATS = "PF078": "settings that change results differ";
    NO_IDENTITY = "PF080": "tables cannot replay updates and deletes";
    FULL_IDENTITY = "PF082": "rows are identified by all their columns";
    UNLOGGED = "PF083": "changes of unlogged tables are not replayed";
    LARGE_OBJECTS = "PF084": "changes of large objects are not replayed";
    SEQUENCES = "PF085": "sequences are nearly spent";
    GENERATED = "PF086": "generated columns are replayed only by recent engines";
    IDENTITY_ALWAYS = "PF087": "identity columns that are always generated";
    FOREIGN_DATA = "PF089": "foreign servers have to be set up anew";
    EVENT_TRIGGERS = "PF090": "event triggers";
    EXTENSION_MISSING = "PF091": "an extension does not exist on the target";
    EXTENSION_NOT_ALLOWED = "PF092": "an extension is not on the list of the target";
    LIBRARY_NOT_LOADED = "PF093": "an extension needs a library that is not loaded";
    EXTENSION_IN_SYSTEM = "PF094": "an extension lives in a system schema";
    EXTENSION_OLDER = "PF095": "an extension is older on the target";
    POSTGIS = "PF096": "PostGIS changes between its versions";
    PARTMAN = "PF097": "pg_partman changes between its versions";
    TIMESCALEDB = "PF098": "TimescaleDB moves offline only";
    JOBS = "PF099": "scheduled jobs do not move";
    POSTGRES_FDW = "PF100": "postgres_fdw does not move";
    COLLATIONS = "PF102": "a collation does not exist on the target";
    OWN_COLLATIONS = "PF103": "user-defined collations";
    ENCODING = "PF104": "the encoding is no proper one";
    COLLATION_VERSIONS = "PF105": "collations have changed since indexes were built";
    WITH_OIDS = "PF106": "tables have oids";
    CASTS = "PF107": "user-defined casts";
    SUPERUSER_OBJECTS = "PF108": "objects that only superusers can make";
    LANGUAGES = "PF109": "a language does not exist on the target";
    SYSTEM_GRANTS = "PF110": "rights on system objects were granted";
    ROLES = "PF111": "roles do not exist on the target";
    PUBLIC_SCHEMA = "PF112": "rights on the schema public change";
    CASE_ONLY = "PF113": "names differ by letter case only";
    HOSTILE_NAMES = "PF114": "names hold characters that tools stumble over";
    MD5_USED = "PF115": "md5() is used in definitions";
    GONE_TYPES = "PF116": "types that no longer exist";
    OBJECT_IDS = "PF117": "columns hold ids of objects";
    ROW_SECURITY = "PF118": "policies would hide rows from the copy";
    DEFERRABLE = "PF119": "keys are deferrable";
    TRIGGERS = "PF120": "triggers fire during the replay";
    PARTITIONS = "PF121": "new partitions are not replayed";
    INHERITANCE = "PF122": "tables inherit from tables";
    MATERIALIZED = "PF123": "materialised views are not replayed";
    INVALID = "PF124": "indexes or constraints are not valid";
    EXCLUSION = "PF125": "exclusion constraints";
    WIDE = "PF126": "values may be too wide to copy";
    NO_SPLIT = "PF127": "large tables cannot be copied in parts";
    BLOAT = "PF128": "tables are bloated";
    HOST_FUNCTIONS = "PF129": "functions reach for the host";
    SYSTEM_VIEWS = "PF130": "views read views of the system";
    DUMPED_PUBLICATIONS = "PF131": "publications of all tables and subscriptions";
    DICTIONARIES = "PF132": "text search dictionaries need files";
    CATALOG = "PF135": "the catalog is very large";
    NOT_EMPTY = "PF140": "the database on the target is not empty";
    IN_USE = "PF141": "databases of the target are in use";
    TARGET_RIGHTS = "PF142": "the user of the target lacks rights";
    MEMBERSHIPS = "PF143": "the user of the target is a member of many roles";
    NOT_OWNED = "PF144": "a database of the target belongs to others";
    ORIGINS = "PF145": "too few replication slots on the target";
    NOT_WRITABLE = "PF149": "the target cannot be written to";

    NOT_COMPARED = "V001": "something could not be compared, so nothing is proven of it";
    OBJECT_MISSING = "V010": "the target lacks an object";
    OBJECT_EXTRA = "V011": "the target has an object that the source has not";
    OBJECT_DIFFERS = "V012": "an object is defined differently";
    EXTENSION_DIFFERS = "V013": "extensions are not the same";
    COMMENT_DIFFERS = "V014": "comments are not the same";
    REPLICA_IDENTITY_DIFFERS = "V015": "replica identities are not the same";
    OWNER_DIFFERS = "V020": "something belongs to another role";
    GRANT_DIFFERS = "V021": "privileges are not the same";
    DEFAULT_PRIVILEGE_DIFFERS = "V022": "default privileges are not the same";
    ROLE_DIFFERS = "V023": "roles are not the same";
    MEMBERSHIP_DIFFERS = "V024": "memberships of roles are not the same";
    SETTING_DIFFERS = "V025": "settings are not the same";
    COUNT_DIFFERS = "V030": "a table has another number of rows";
    ROWS_DIFFER = "V031": "rows of a table are not the same";
    MULTISET_DIFFERS = "V032": "rows of a table without a key are not the same";
    LARGE_OBJECT_DIFFERS = "V033": "large objects are not the same";
    SEQUENCE_BEHIND = "V040": "a sequence would give values again";



}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_given_twice() {
        assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
    }
}
