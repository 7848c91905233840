//! Keeps `docs/graphql/` true: both schemas as their definitions.

use std::{fs, path::Path};

use super::schema::{self, ErasedSchema};

fn compare(page: &str, schema: &dyn ErasedSchema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/graphql").join(page);
    let definition = format!("{}\n", schema.definition().trim_end());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, definition).expect("a page");
    } else {
        let written = fs::read_to_string(&path).expect("a page");
        assert_eq!(written, definition, "run UPDATE_DOCS=1 cargo test --lib graphql::snapshots");
    }
}

/// With the `dev…` operations, so that they are documented too.
#[test]
fn the_pages_show_the_schemas_that_are_served() {
    compare("auth.graphql", &*schema::auth(true));
    compare("management.graphql", &*schema::management(true));
}
