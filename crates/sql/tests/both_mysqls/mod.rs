//! What MariaDB and MySQL call by different names, in statements of which each reads its own part.

#![allow(dead_code, reason = "not every test, and not every feature, needs all of it")]

/// Lets a query make a hundred thousand numbers in a row.
pub(crate) const DEEP: &str =
    "SET /*M! max_recursive_iterations */ /*!80000 cte_max_recursion_depth */ = 200000;";

/// The statements that give the plan of one, in the words of MariaDB and of MySQL's first format.
pub(crate) fn explain(statement: &str) -> String {
    format!(
        "SET @json = 1 /*!80300, explain_json_format_version = 1 */; EXPLAIN FORMAT=JSON {statement}"
    )
}

/// The plan without what MySQL says that it does not do.
pub(crate) fn done(plan: &str) -> String {
    plan.replace("\"using_filesort\": false", "")
}
