//! Blocks that stand for no resource, and what every resource takes: what each may hold, as tables. They are to the language what
//! a kind's schema is to a kind; nothing here reads a block.

use crate::kind::schema::{ArgumentType, Need, Word};

/// A block and what it may hold.
pub struct Form {
    /// Its first word.
    pub name: &'static str,
    /// What its labels stand for.
    pub labels: &'static [&'static str],
    /// What it is for, in one line.
    pub summary: &'static str,
    /// What a reader must know beyond the tables.
    pub doc: &'static str,
    /// A block that can be pasted; empty for nested ones.
    pub example: &'static str,
    /// How often it may stand.
    pub repeats: Repeats,
    /// Its arguments.
    pub slots: &'static [Slot],
    /// Whether it takes other arguments, too.
    pub other_arguments: OtherArguments,
    /// Its nested blocks.
    pub blocks: &'static [Form],
}

/// An argument of a form.
pub struct Slot {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// Whether it must be given.
    pub need: Need,
    /// Meaning.
    pub doc: &'static str,
}

/// What an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What an argument of a kind can hold, too.
    Of(ArgumentType),
    /// Any value.
    Anything,
    /// A type constraint.
    Constraint,
    /// A map, an object or a set of texts.
    Instances,
    /// A list of references to resources.
    Resources,
    /// A list of names of arguments.
    Attributes,
    /// A bare name.
    Name,
    /// The address of a resource or a module, not a reference to its value.
    Address,
}

/// How often a block may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// At most once.
    Once,
    /// Any number of times.
    Any,
}

/// Whether a block takes arguments that its table does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherArguments {
    /// It takes only those of the table.
    Refused,
    /// It takes any.
    Taken,
}

const TEXT: Holds = Holds::Of(ArgumentType::Text);
const BOOL: Holds = Holds::Of(ArgumentType::Bool);
const DURATION: Holds = Holds::Of(ArgumentType::Duration);

const fn slot(name: &'static str, holds: Holds, need: Need, doc: &'static str) -> Slot {
    Slot { name, holds, need, doc }
}

const fn optional(name: &'static str, holds: Holds, doc: &'static str) -> Slot {
    slot(name, holds, Need::Optional, doc)
}

const fn required(name: &'static str, holds: Holds, doc: &'static str) -> Slot {
    slot(name, holds, Need::Required, doc)
}

/// A nested block.
const fn nested(
    name: &'static str,
    doc: &'static str,
    repeats: Repeats,
    slots: &'static [Slot],
    blocks: &'static [Form],
) -> Form {
    Form {
        name,
        labels: &[],
        summary: doc,
        doc: "",
        example: "",
        repeats,
        slots,
        other_arguments: OtherArguments::Refused,
        blocks,
    }
}

/// The arguments of everything that states a condition.
const CONDITION: &[Slot] = &[
    required("condition", BOOL, "What must hold."),
    required("error_message", TEXT, "What is said when it does not hold."),
];

const fn word(word: &'static str) -> Word {
    Word { word, wire: word }
}

/// The clouds by their names in the configuration.
pub const CLOUDS: &[Word] = &[word("public"), word("us_government"), word("china"), word("simulator")];

/// How much TLS a connection wants, in libpq's words.
const SSL_MODES: &[Word] = &[
    word("disable"),
    word("prefer"),
    word("require"),
    word("verify_ca"),
    word("verify_full"),
];

