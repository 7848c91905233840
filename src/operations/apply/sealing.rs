//! Secrets that a file gives and the server has to read again.

use super::{ApplyContext, ApplyError};
use crate::{
    domain::secret::{Secret, SecretHash},
    operations::keys::sealing_key,
    store::{Conn, signing_keys},
};

/// A secret as it is kept: its hash, and it sealed for the place that `aad` names. The `known` one, if it is the same, stays
/// sealed as it is: sealed again it would look like another.
pub(super) fn kept_secret(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    environment_id: &str,
    secret: &Secret,
    known: Option<(&SecretHash, &[u8])>,
    aad: &[u8],
) -> Result<(SecretHash, Vec<u8>), ApplyError> {
    let hash = secret.hash();
    if let Some((_, sealed)) = known.filter(|(known, _)| known.equals(&hash)) {
        return Ok((hash, sealed.to_vec()));
    }
    // Under a master key that is not that of the servers they could not open it.
    context.keys.opens(environment_id, &signing_keys::list(conn, environment_id)?)?;
    let master_key = sealing_key(conn, context.keys.master_key)?;
    let sealed = master_key.seal(context.keys.random, secret.reveal().as_bytes(), aad).map_err(ApplyError::Seal)?;
    Ok((hash, sealed))
}
