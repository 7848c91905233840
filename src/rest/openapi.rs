//! The OpenAPI 3.1 document, made of the table of operations.

use std::collections::BTreeMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::{endpoint::Endpoint, endpoints};
use crate::operations::backend::call::Access;

/// Where the document is, below the issuer.
pub const OPENAPI_PATH: &str = "/v1/openapi.json";

/// The document of the environment with that issuer.
pub fn document(issuer: &str) -> Value {
    let mut generator = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
    });
    generator.definitions_path = "/components/schemas".into();
    let mut generator = generator.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (area, endpoint) in endpoints() {
        let described = operation(area, endpoint, &mut generator);
        paths.entry(endpoint.path).or_default().insert(endpoint.method.as_str().to_lowercase(), described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tessera: backend authentication",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
            "description": "Applications' backends sign their users in here. Every call but those for browsers needs a token: \
                a client's, of the grant client_credentials with the permission that is named, or a user's, of a sign-in.",
        },
        "servers": [{ "url": issuer }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "ClientAccessToken": {
                    "type": "oauth2",
                    "flows": { "clientCredentials": { "tokenUrl": format!("{issuer}/token"), "scopes": {} } },
                },
                "UserAccessToken": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn operation(area: &str, endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let security = match endpoint.access {
        Access::Client(_) => json!([{ "ClientAccessToken": [] }]),
        Access::User => json!([{ "UserAccessToken": [] }]),
        Access::Public => json!([]),
    };
    let mut described = json!({
        "operationId": endpoint.id,
        "tags": [area],
        "summary": endpoint.summary,
        "security": security,
        "responses": responses(endpoint, generator),
    });
    let Some(members) = described.as_object_mut() else { return described };
    if let Access::Client(permissions) = endpoint.access {
        let needed = permissions.join("`, `");
        members
            .insert("description".into(), format!("Needs one of the permissions `{needed}` of `userid-api`.").into());
    }
    let parameters: Vec<Value> = path_parameters(endpoint).chain(query_parameters(endpoint)).collect();
    if !parameters.is_empty() {
        members.insert("parameters".into(), parameters.into());
    }
    if let Some(schema) = (endpoint.body)(generator) {
        let mut content = Map::from_iter([("application/json".to_owned(), json!({ "schema": schema }))]);
        if endpoint.reads_forms {
            content.insert("application/x-www-form-urlencoded".into(), json!({ "schema": schema }));
        }
        members.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
    described
}

fn path_parameters(endpoint: &Endpoint) -> impl Iterator<Item = Value> {
    let parts = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parts.map(|name| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        })
    })
}

fn query_parameters(endpoint: &Endpoint) -> impl Iterator<Item = Value> {
    endpoint.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": { "type": parameter.kind },
        })
    })
}

fn responses(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut success = json!({ "description": "Done." });
    if let (Some(schema), Some(members)) = ((endpoint.answer)(generator), success.as_object_mut()) {
        members.insert("content".into(), json!({ "application/json": { "schema": schema } }));
    }
    let mut responses = Map::from_iter([(endpoint.success.to_string(), success)]);
    let mut refusals: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in endpoint.refusals() {
        let symbols = refusals.entry(code.status()).or_default();
        if !symbols.contains(&code.symbol()) {
            symbols.push(code.symbol());
        }
    }
    for (status, symbols) in refusals {
        let schema = endpoint.shape.schema(status, &symbols);
        let refusal = json!({
            "description": format!("Refused: `{}`.", symbols.join("`, `")),
            "content": { "application/json": { "schema": schema } },
        });
        responses.insert(status.to_string(), refusal);
    }
    responses
}
