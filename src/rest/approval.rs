//! What users are asked to approve.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Texts by their names. Of letters that look the same everywhere: what the user sees is what is approved.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct ApprovalData(pub BTreeMap<String, String>);

impl JsonSchema for ApprovalData {
    fn schema_name() -> Cow<'static, str> {
        "ApprovalData".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const LETTERS: &str = "^[A-Za-z0-9_.: -]*$";
        json_schema!({
            "description": "What the user approves: at most ten texts by their names.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 10,
            "propertyNames": { "type": "string", "minLength": 1, "maxLength": 64, "pattern": LETTERS },
            "additionalProperties": { "type": "string", "maxLength": 256, "pattern": LETTERS },
        })
    }
}
