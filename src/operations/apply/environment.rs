//! Compares the environment itself, and its tenant, with the database.

use super::{
    ApplyContext, ApplyError, Change,
    plan::{Facts, Planned, differences},
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
    let tenant = find_tenant(conn, block)?;
    // Without a word on the tenant it is the default environment's; a tenant that is named but not there has none.
    let unnamed = block.tenant_id.is_none() && block.tenant.is_none();
    let default = all.iter().find(|environment| environment.is_default).filter(|_| unnamed);
    let tenant_id = tenant.as_ref().map(|tenant| &tenant.id).or(default.map(|default| &default.tenant_id));
    let known = match &block.id {
        Some(id) => all.iter().find(|environment| environment.id == *id),
        None => {
            all.iter().find(|environment| Some(&environment.tenant_id) == tenant_id && environment.name == block.name)
        }
    };
    match known {
        Some(known) => plan_known_environment(context, block, known, tenant),
        None => plan_new_environment(context, block, &all, tenant),
    }
}

/// The tenant that the block names, if it names one and it is there.
fn find_tenant(conn: &mut Conn<'_>, block: &EnvironmentBlock) -> Result<Option<Tenant>, ApplyError> {
    Ok(match (&block.tenant_id, &block.tenant) {
        (Some(id), _) => tenants::find(conn, id)?,
        (None, Some(name)) => tenants::named(conn, name)?,
        (None, None) => None,
    })
}

fn plan_known_environment(
    context: &ApplyContext<'_>,
    block: &EnvironmentBlock,
    known: &Environment,
    tenant: Option<Tenant>,
) -> Result<Planned, ApplyError> {
    let names_a_tenant = block.tenant_id.is_some() || block.tenant.is_some();
    if names_a_tenant && tenant.is_none_or(|tenant| tenant.id != known.tenant_id) {
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
    let mut planned = Planned { environment: wanted.clone(), changes: Vec::new(), steps: Vec::new() };
    let details = differences(&facts(known), &facts(&wanted));
    if !details.is_empty() {
        let longer = wanted.access_token_lifetime > known.access_token_lifetime;
        let now = context.keys.now;
        let change = Change { sign: '~', what: format!("environment {}", wanted.name), details };
        planned.add(change, move |conn| {
            environments::update(conn, &wanted)?;
            if longer {
                // Tokens issued until a key retires live longer now, and so must the key.
                extend_retiring_keys(conn, &wanted, now)?;
            }
            Ok(())
        });
    }
    Ok(planned)
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
    let default = all.iter().find(|environment| environment.is_default);
    let named = block.tenant_id.is_some() || block.tenant.is_some();
    // Without a word on the tenant, a further environment joins the default one's.
    let (tenant_id, new_tenant) = match (tenant, default) {
        (Some(tenant), _) => (tenant.id, None),
        (None, Some(default)) if !named => (default.tenant_id.clone(), None),
        (None, _) => {
            let id = block.tenant_id.clone().map_or_else(|| random_uuid(context.keys.random), Ok)?;
            let name = block.tenant.clone().unwrap_or_else(|| block.name.clone());
            (id.clone(), Some(Tenant { id, name, created_at: now, enabled: true }))
        }
    };
    let environment = Environment {
        id,
        tenant_id,
        name: block.name.clone(),
        is_default: default.is_none(),
        enabled: block.enabled,
        tenant_enabled: true,
        access_token_lifetime: block.access_token_lifetime,
    };
    let mut planned = Planned { environment: environment.clone(), changes: Vec::new(), steps: Vec::new() };
    if let Some(tenant) = new_tenant {
        let change = Change { sign: '+', what: format!("tenant {}", tenant.name), details: Vec::new() };
        planned.add(change, move |conn| Ok(tenants::insert(conn, &tenant)?));
    }
    let change = Change { sign: '+', what: format!("environment {}", environment.name), details: Vec::new() };
    planned.add(change, move |conn| Ok(environments::insert(conn, &environment, now)?));
    Ok(planned)
}

fn facts(environment: &Environment) -> Facts {
    Facts::from_iter([
        ("name".to_owned(), environment.name.clone().into()),
        ("enabled".to_owned(), environment.enabled.into()),
        ("access_token_lifetime".to_owned(), environment.access_token_lifetime.into()),
    ])
}
