//! The bounds of a document, counted before it is validated or executed: what it would select once every fragment is
//! written out where it is spread.
//!
//! The executor's own limits come later, after steps whose time already grows with the written-out document: ten
//! fragments, each spreading the next one twenty times, would keep it busy for years.

use std::collections::HashMap;

use async_graphql::parser::{
    Error as ParseError, parse_query,
    types::{ExecutableDocument, OperationType, Selection, SelectionSet},
};

use super::lexical::{self, too_complex};
use crate::operations::mosaic_error::{MosaicCode, MosaicError};

/// Fields of all operations and fragments together. The introspection query of GraphiQL has 230, and as many again in its
/// fragments.
pub(super) const MAX_FIELDS: usize = 1000;
/// How deep fields may nest. The introspection query of GraphiQL needs 15 levels.
pub(super) const MAX_DEPTH: usize = 16;
/// How deep fields, inline fragments and spreads together may nest. The introspection query of GraphiQL needs 18 levels.
pub(super) const MAX_SELECTION_DEPTH: usize = 32;
/// What the questions about the schema may cost, by [`items`]. The introspection query of GraphiQL costs two
/// thirds.
const MAX_COST: usize = 400_000;
/// Directives of one field or fragment.
pub(super) const MAX_DIRECTIVES: usize = 4;
/// Fields at the top of a mutation: each does something. A thousand aliases of one authentication would be a thousand
/// guesses for one request.
const MAX_MUTATIONS: usize = 5;
/// Fields at the top of any other operation.
const MAX_QUERIES: usize = 20;

/// The parsed document, if it is within the bounds.
pub(super) fn parse(text: &str) -> Result<ExecutableDocument, MosaicError> {
    lexical::check(text)?;
    let document = parse_query(text).map_err(|error| syntax_error(&error))?;
    check(&document)?;
    Ok(document)
}

fn check(document: &ExecutableDocument) -> Result<(), MosaicError> {
    let mut counter = Counter { document, fragments: HashMap::new() };
    let mut fields: usize = 0;
    for (_, operation) in document.operations.iter() {
        let size = counter.set(&operation.node.selection_set.node, 0, false)?;
        let is_mutation = operation.node.ty == OperationType::Mutation;
        let most = if is_mutation { MAX_MUTATIONS } else { MAX_QUERIES };
        if size.roots > most {
            return Err(too_complex(format!("An operation like this may have at most {most} fields at its top")));
        }
        fields = fields.saturating_add(size.fields);
    }
    // Fragments that nobody spreads are validated too.
    for name in document.fragments.keys() {
        fields = fields.saturating_add(counter.fragment(name.as_str(), 0)?.fields);
    }
    if fields > MAX_FIELDS { Err(too_many_fields()) } else { Ok(()) }
}

/// What a selection comes to, written out.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// Fields of its top level.
    roots: usize,
    /// All fields.
    fields: usize,
    /// Levels of fields.
    depth: usize,
    /// Levels of anything.
    levels: usize,
    /// Values that answering costs, by [`items`].
    cost: usize,
}

impl Size {
    /// Both, side by side.
    fn beside(self, other: Self) -> Self {
        Self {
            roots: self.roots.saturating_add(other.roots),
            fields: self.fields.saturating_add(other.fields),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            cost: self.cost.saturating_add(other.cost),
        }
    }
}

struct Counter<'d> {
    document: &'d ExecutableDocument,
    /// What is known of each fragment; `None` while it is being counted.
    fragments: HashMap<&'d str, Option<Size>>,
}

