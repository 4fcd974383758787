//! Secrets that stay in their vaults.

use super::*;
use crate::lang::marks::Marks;

const ID: &str = "https://kv-erp.vault.azure.net/secrets/migrator";

/// An expression with such a secret in place of `KV`.
fn with_secret(text: &str) -> Result<Value, String> {
    eval(&text.replace("KV", &format!("key_vault_secret(\"{ID}\")")))
}

#[test]
fn it_is_handed_on_whole() {
    for text in [
        "KV",
        "\"${KV}\"",
        "(KV)",
        "{ a = KV }.a",
        "[1, KV][1]",
        "true ? KV : \"other\"",
        "[for text in [KV] : text][0]",
        "{ for name, text in { a = KV } : name => text }.a",
        "merge({ a = 1 }, { a = KV }).a",
        "lookup({ a = KV }, \"a\", null)",
        "try(KV, null)",
        "coalesce(null, KV)",
        "sensitive(KV)",
        "core::key_vault_secret(join(\"/\", [\"https://kv-erp.vault.azure.net\", \"secrets\", \"migrator\"]))",
    ] {
        let value = with_secret(text).unwrap_or_else(|said| panic!("{text}: {said}"));
        assert_eq!(
            value.vault_secret().map(ToString::to_string).as_deref(),
            Some(ID),
            "{text}"
        );
        assert_eq!(value.marks, Marks::VAULTED, "{text}");
    }
}

#[test]
fn nothing_is_made_of_it() {
    for text in [
        "\"pw-${KV}\"",
        "\"%{ if KV == \"a\" }a%{ endif }\"",
        "KV == \"a\"",
        "KV != null",
        "!KV",
        "-KV",
        "KV ? 1 : 2",
        "KV && true",
        "{ (KV) = 1 }",
        "{ for text in [KV] : text => 1 }",
        "upper(KV)",
        "length(KV)",
        "join(\",\", [\"a\", KV])",
        "jsonencode({ a = KV })",
        "sha256(KV)",
        "nonsensitive(KV)",
        "[for text in [KV] : text if text == \"a\"]",
    ] {
        let said = with_secret(text).err().unwrap_or_else(|| panic!("{text} has a value"));
        assert!(said.starts_with("C047 "), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
    }
}

#[test]
fn an_id_that_is_none_is_refused_with_what_is_wrong() {
    insta::assert_snapshot!(
        eval("key_vault_secret(\"https://kv-erp.vault.azure.net/keys/a\")").unwrap_err(),
        @r#"C033 `"https://kv-erp.vault.azure.net/keys/a"`: invalid value for `id`: the path of an id is `/secrets/NAME` or `/secrets/NAME/VERSION`, as in https://kv-erp.vault.azure.net/secrets/migrator"#
    );
    assert!(eval("key_vault_secret(null)").unwrap_err().starts_with("C033 "));
}
