//! Finds the environment that a command is about.

use crate::{
    domain::environment::Environment,
    store::{Conn, StoreError, environments},
};

/// The name or id of an environment; the default one when absent.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentLookup(pub Option<String>);

impl EnvironmentLookup {
    /// Looks it up. A name that several tenants use finds none: the id is needed then.
    ///
    /// # Errors
    /// The database fails.
    pub fn find(&self, conn: &mut Conn<'_>) -> Result<Option<Environment>, StoreError> {
        let all = environments::all(conn)?.into_iter().map(|stored| stored.environment);
        let mut fitting = all.filter(|environment| match &self.0 {
            Some(wanted) => environment.id == *wanted || environment.name == *wanted,
            None => environment.is_default,
        });
        let first = fitting.next();
        Ok(first.filter(|_| fitting.next().is_none()))
    }

    /// What to tell somebody whose environment was not found.
    pub fn not_found(&self) -> String {
        match &self.0 {
            Some(wanted) => {
                format!("there is no environment {wanted:?}, or there are several of that name: give its id")
            }
            None => "there is no environment yet: run `tessera apply FILE`".to_owned(),
        }
    }
}
