//! The names of what a store has in its database.

use std::fmt;

/// A table's name, perhaps with a schema: nothing in it can mean anything else in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    schema: Option<String>,
    name: String,
}

impl Table {
    /// The longest part of a name: with what is added for views and indexes PostgreSQL's limit of
    /// 63 bytes is kept.
    const MAX_LENGTH: usize = 48;

    /// `name` or, where there are schemas, `schema.name`.
    pub(crate) fn parse(text: &str, has_schemas: bool) -> Option<Self> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) if has_schemas => (Some(schema), name),
            _ => (None, text),
        };
        let are_plain = Self::is_plain(name) && schema.is_none_or(Self::is_plain);
        are_plain.then(|| Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }

    fn is_plain(part: &str) -> bool {
        let starts = part.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        starts && part.len() <= Self::MAX_LENGTH && part.bytes().all(plain)
    }

    /// The name alone.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A name with `suffix`, in quotes.
    pub(crate) fn quoted(&self, suffix: &str, quote: char) -> String {
        let schema = self.schema.as_ref().map(|schema| format!("{quote}{schema}{quote}."));
        format!("{}{quote}{}{suffix}{quote}", schema.unwrap_or_default(), self.name)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_quoted_all_the_same() {
        let table = Table::parse("auth.lockout_2", true).unwrap();
        assert_eq!(table.quoted("_locked", '"'), "\"auth\".\"lockout_2_locked\"");
        assert_eq!(table.to_string(), "auth.lockout_2");
        assert_eq!(Table::parse("lockout", false).unwrap().quoted("", '`'), "`lockout`");
    }

    #[test]
    fn what_could_mean_something_in_sql_is_no_name() {
        let long = "x".repeat(49);
        for text in ["", "a b", "a;", "a\"", "a`", "1a", "Lockout", "a.b.c", ".a", "a.", "ä", &long]
        {
            assert_eq!(Table::parse(text, true), None, "{text:?}");
        }
        assert_eq!(Table::parse("a.b", false), None);
    }
}
