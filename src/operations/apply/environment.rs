//! Compares the environment itself, and its tenant, with the database.

use super::{
    ApplyContext, ApplyError, Change,
    plan::{Facts, Planned, between, differences},
};
use crate::{
    domain::{environment::Environment, random::random_uuid},
    operations::environment_file::EnvironmentBlock,
    store::{
        Conn, StoreError, environments, signing_keys,
        tenants::{self, Tenant},
    },
};

/// Finds the environment that the block is about, or plans a new one.
pub(super) fn plan_environment(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
) -> Result<Planned, ApplyError> {
    let all: Vec<Environment> = environments::all(conn)?.into_iter().map(|stored| stored.environment).collect();
    let tenant = find_tenant(conn, block, &all)?;
    let known = match (&block.id, &tenant) {
        (Some(id), _) => all.iter().find(|environment| environment.id == *id),
        (None, Some(tenant)) => {
            all.iter().find(|environment| environment.tenant_id == tenant.id && environment.name == block.name)
        }
        (None, None) => None,
    };
    match known {
        Some(known) => plan_known_environment(conn, context, block, &all, known, tenant),
        None => plan_new_environment(context, block, &all, tenant),
    }
}

fn names_a_tenant(block: &EnvironmentBlock) -> bool {
    block.tenant_id.is_some() || block.tenant.is_some()
}

/// The tenant that the block names, if it is there; without a word on it, that of the default environment.
fn find_tenant(
    conn: &mut Conn<'_>,
    block: &EnvironmentBlock,
    all: &[Environment],
) -> Result<Option<Tenant>, ApplyError> {
    let default = all.iter().find(|environment| environment.is_default);
    let found = match (&block.tenant_id, &block.tenant, default) {
        (Some(id), _, _) => tenants::find(conn, id)?,
        (None, Some(name), _) => tenants::named(conn, name)?,
        (None, None, Some(default)) => tenants::find(conn, &default.tenant_id)?,
        (None, None, None) => None,
    };
    match (&found, &block.tenant) {
        (Some(tenant), Some(name)) if tenant.name != *name => Err(ApplyError::Contradiction(format!(
            "tenant {} has the name {:?}, and the file says {name:?}; a tenant cannot be renamed",
            tenant.id, tenant.name
        ))),
        _ => Ok(found),
    }
}

fn plan_known_environment(
    conn: &mut Conn<'_>,
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
    all: &[Environment],
    known: &Environment,
    tenant: Option<Tenant>,
) -> Result<Planned, ApplyError> {
    if names_a_tenant(block) && tenant.is_none_or(|tenant| tenant.id != known.tenant_id) {
        return Err(ApplyError::Contradiction(format!(
            "environment {} belongs to another tenant than the file says; an environment cannot move",
            known.id
        )));
    }
    let wanted = Environment {
        name: block.name.clone(),
        enabled: block.enabled,
        access_token_lifetime: block.access_token_lifetime,
        ..known.clone()
    };
    let mut planned = Planned::new(wanted.clone());
    if let Some(tenant) = tenants::find(conn, &known.tenant_id)? {
        plan_tenant(&mut planned, block, all, &tenant);
    }
    let details = differences(&facts(known), &facts(&wanted));
    if !details.is_empty() {
        let lifetime = known.access_token_lifetime;
        let now = context.keys.now;
        let change = Change { details, ..Change::of('~', "environment", &wanted.name) };
        let recorded = between(Some(&facts(known)), Some(&facts(&wanted)));
        planned.add_known(change, recorded, move |conn| {
            environments::update(conn, &wanted)?;
            if wanted.access_token_lifetime > lifetime {
                // Tokens issued until a key retires live longer now, and so must the key.
                extend_retiring_keys(conn, &wanted, now)?;
            }
            if wanted.access_token_lifetime < lifetime {
                remember_longer_tokens(conn, &wanted, now.saturating_add(lifetime))?;
            }
            Ok(())
        });
    }
    Ok(planned)
}

/// A tenant goes out of force with all its environments, or comes back with them.
fn plan_tenant(planned: &mut Planned, block: &EnvironmentBlock, all: &[Environment], tenant: &Tenant) {
    let Some(enabled) = block.tenant_enabled.filter(|enabled| *enabled != tenant.enabled) else { return };
    let own = all.iter().filter(|environment| environment.tenant_id == tenant.id);
    planned.touched.extend(own.map(|environment| environment.id.clone()));
    planned.environment.tenant_enabled = enabled;
    let details = vec![format!("enabled: {} -> {enabled}", tenant.enabled)];
    let change = Change { details, ..Change::of('~', "tenant", &tenant.name) };
    let id = tenant.id.clone();
    planned.add(change, move |conn| Ok(tenants::set_enabled(conn, &id, enabled).map(drop)?));
}

/// Tokens made until now live until `expiry`, which the new lifetime says nothing of: a key that retires soon must still be
/// known then.
fn remember_longer_tokens(conn: &mut Conn<'_>, environment: &Environment, expiry: i64) -> Result<(), StoreError> {
    for key in signing_keys::list(conn, &environment.id)? {
        let schedule = key.schedule.with_token_until(expiry);
        signing_keys::update_schedule(conn, &environment.id, &key.kid, &schedule)?;
    }
    Ok(())
}

fn extend_retiring_keys(conn: &mut Conn<'_>, environment: &Environment, now: i64) -> Result<(), StoreError> {
    for key in signing_keys::list(conn, &environment.id)? {
        if let Some(retires_at) = key.schedule.retires_at.filter(|retires_at| *retires_at > now) {
            let schedule = key.schedule.retiring_at(retires_at, environment.access_token_lifetime);
            signing_keys::update_schedule(conn, &environment.id, &key.kid, &schedule)?;
        }
    }
    Ok(())
}

fn plan_new_environment(
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
    all: &[Environment],
    tenant: Option<Tenant>,
) -> Result<Planned, ApplyError> {
    let now = context.keys.now;
    let id = block.id.clone().map_or_else(|| random_uuid(context.keys.random), Ok)?;
    let is_new_tenant = tenant.is_none();
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => Tenant {
            id: block.tenant_id.clone().map_or_else(|| random_uuid(context.keys.random), Ok)?,
            name: block.tenant.clone().unwrap_or_else(|| block.name.clone()),
            created_at: now,
            enabled: block.tenant_enabled.unwrap_or(true),
        },
    };
    let environment = Environment {
        id,
        tenant_id: tenant.id.clone(),
        name: block.name.clone(),
        is_default: !all.iter().any(|environment| environment.is_default),
        enabled: block.enabled,
        tenant_enabled: tenant.enabled,
        access_token_lifetime: block.access_token_lifetime,
    };
    let mut planned = Planned::new(environment.clone());
    plan_tenant(&mut planned, block, all, &tenant);
    if is_new_tenant {
        let change = Change::of('+', "tenant", &tenant.name);
        planned.add(change, move |conn| Ok(tenants::insert(conn, &tenant)?));
    }
    let change = Change::of('+', "environment", &environment.name);
    let recorded = between(None, Some(&facts(&environment)));
    planned.add_known(change, recorded, move |conn| Ok(environments::insert(conn, &environment, now)?));
    Ok(planned)
}

fn facts(environment: &Environment) -> Facts {
    Facts::from_iter([
        ("name".to_owned(), environment.name.clone().into()),
        ("enabled".to_owned(), environment.enabled.into()),
        ("access_token_lifetime".to_owned(), environment.access_token_lifetime.into()),
    ])
}
