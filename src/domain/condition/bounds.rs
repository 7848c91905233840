//! Which expressions are admitted: those whose work is known beforehand.
//!
//! CEL always ends, but not soon: `[x].map(v, v + v).map(v, v + v)…` doubles a text with every few bytes, and loops inside
//! loops multiply. So loops go over a member of the facts, which are bounded, and never inside each other. Regular expressions
//! are not built in. What is left costs at most [`MAX_NODES`] × [`MAX_FACT_VALUES`] steps.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr},
};

/// The longest condition, in bytes.
pub const MAX_CONDITION: usize = 1024;
/// The most values (texts, numbers, lists and so on, also inside each other) of all facts that a condition looks at.
pub const MAX_FACT_VALUES: usize = 512;
/// The most bytes of all texts among those facts.
pub const MAX_FACT_BYTES: usize = 16 * 1024;
/// The most opening brackets of a text: the parser goes as deep as they are nested, before there is a tree to look at.
const MAX_BRACKETS: usize = 48;
/// The most parts of an expression.
const MAX_NODES: usize = 256;
/// How deep the parts may be nested; evaluation goes as deep.
const MAX_DEPTH: usize = 40;

/// What a condition can look at.
pub(super) const ROOTS: [&str; 4] = ["subject", "actor", "client", "request"];
/// Members of `client`.
pub(super) const CLIENT_MEMBERS: [&str; 6] = ["id", "name", "kind", "grants", "access", "permissions"];
/// Members of `request`.
pub(super) const REQUEST_MEMBERS: [&str; 5] = ["audience", "scope", "requested_token_type", "grant_type", "time"];

/// Operators, as the parser calls them, and functions. Everything else that the crate may bring is refused.
const FUNCTIONS: [&str; 23] = [
    "_?_:_",
    "_&&_",
    "_||_",
    "!_",
    "_-_",
    "_+_",
    "_*_",
    "_/_",
    "_%_",
    "_==_",
    "_!=_",
    "_>=_",
    "_<=_",
    "_>_",
    "_<_",
    "-_",
    "_[_]",
    "@in",
    "@not_strictly_false",
    "size",
    "contains",
    "startsWith",
    "endsWith",
];

/// Refuses a text that is not worth the parser's while.
pub(super) fn check_text(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > MAX_CONDITION {
        return Err(format!("a condition is 1 to {MAX_CONDITION} bytes long"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("it has control characters".to_owned());
    }
    // Also those inside of texts: telling them apart would take a parser.
    if text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count() > MAX_BRACKETS {
        return Err(format!("it has more than {MAX_BRACKETS} opening brackets"));
    }
    Ok(())
}

/// What an admitted expression looks at.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Of [`ROOTS`].
    pub roots: BTreeSet<&'static str>,
    /// The claims of `subject` and `actor`; `None` where they are looked at as a whole.
    pub claims: Option<BTreeSet<String>>,
    /// Whether it looks at `request.audience` or `request.scope`, which are known only once everything else is.
    pub given: bool,
    /// The texts that it compares those with.
    pub named: Named,
}

/// The targets and scopes that a condition names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The texts that members of `request.audience` are compared with.
    pub audience: BTreeSet<String>,
    /// The texts that members of `request.scope` are compared with.
    pub scope: BTreeSet<String>,
    /// Whether `request.audience` is compared with the empty list.
    pub no_audience: bool,
}

/// A part of the request that is known only once everything else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Audience,
    Scope,
}

impl Given {
    fn from_member(root: &str, member: &str) -> Option<Self> {
        match (root, member) {
            ("request", "audience") => Some(Self::Audience),
            ("request", "scope") => Some(Self::Scope),
            _ => None,
        }
    }
}

/// Goes through an expression.
pub(super) struct Walk<'e> {
    nodes: usize,
    /// The variables of the loop that this is inside of.
    variables: Vec<&'e str>,
    /// The variable that goes over targets or scopes.
    over: Option<(&'e str, Given)>,
    pub uses: Uses,
}

type Checked = Result<(), String>;

impl<'e> Walk<'e> {
    pub(super) fn new() -> Self {
        let uses = Uses { claims: Some(BTreeSet::new()), ..Uses::default() };
        Self { nodes: 0, variables: Vec::new(), over: None, uses }
    }