impl<'d> Counter<'d> {
    /// `level` is how deep the set stands; `in_schema` says whether it asks about the schema itself.
    fn set(&mut self, set: &'d SelectionSet, level: usize, in_schema: bool) -> Result<Size, MosaicError> {
        check_levels(level)?;
        let mut total = Size::default();
        for selection in &set.items {
            check_directives(selection.node.directives())?;
            let size = match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let in_schema = in_schema || matches!(name, "__schema" | "__type");
                    let below = self.set(&field.node.selection_set.node, level + 1, in_schema)?;
                    let each = if in_schema { items(name) } else { 1 };
                    Size {
                        roots: 1,
                        fields: below.fields.saturating_add(1),
                        depth: below.depth + 1,
                        levels: below.levels + 1,
                        cost: below.cost.saturating_mul(each).saturating_add(1),
                    }
                }
                Selection::InlineFragment(inline) => {
                    let below = self.set(&inline.node.selection_set.node, level + 1, in_schema)?;
                    Size { levels: below.levels + 1, ..below }
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, level + 1)?,
            };
            total = total.beside(size);
            check_size(&total, level)?;
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &'d str, level: usize) -> Result<Size, MosaicError> {
        match self.fragments.get(name) {
            Some(Some(known)) => {
                // Elsewhere it stood higher up.
                check_levels(level.saturating_add(known.levels))?;
                return Ok(*known);
            }
            Some(None) => {
                let message = format!("The fragment {name:?} spreads itself");
                return Err(MosaicError::new(MosaicCode::GraphqlValidationFailed, message));
            }
            None => {}
        }
        // The validation will miss it; until then it counts, so that a document cannot consist of nothing else.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Size { roots: 1, fields: 1, depth: 1, levels: 1, cost: 1 });
        };
        self.fragments.insert(name, None);
        check_directives(&fragment.node.directives)?;
        // Types of the schema that describe the schema itself begin with two underscores, and no others do.
        let in_schema = fragment.node.type_condition.node.on.node.starts_with("__");
        let below = self.set(&fragment.node.selection_set.node, level, in_schema)?;
        let size = Size { levels: below.levels + 1, ..below };
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}

/// How many items a list of the schema has, about: its lists lead to types, which have lists again, and each round
/// multiplies the answer. Lists of our own operations carry their cost in the schema.
fn items(name: &str) -> usize {
    match name {
        "types" => 100,
        "fields" | "inputFields" | "interfaces" | "possibleTypes" => 10,
        "args" | "directives" | "enumValues" | "locations" => 4,
        _ => 1,
    }
}

fn check_levels(levels: usize) -> Result<(), MosaicError> {
    if levels > MAX_SELECTION_DEPTH { Err(too_deep()) } else { Ok(()) }
}

fn check_size(size: &Size, level: usize) -> Result<(), MosaicError> {
    check_levels(level.saturating_add(size.levels))?;
    if size.depth > MAX_DEPTH {
        return Err(too_deep());
    }
    if size.fields > MAX_FIELDS {
        return Err(too_many_fields());
    }
    if size.cost > MAX_COST {
        return Err(too_complex("The document asks for too much of the schema at once".to_owned()));
    }
    Ok(())
}

fn check_directives<T>(directives: &[T]) -> Result<(), MosaicError> {
    if directives.len() > MAX_DIRECTIVES {
        return Err(too_complex(format!("A field or fragment may have at most {MAX_DIRECTIVES} directives")));
    }
    Ok(())
}

fn too_deep() -> MosaicError {
    too_complex(format!("Fields nest deeper than {MAX_DEPTH} levels, or selections deeper than {MAX_SELECTION_DEPTH}"))
}

fn too_many_fields() -> MosaicError {
    too_complex(format!("The document selects more than {MAX_FIELDS} fields"))
}

/// Where the mistake is and what was expected there. The parser's own text repeats the line, which may hold a secret.
fn syntax_error(error: &ParseError) -> MosaicError {
    let message = match error {
        ParseError::Syntax { message, start, .. } => {
            let expected = message.lines().last().and_then(|line| line.split_once("= ")).map(|(_, expected)| expected);
            let expected = expected.unwrap_or("this cannot be read");
            format!("Syntax error at line {}, column {}: {expected}", start.line, start.column)
        }
        other => format!("Syntax error: {other}"),
    };
    MosaicError::new(MosaicCode::GraphqlValidationFailed, message)
}

#[cfg(test)]
mod tests;