/// The arguments of every state backend.
pub const STATE: &[Slot] = &[
    optional(
        "storage_account",
        TEXT,
        "azure_blob: the storage account. Whoever runs pgferry needs Storage Blob Data Contributor on the container.",
    ),
    optional(
        "endpoint",
        TEXT,
        "azure_blob: the address of the blob service, in place of `storage_account`.",
    ),
    optional("container", TEXT, "azure_blob: the container, which must exist."),
    optional("key", TEXT, "azure_blob: the name of the state in the container."),
    optional(
        "sas",
        TEXT,
        "azure_blob: a shared access signature (read, add, create, write, delete), from a sensitive variable, in place of the \
         project's login.",
    ),
    optional("host", TEXT, "postgres: the server."),
    optional(
        "port",
        Holds::Of(ArgumentType::Whole(1, 65_535)),
        "postgres: its port; 5432 by default.",
    ),
    optional(
        "database",
        TEXT,
        "postgres: the database, which must exist and be UTF8.",
    ),
    optional("user", TEXT, "postgres: who signs in."),
    optional("password", TEXT, "postgres: the password, from a sensitive variable."),
    optional(
        "entra_auth",
        BOOL,
        "postgres: whether the project's login signs in with tokens, in place of a password; `user` is its principal on the server.",
    ),
    optional(
        "ssl_mode",
        Holds::Of(ArgumentType::Choice(SSL_MODES)),
        "postgres: how much TLS; `verify_full` by default.",
    ),
    optional(
        "root_certificates",
        TEXT,
        "postgres: the certificates that are trusted as roots, as PEM, in place of those of the system.",
    ),
    optional(
        "schema",
        TEXT,
        "postgres: the schema, made if it is missing; `pgferry` by default.",
    ),
    optional("name", TEXT, "postgres: the name of the state in the schema."),
    optional(
        "pooler",
        BOOL,
        "postgres: whether a pooler such as PgBouncer stands between; true by default on port 6432.",
    ),
];

/// The arguments of the `encryption` block.
pub const ENCRYPTION: &[Slot] = &[
    optional(
        "passphrase",
        TEXT,
        "A passphrase, from a sensitive variable. The key is made of it by Argon2id.",
    ),
    optional(
        "key",
        TEXT,
        "A key in place of a passphrase, from a sensitive variable: 32 random bytes, as 64 hexadecimal digits or in base64.",
    ),
    optional(
        "previous_passphrase",
        TEXT,
        "The passphrase that the state was encrypted with before, until `pgferry init` has written it anew.",
    ),
    optional(
        "previous_key",
        TEXT,
        "The key that the state was encrypted with before. Alone, it lets `pgferry init` write the state unencrypted.",
    ),
];

/// The `pgferry` block.
pub static PGFERRY: Form = Form {
    name: "pgferry",
    labels: &[],
    summary: "Settings of the program itself.",
    doc: "There is at most one. Without a `state` block the state is kept in `.pgferry/state` beside the configuration. \
          `pgferry init` brings it to where a changed block says.",
    example: "pgferry {\n  required_version = \">= 0.1\"\n\n  state \"azure_blob\" {\n    storage_account = \"contosostates\"\n    \
              container       = \"pgferry\"\n    key             = \"erp/prod\"\n  }\n}\n",
    repeats: Repeats::Once,
    slots: &[optional(
        "required_version",
        TEXT,
        "Versions of pgferry that may work on the configuration, such as `>= 0.1, < 2.0` or `~> 1.4`.",
    )],
    other_arguments: OtherArguments::Refused,
    blocks: &[
        Form {
            name: "state",
            labels: &["BACKEND"],
            summary: "Where the state is kept: `local`, `azure_blob` or `postgres`.",
            doc: "",
            example: "",
            repeats: Repeats::Once,
            slots: STATE,
            other_arguments: OtherArguments::Refused,
            blocks: &[],
        },
        Form {
            name: "encryption",
            labels: &[],
            summary: "How the state is encrypted: records, plan, journal and history, wherever it is kept.",
            doc: "Without it nothing is encrypted. A state is encrypted from its first commit on; one that is there already, or whose \
              key changes, is written anew by `pgferry init`. Names of units, times, the tenant and the subscription, and who \
              holds the lock stay readable.",
            example: "",
            repeats: Repeats::Once,
            slots: ENCRYPTION,
            other_arguments: OtherArguments::Refused,
            blocks: &[],
        },
    ],
};

