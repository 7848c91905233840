//! From the text of a condition to an answer.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use cel::{Context, Env, ExecutionError, IdedExpr, Value};

use super::{
    bounds::{Uses, Walk, check_text},
    facts::{Budget, Facts},
};

/// What the parser may need of the stack, in bytes: several times what the longest text takes in a build without optimisation.
const PARSER_STACK: usize = 32 * 1024 * 1024;
/// How deep the parser goes before it gives up.
const PARSER_DEPTH: u16 = 48;

/// A condition that can be evaluated.
pub(super) struct Compiled {
    environment: Arc<Env>,
    expression: IdedExpr,
    uses: Uses,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("uses", &self.uses).finish_non_exhaustive()
    }
}

/// Reads a condition.
pub(super) fn compile(text: &str) -> Result<Compiled, String> {
    check_text(text)?;
    // The parser goes some twenty calls deeper with every bracket: what it needs is more than a thread of the server has, and
    // running out of stack would end the process. A panic of it, which is not ours to mend, ends this thread only.
    let parser = thread::Builder::new().name("condition".to_owned()).stack_size(PARSER_STACK);
    let text = text.to_owned();
    let parsing = parser.spawn(move || parse(&text)).map_err(|error| format!("it cannot be read now: {error}"))?;
    parsing.join().unwrap_or_else(|_| Err("the parser fails at it".to_owned()))
}

fn parse(text: &str) -> Result<Compiled, String> {
    let environment = Arc::new(Env::stdlib());
    let parser = environment.parser().max_recursion_depth(PARSER_DEPTH).enable_optional_syntax(false);
    let expression = parser.parse(text).map_err(|errors| {
        let first = errors.errors.first().map(|error| error.msg.as_str()).unwrap_or_default();
        format!("it is no CEL expression: {}", one_line(first))
    })?;
    let uses = {
        let mut walk = Walk::new();
        walk.check(&expression, 0)?;
        walk.uses
    };
    Ok(Compiled { environment, expression, uses })
}

fn one_line(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Compiled {
    pub(super) fn uses(&self) -> &Uses {
        &self.uses
    }

    /// # Errors
    /// Why the condition does not hold.
    pub(super) fn check(&self, facts: &Facts<'_>) -> Result<(), String> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        let mut budget = Budget::new();
        for root in &self.uses.roots {
            let value = facts.value(root, &mut budget).ok_or("the claims are too large for conditions")?;
            context.add_variable_from_value(*root, value);
        }
        // Arithmetic of the crate is checked; should some of it not be, only this rule does not allow.
        let outcome = catch_unwind(AssertUnwindSafe(|| Value::resolve(&self.expression, &context)));
        match outcome {
            Ok(Ok(Value::Bool(true))) => Ok(()),
            Ok(Ok(Value::Bool(false))) => Err("the condition is false".to_owned()),
            Ok(Ok(_)) => Err("the condition is neither true nor false".to_owned()),
            Ok(Err(error)) => Err(format!("the condition cannot be evaluated: {}", self.reason(&error))),
            Err(_) => Err("the condition cannot be evaluated: the interpreter failed".to_owned()),
        }
    }

    /// Without any value: the texts of the crate quote claims, which may be personal, and would end up in the log.
    fn reason(&self, error: &ExecutionError) -> String {
        match error {
            ExecutionError::NoSuchKey(name) => {
                match self.uses.claims.as_ref().filter(|known| known.contains(&**name)) {
                    Some(_) => format!("there is no {name:?}"),
                    None => "a member that it names is not there".to_owned(),
                }
            }
            ExecutionError::NoSuchOverload(overload) => {
                format!("{} does not go with {}", overload.function(), overload.argument_types().join(" and "))
            }
            ExecutionError::UndeclaredReference(_) => "it names something that is not there".to_owned(),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "a division by zero".to_owned(),
            ExecutionError::Overflow(..) => "a number grew too large".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "a list has no such place".to_owned(),
            _ => "its values do not go together".to_owned(),
        }
    }
}
