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

    SYNTAX = "C001": "the text does not follow the grammar";
    UNCLOSED = "C002": "a bracket, quote, comment or heredoc is opened and never closed";
    TOO_LARGE = "C003": "an object, nesting or chain of operators is larger than what is parsed";
    DUPLICATE_ATTRIBUTE = "C004": "an attribute or object key is given twice in one place";
    STRAY_ATTRIBUTE = "C005": "an attribute stands outside of any block";
    LABELS = "C006": "a block has too many or too few labels";
    BAD_NAME = "C007": "a label or name is not an identifier";
    UNKNOWN_BLOCK = "C008": "no block of this kind exists";
    NOT_YET = "C009": "the block or argument exists in the language but this version does not support it yet";
    UNKNOWN_ARGUMENT = "C010": "no argument or nested block of this name exists here";
    MISSING_ARGUMENT = "C011": "a required argument is missing";
    DUPLICATE_BLOCK = "C012": "two blocks declare the same thing";
    STRAY_CLOSER = "C013": "a bracket is closed that was never opened";

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

    CYCLE = "C050": "values need each other in a circle";
    FOR_EACH = "C051": "for_each is not a known map, set of texts or object";
    DISABLED = "C052": "a reference names a resource that is not enabled";
    META_ARGUMENT = "C053": "a meta-argument is not well formed";
    CONDITION_FAILED = "C054": "a precondition or postcondition does not hold";
    SENSITIVE_OUTPUT = "C055": "an output shows a sensitive value without saying so";
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
    SAME_DATABASE = "C132": "two batches claim one database for one target";

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_given_twice() {
        assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
    }
}
