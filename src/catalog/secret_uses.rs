//! When secrets were last used, on their way from the requests to the database.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{client::ClientSecret, secret_use::SecretUse},
    metrics::Page,
};

/// The secrets of the clients in memory, by id. Requests never come here: they hold the [`SecretUse`] of their client's secret.
#[derive(Debug, Default)]
pub struct SecretUses {
    by_id: Mutex<HashMap<String, SecretUse>>,
    /// By environment, when its next client secret expires (seconds since 1970), as of the last look.
    next_expiries: Mutex<Vec<(String, i64)>>,
}

impl SecretUses {
    /// Lets the uses of the secrets be seen here, also those of a client that is loaded again.
    pub(super) fn connect(&self, secrets: &mut [ClientSecret]) {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            secret.used = by_id.entry(secret.id.clone()).or_default().clone();
        }
    }

    /// The secrets that were used since the last call, by id, with the time of the last use (seconds since 1970). What no client in
    /// memory has any more is forgotten.
    pub fn take(&self) -> Vec<(String, i64)> {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<_> = by_id.iter().filter_map(|(id, used)| Some((id.clone(), used.take()?))).collect();
        by_id.retain(|_, used| used.is_shared());
        taken.sort();
        taken
    }

    /// Keeps when the next client secret of each environment expires (seconds since 1970), to be shown.
    pub fn next_expire(&self, expiries: Vec<(String, i64)>) {
        *self.next_expiries.lock().unwrap_or_else(PoisonError::into_inner) = expiries;
    }

    /// Writes that onto `page`.
    pub(super) fn expose(&self, page: &mut Page) {
        for (environment, at) in self.next_expiries.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let help = "When the next client secret expires, in seconds since 1970.";
            page.seconds("tessera_client_secret_next_expiry_seconds", help, &[("environment", environment)], *at);
        }
    }

    /// Puts back what could not be written.
    pub fn put_back(&self, taken: &[(String, i64)]) {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, at) in taken {
            by_id.entry(id.clone()).or_default().note(*at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn loaded(uses: &SecretUses, id: &str) -> ClientSecret {
        let mut secrets = [ClientSecret::new(id.to_owned(), Secret::new(id).hash(), None)];
        uses.connect(&mut secrets);
        secrets[0].clone()
    }

    #[test]
    fn a_use_is_taken_once_and_survives_that_its_client_is_loaded_again() {
        let uses = SecretUses::default();
        let before = loaded(&uses, "one");
        before.used.note(100);
        drop(before);
        let after = loaded(&uses, "one");
        assert_eq!(uses.take(), [("one".to_owned(), 100)]);
        after.used.note(160);
        assert_eq!(uses.take(), [("one".to_owned(), 160)]);
        assert_eq!(uses.take(), []);
    }

    #[test]
    fn what_could_not_be_written_is_tried_again_and_a_later_use_wins() {
        let uses = SecretUses::default();
        let (one, two) = (loaded(&uses, "one"), loaded(&uses, "two"));
        one.used.note(100);
        two.used.note(100);
        let taken = uses.take();
        two.used.note(130);
        uses.put_back(&taken);
        assert_eq!(uses.take(), [("one".to_owned(), 100), ("two".to_owned(), 130)]);
    }

    #[test]
    fn secrets_of_clients_that_are_not_in_memory_take_none() {
        let uses = SecretUses::default();
        for number in 0..1000 {
            loaded(&uses, &number.to_string()).used.note(100);
        }
        assert_eq!(uses.take().len(), 1000, "the last use is not lost with the client");
        let kept = loaded(&uses, "kept");
        assert_eq!(uses.by_id.lock().expect("no panic").len(), 1);
        uses.put_back(&[("gone".to_owned(), 100)]);
        assert_eq!(uses.take().len(), 1);
        assert!(uses.take().is_empty() && uses.by_id.lock().expect("no panic").len() == 1);
        drop(kept);
    }
}