/// The `azure` block.
pub static AZURE: Form = Form {
    name: "azure",
    labels: &[],
    summary: "The cloud, and defaults of every resource.",
    doc: "There is at most one. It is read before everything else, from variables and local values alone. State and plans are \
          bound to its cloud and subscription.",
    example: "azure {\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n  resource_group  = \"rg-data\"\n  location        \
              = \"westeurope\"\n  tags            = { team = \"data\" }\n}\n",
    repeats: Repeats::Once,
    slots: &[
        slot(
            "cloud",
            Holds::Of(ArgumentType::Choice(CLOUDS)),
            Need::Default("public"),
            "The cloud; `simulator` is the built-in one. PGFERRY_CLOUD wins over it.",
        ),
        optional(
            "world",
            TEXT,
            "The file with what the simulator's world holds at first.",
        ),
        optional(
            "subscription_id",
            TEXT,
            "Subscription of the project and of resources that name none.",
        ),
        optional("tenant_id", TEXT, "Tenant of the subscription."),
        optional(
            "auxiliary_tenant_ids",
            Holds::Of(ArgumentType::Texts),
            "Further tenants that subscriptions of the project belong to, three at most: for networks that are peered, or zones \
             that are linked, across tenants. The login must be known in each; a managed identity is only in its own.",
        ),
        optional("resource_group", TEXT, "Resource group of resources that name none."),
        optional("location", TEXT, "Region of resources that name none."),
        optional(
            "tags",
            Holds::Of(ArgumentType::Map),
            "Tags of everything that is created and can carry tags.",
        ),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[],
};

/// The arguments of a `waive` block.
const WAIVER: &[Slot] = &[
    required("owner", TEXT, "Who answers for it."),
    required("reason", TEXT, "Why it is fine."),
    required("until", TEXT, "The last day on which it counts, such as `2027-01-31`."),
    optional(
        "databases",
        Holds::Of(ArgumentType::Texts),
        "The databases that it is for. Default: every place.",
    ),
];

/// A `waive` block.
pub static WAIVE: Form = waive();

const fn waive() -> Form {
    Form {
        name: "waive",
        labels: &["CODE"],
        summary: "A finding that somebody takes upon himself until a day.",
        doc: "",
        example: "",
        repeats: Repeats::Any,
        slots: WAIVER,
        other_arguments: OtherArguments::Refused,
        blocks: &[],
    }
}

/// The `preflight` block.
pub static PREFLIGHT: Form = Form {
    name: "preflight",
    labels: &[],
    summary: "What `pgferry preflight` shall not hold against a migration.",
    doc: "There is at most one. A waived finding is shown, but is no error any more; once its day is over it is one again.",
    example: "preflight {\n  waive \"PF085\" {\n    owner     = \"dba@contoso.com\"\n    reason    = \"the old ledger is only read\"\n    \
              until     = \"2027-01-31\"\n    databases = [\"ledger_2020\"]\n  }\n}\n",
    repeats: Repeats::Once,
    slots: &[],
    other_arguments: OtherArguments::Refused,
    blocks: &[waive()],
};

/// The `variable` block.
pub static VARIABLE: Form = Form {
    name: "variable",
    labels: &["NAME"],
    summary: "A value that is given from outside.",
    doc: "It is named `var.NAME`. Values come from, the later winning: the environment as PGFERRY_VAR_name, `pgferry.vars.hcl`, \
          `*.auto.vars.hcl`, and `--var` and `--var-file` in order. What then has neither a value nor a default is asked for on a \
          terminal, unless `--input=false`.",
    example: "variable \"mode\" {\n  type        = string\n  default     = \"offline\"\n  description = \"How databases are migrated.\"\n\n  \
              validation {\n    condition     = contains([\"offline\", \"online\"], var.mode)\n    error_message = \"The mode is offline or \
              online.\"\n  }\n}\n",
    repeats: Repeats::Any,
    slots: &[
        slot(
            "type",
            Holds::Constraint,
            Need::Default("any"),
            "What the value is converted to.",
        ),
        optional(
            "default",
            Holds::Anything,
            "The value when none is given; without a default one must be given.",
        ),
        optional("description", TEXT, "What it is for."),
        slot(
            "sensitive",
            BOOL,
            Need::Default("false"),
            "Whether the value, and what is made of it, must not be shown.",
        ),
        slot(
            "ephemeral",
            BOOL,
            Need::Default("false"),
            "Whether the value, and what is made of it, must not be kept: it may only go to arguments that hand secrets to Azure, \
             to the `azure` block but for its `tags`, and to variables and outputs of modules that are ephemeral too. \
             `ephemeralasnull(…)` takes it out.",
        ),
        slot(
            "nullable",
            BOOL,
            Need::Default("true"),
            "Whether the value may be null.",
        ),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[nested(
        "validation",
        "A condition on the value.",
        Repeats::Any,
        CONDITION,
        &[],
    )],
};

/// The `locals` block.
pub static LOCALS: Form = Form {
    name: "locals",
    labels: &[],
    summary: "Values with a name, for use in several places.",
    doc: "Each argument declares one value, which is named `local.NAME`.",
    example: "locals {\n  databases = [\"crm\", \"shop\"]\n  suffix    = \"prod\"\n}\n",
    repeats: Repeats::Any,
    slots: &[],
    other_arguments: OtherArguments::Taken,
    blocks: &[],
};

/// The `output` block.
pub static OUTPUT: Form = Form {
    name: "output",
    labels: &["NAME"],
    summary: "A value that is shown after apply and kept in the state.",
    doc: "`pgferry output` shows it again, also for scripts.",
    example: "output \"zone\" {\n  value       = dns_zone.endpoint.id\n  description = \"The zone of the private endpoints.\"\n}\n\ndns_zone \
              \"endpoint\" {\n  name = \"privatelink.postgres.database.azure.com\"\n}\n",
    repeats: Repeats::Any,
    slots: &[
        required("value", Holds::Anything, "The value."),
        optional("description", TEXT, "What it is for."),
        slot(
            "sensitive",
            BOOL,
            Need::Default("false"),
            "Whether it must not be shown.",
        ),
        slot(
            "ephemeral",
            BOOL,
            Need::Default("false"),
            "Whether it must not be kept. Only a module has such outputs, and their values must be ephemeral.",
        ),
        optional(
            "depends_on",
            Holds::Resources,
            "Resources that must be as declared before it counts.",
        ),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[nested(
        "precondition",
        "A condition that must hold before the value counts.",
        Repeats::Any,
        CONDITION,
        &[],
    )],
};

/// The `module` block.
pub static MODULE: Form = Form {
    name: "module",
    labels: &["NAME"],
    summary: "What another directory declares, with values for its variables.",
    doc: "Every other argument gives the variable of that name its value. The outputs of the module are named `module.NAME.OUTPUT`, with \
          `for_each` `module.NAME[\"KEY\"].OUTPUT`. Directories belong to this repository: there is no registry, and nothing is fetched.",
    example: "module \"crm\" {\n  source = \"./modules/server\"\n  host   = \"10.1.0.7\"\n}\n\noutput \"crm\" {\n  value = \
              module.crm.host\n}\n",
    repeats: Repeats::Any,
    slots: &[
        required(
            "source",
            TEXT,
            "The directory, beginning with `./` or `../`; a plain text, because modules are read before anything is evaluated.",
        ),
        optional(
            "for_each",
            Holds::Instances,
            "One instance for each key of a map or object, or for each text of a set.",
        ),
        slot("enabled", BOOL, Need::Default("true"), "Whether it exists at all."),
        optional(
            "depends_on",
            Holds::Resources,
            "Resources and modules that must be as declared before anything in it.",
        ),
    ],
    other_arguments: OtherArguments::Taken,
    blocks: &[],
};

/// The `check` block.
pub static CHECK: Form = Form {
    name: "check",
    labels: &["NAME"],
    summary: "What should hold; it is told when it does not, and stands in the way of nothing.",
    doc: "Conditions that must hold before something is done are a `precondition`.",
    example: "check \"naming\" {\n  assert {\n    condition     = startswith(network.hub.name, \"vnet-\")\n    error_message = \"Networks are \
              named vnet-….\"\n  }\n}\n",
    repeats: Repeats::Any,
    slots: &[],
    other_arguments: OtherArguments::Refused,
    blocks: &[nested(
        "assert",
        "A condition; at least one must be given.",
        Repeats::Any,
        CONDITION,
        &[],
    )],
};

/// The `moved` block.
pub static MOVED: Form = Form {
    name: "moved",
    labels: &[],
    summary: "Says what a resource or a module was called before, so that it is not made anew.",
    doc: "It may stay for ever, for whoever has not applied since. The block itself must be renamed, too.",
    example: "moved {\n  from = network.old\n  to   = network.hub\n}\n",
    repeats: Repeats::Any,
    slots: &[
        required("from", Holds::Address, "The address before."),
        required("to", Holds::Address, "The address now."),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[],
};

/// The `removed` block.
pub static REMOVED: Form = Form {
    name: "removed",
    labels: &[],
    summary: "Says what becomes of something that is no longer declared.",
    doc: "It speaks of all instances of a block. Without it, what leaves the configuration is deleted, but for what holds data.",
    example: "removed {\n  from = network.gone\n\n  lifecycle {\n    destroy = false\n  }\n}\n",
    repeats: Repeats::Any,
    slots: &[required("from", Holds::Address, "What was removed.")],
    other_arguments: OtherArguments::Refused,
    blocks: &[nested(
        "lifecycle",
        "What becomes of it.",
        Repeats::Any,
        &[optional(
            "destroy",
            BOOL,
            "Whether it is deleted in Azure; if not, it is only forgotten. Without it, as its kind does: what holds data is forgotten.",
        )],
        &[],
    )],
};

/// The `import` block.
pub static IMPORT: Form = Form {
    name: "import",
    labels: &[],
    summary: "Takes over an object that exists in Azure already.",
    doc: "The resource that is to look after it must be declared. It stands in the root only, and may be deleted once it was applied.",
    example: "import {\n  to = dns_zone.erp\n  id = join(\"/\", [\n    \"/subscriptions/00000000-0000-4000-8000-000000000001\",\n    \
              \"resourceGroups/rg-data/providers/Microsoft.Network\",\n    \"privateDnsZones/erp.example.org\",\n  ])\n}\n\n\
              dns_zone \"erp\" {\n  name = \"erp.example.org\"\n}\n",
    repeats: Repeats::Any,
    slots: &[
        required("to", Holds::Address, "The resource."),
        required(
            "id",
            TEXT,
            "The ARM id of the object; of a migration, where the resource is a batch.",
        ),
        optional(
            "for_each",
            Holds::Instances,
            "One import for each key; `to` and `id` may use `each`.",
        ),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[],
};

/// The `lifecycle` block of a resource.
pub static LIFECYCLE: Form = nested(
    "lifecycle",
    "What may happen to the resource.",
    Repeats::Once,
    &[
        optional("prevent_destroy", BOOL, "Refuse every plan that would delete it."),
        slot(
            "delete_imported",
            BOOL,
            Need::Default("false"),
            "Delete it when it leaves the configuration, even if pgferry did not make it.",
        ),
        optional(
            "ignore_changes",
            Holds::Attributes,
            "Arguments whose difference from what Azure has is left alone, by their bare names.",
        ),
    ],
    &[
        nested(
            "precondition",
            "A condition that must hold before anything is done.",
            Repeats::Any,
            CONDITION,
            &[],
        ),
        nested(
            "postcondition",
            "A condition on the resource itself, which `self` names.",
            Repeats::Any,
            CONDITION,
            &[],
        ),
    ],
);

/// The `timeouts` block of a resource.
pub static TIMEOUTS: Form = nested(
    "timeouts",
    "How long one operation may take, in place of the kind's own patience.",
    Repeats::Once,
    &[
        optional("create", DURATION, "For creating."),
        optional("update", DURATION, "For changing in place."),
        optional("delete", DURATION, "For deleting."),
    ],
    &[],
);

/// A nested block that is repeated for each element of a collection.
static DYNAMIC: Form = Form {
    name: "dynamic",
    labels: &["BLOCK"],
    summary: "Nested blocks of this name, one for each element of a collection.",
    doc: "",
    example: "",
    repeats: Repeats::Any,
    slots: &[
        required("for_each", Holds::Anything, "The collection."),
        slot(
            "iterator",
            Holds::Name,
            Need::Default("the block's name"),
            "The name by which `content` speaks of the element: its `key` and its `value`.",
        ),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[Form {
        name: "content",
        labels: &[],
        summary: "What each of the blocks holds.",
        doc: "",
        example: "",
        repeats: Repeats::Once,
        slots: &[],
        other_arguments: OtherArguments::Taken,
        blocks: &[],
    }],
};

/// What every resource takes beside the arguments of its kind. It is no block, but reads like one.
pub static META: Form = Form {
    name: "meta",
    labels: &[],
    summary: "What every resource takes beside the arguments of its kind.",
    doc: "There is no `count`: identity never hangs on a position in a list. With `for_each` the resource is one per key, named \
          `KIND.LABEL[\"KEY\"]`, and `each.key` and `each.value` tell the instances apart.",
    example: "network \"spoke\" {\n  for_each = toset([\"vnet-a\", \"vnet-b\"])\n  name     = each.key\n\n  lifecycle {\n    \
              precondition {\n      condition     = startswith(each.key, \"vnet-\")\n      error_message = \"Networks are named vnet-….\"\n    \
              }\n  }\n}\n",
    repeats: Repeats::Any,
    slots: &[
        optional(
            "for_each",
            Holds::Instances,
            "One instance for each key of a map or object, or for each text of a set.",
        ),
        slot("enabled", BOOL, Need::Default("true"), "Whether it exists at all."),
        optional(
            "depends_on",
            Holds::Resources,
            "Resources that must be as declared before, beyond those that are referred to.",
        ),
    ],
    other_arguments: OtherArguments::Refused,
    blocks: &[],
};

/// The nested blocks that every resource takes.
pub static META_BLOCKS: [&Form; 3] = [&LIFECYCLE, &TIMEOUTS, &DYNAMIC];

/// Every top-level block that stands for no resource, in the order of the reference.
pub static ALL: [&Form; 11] = [
    &PGFERRY, &AZURE, &PREFLIGHT, &VARIABLE, &LOCALS, &OUTPUT, &MODULE, &CHECK, &MOVED, &REMOVED, &IMPORT,
];

impl Form {
    /// The names of its arguments.
    pub fn arguments(&self) -> Vec<&'static str> {
        self.slots.iter().map(|slot| slot.name).collect()
    }

    /// The names of its arguments and nested blocks.
    pub fn names(&self) -> Vec<&'static str> {
        self.slots
            .iter()
            .map(|slot| slot.name)
            .chain(self.blocks.iter().map(|block| block.name))
            .collect()
    }

    /// Whether it has an argument of this name.
    pub fn has(&self, argument: &str) -> bool {
        self.slots.iter().any(|slot| slot.name == argument)
    }
}

impl Holds {
    /// In words.
    pub fn described(self) -> String {
        match self {
            Self::Of(ty) => ty.described(),
            Self::Anything => "any value".to_owned(),
            Self::Constraint => "a type such as `string` or `list(object({ name = string }))`".to_owned(),
            Self::Instances => "a map, an object or a set of texts".to_owned(),
            Self::Resources => "a list of resources".to_owned(),
            Self::Attributes => "a list of names of arguments".to_owned(),
            Self::Name => "a name, without quotes".to_owned(),
            Self::Address => "an address such as `network.hub` or `module.eu`, without quotes".to_owned(),
        }
    }

    /// The words that are allowed; empty where it is no choice.
    pub fn words(self) -> &'static [Word] {
        match self {
            Self::Of(ty) => ty.words(),
            Self::Anything
            | Self::Constraint
            | Self::Instances
            | Self::Resources
            | Self::Attributes
            | Self::Name
            | Self::Address => &[],
        }
    }
}