    /// # Errors
    /// What the expression has that none may have.
    pub(super) fn check(&mut self, expression: &'e IdedExpr, depth: usize) -> Checked {
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(format!(
                "it has more than {MAX_NODES} parts, or parts more than {MAX_DEPTH} deep in each other"
            ));
        }
        match &expression.expr {
            Expr::Literal(LiteralValue::Bytes(_)) => Err("it has bytes, which nothing here is".to_owned()),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.check_name(name, None),
            Expr::Select(select) => self.check_select(select, depth),
            Expr::Call(call) => self.check_call(call, depth),
            Expr::List(list) if list.optional_indices.is_empty() => {
                list.elements.iter().try_for_each(|element| self.check(element, depth + 1))
            }
            Expr::Comprehension(comprehension) => self.check_loop(comprehension, depth),
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("it makes a map, an object or an optional value; compare with texts, numbers and lists".to_owned())
            }
        }
    }

    fn check_name(&mut self, name: &str, member: Option<&str>) -> Checked {
        if self.variables.contains(&name) {
            return Ok(());
        }
        let Some(root) = ROOTS.into_iter().find(|root| *root == name) else {
            return Err(format!("there is no {name:?}; a condition looks at {}", ROOTS.join(", ")));
        };
        self.uses.roots.insert(root);
        // As a whole, it may be asked for any of them.
        self.uses.given |= root == "request" && member.is_none_or(|member| Given::from_member(root, member).is_some());
        let known: &[&str] = match (root, member) {
            ("client", Some(_)) => &CLIENT_MEMBERS,
            ("request", Some(_)) => &REQUEST_MEMBERS,
            (_, Some(claim)) => {
                if let Some(claims) = &mut self.uses.claims {
                    claims.insert(claim.to_owned());
                }
                return Ok(());
            }
            // As a whole, or by a name that is only known when it is evaluated.
            ("subject", None) => {
                self.uses.claims = None;
                return Ok(());
            }
            // `actor == null` is how one asks for an actor.
            (_, None) => return Ok(()),
        };
        match member.filter(|member| !known.contains(member)) {
            Some(member) => Err(format!("{root} has no {member:?}; it has {}", known.join(", "))),
            None => Ok(()),
        }
    }

    fn check_select(&mut self, select: &'e SelectExpr, depth: usize) -> Checked {
        match &select.operand.expr {
            Expr::Ident(name) => self.check_name(name, Some(&select.field)),
            _ => self.check(&select.operand, depth + 1),
        }
    }

    fn check_call(&mut self, call: &'e CallExpr, depth: usize) -> Checked {
        if !FUNCTIONS.contains(&call.func_name.as_str()) {
            return Err(format!("there is no function {:?} for conditions", call.func_name));
        }
        // `subject["x"]` is `subject.x`.
        if call.func_name == "_[_]"
            && let [operand, index] = call.args.as_slice()
            && let (Expr::Ident(name), Expr::Literal(LiteralValue::String(member))) = (&operand.expr, &index.expr)
        {
            return self.check_name(name, Some(member.inner()));
        }
        self.note_comparison(call);
        call.target.iter().try_for_each(|target| self.check(target, depth + 1))?;
        call.args.iter().try_for_each(|argument| self.check(argument, depth + 1))
    }

    fn check_loop(&mut self, comprehension: &'e ComprehensionExpr, depth: usize) -> Checked {
        if !self.variables.is_empty() {
            return Err("it has a loop (all, exists, map, filter) inside another one".to_owned());
        }
        if !is_path(&comprehension.iter_range) {
            return Err(
                "a loop (all, exists, map, filter) goes over a member of a fact, such as subject.groups".to_owned()
            );
        }
        self.check(&comprehension.iter_range, depth + 1)?;
        self.over = self.given(&comprehension.iter_range).map(|given| (comprehension.iter_var.as_str(), given));
        self.variables = vec![&comprehension.iter_var, &comprehension.accu_var];
        self.variables.extend(comprehension.iter_var2.as_deref());
        if let Some(root) = self.variables.iter().find(|variable| ROOTS.contains(variable)) {
            return Err(format!("the variable of a loop cannot be called {root:?}"));
        }
        let parts =
            [&comprehension.accu_init, &comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
        let checked = parts.into_iter().try_for_each(|part| self.check(part, depth + 1));
        self.variables.clear();
        self.over = None;
        checked
    }

    /// Remembers the texts that targets or scopes are compared with.
    fn note_comparison(&mut self, call: &'e CallExpr) {
        let [left, right] = call.args.as_slice() else { return };
        if !["@in", "_==_", "_!=_"].contains(&call.func_name.as_str()) {
            return;
        }
        for (one, other) in [(left, right), (right, left)] {
            let Some(given) = self.given(one) else { continue };
            let compared = match &other.expr {
                Expr::List(list) => list.elements.as_slice(),
                _ => std::slice::from_ref(other),
            };
            let texts = compared.iter().filter_map(|element| match &element.expr {
                Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
                _ => None,
            });
            let named = &mut self.uses.named;
            match given {
                Given::Audience => named.audience.extend(texts),
                Given::Scope => named.scope.extend(texts),
            }
            named.no_audience |= given == Given::Audience && compared.is_empty();
        }
    }

    /// Which of them an expression is, or is a member of.
    fn given(&self, expression: &IdedExpr) -> Option<Given> {
        match &expression.expr {
            Expr::Ident(name) => self.over.filter(|(variable, _)| variable == name).map(|(_, given)| given),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(root) if !select.test => Given::from_member(root, &select.field),
                _ => None,
            },
            Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
                [operand, index] => match (&operand.expr, &index.expr) {
                    (Expr::Ident(root), Expr::Literal(LiteralValue::String(member))) => {
                        Given::from_member(root, member.inner())
                    }
                    _ => self.given(operand),
                },
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether it names something that is there, and makes nothing: `a.b["c"][0]`.
fn is_path(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_path(&select.operand),
        Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
            [operand, index] => is_path(operand) && matches!(index.expr, Expr::Literal(_)),
            _ => false,
        },
        _ => false,
    }
}
