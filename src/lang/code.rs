//! Every stable code of the language and the configuration, with what it means. Nothing here finds a problem.

use crate::diagnostic::Code;

macro_rules! codes {
    ($($name:ident = $code:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: Code = Code($code);)*

        /// Every code with its meaning, in order.
        pub const ALL: &[(Code, &str)] = &[$(($name, $meaning)),*];
    };
}

codes! {
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

    CYCLE = "C050": "values need each other in a circle";
    FOR_EACH = "C051": "for_each is not a known map, set of texts or object";
    DISABLED = "C052": "a reference names a resource that is not enabled";
    META_ARGUMENT = "C053": "a meta-argument is not well formed";
    CONDITION_FAILED = "C054": "a precondition or postcondition does not hold";
    SENSITIVE_OUTPUT = "C055": "an output shows a sensitive value without saying so";
    SENSITIVE_IDENTITY = "C056": "a sensitive value would become part of a name";
    MISPLACED = "C057": "each, self or another name is used where it has no meaning";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_given_twice() {
        assert!(ALL.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
