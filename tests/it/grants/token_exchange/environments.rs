//! Environments that show what the demo's cannot.

/// Id and secret of `gate`, the client of most rules here.
pub const GATE: (&str, &str) = ("gate", "a-secret-of-gate-with-more-than-32-characters");
/// Id and secret of `mask`, which impersonates.
pub const MASK: (&str, &str) = ("mask", "a-secret-of-mask-with-more-than-32-characters");
/// Id and secret of `worker`, which `api-a` is.
pub const WORKER: (&str, &str) = ("worker", "a-secret-of-worker-with-more-than-32-characters");

/// Three open targets, one that no rule opens, one that is disabled, one of another form, one that is a URL.
pub const TARGETS: &str = r#"
[environment]
name = "targets"

[[resource_server]]
audience = "front-api"
scopes = ["read", "write", "report"]
clients = ["gate", "mask"]

[[resource_server]]
audience = "api-a"
scopes = ["read", "write", "admin"]
clients = ["worker"]

[[resource_server]]
audience = "api-b"
scopes = ["read", "report"]

[[resource_server]]
audience = "https://api.example/v1"
scopes = ["fetch"]

[[resource_server]]
audience = "api-array"
scopes = ["read"]
scope_claim = "array"

[[resource_server]]
audience = "api-closed"
scopes = ["read"]

[[resource_server]]
audience = "api-off"
scopes = ["read"]
enabled = false

[[client]]
id = "front"
grants = []
secret = "a-secret-of-front-with-more-than-32-characters"

[[client]]
id = "gate"
grants = ["token_exchange"]
secret = "a-secret-of-gate-with-more-than-32-characters"
access = [
    { audience = "api-a", scopes = ["read", "write"] },
    { audience = "api-b", scopes = ["read", "report"] },
    { audience = "api-array", scopes = ["read"] },
    { audience = "https://api.example/v1", scopes = ["fetch"] },
]

[[client]]
id = "mask"
grants = ["token_exchange"]
secret = "a-secret-of-mask-with-more-than-32-characters"
access = [{ audience = "api-a", scopes = ["read"] }]

[[client]]
id = "worker"
grants = ["client_credentials", "token_exchange"]
secret = "a-secret-of-worker-with-more-than-32-characters"
access = [{ audience = "api-b", scopes = ["read"] }]

[[exchange_rule]]
name = "gate passes users on"
client = "gate"
audience = ["api-a", "api-b", "api-array", "api-off", "https://api.example/v1"]
pass_scopes = ["read", "write", "report"]
grant_scopes = ["fetch"]

[[exchange_rule]]
name = "mask looks like the user"
client = "mask"
audience = ["api-a"]
mode = "impersonation"
pass_scopes = ["read"]

[[exchange_rule]]
name = "worker goes on"
client = "worker"
audience = ["api-b"]
pass_scopes = ["read"]
"#;

/// A client that may exchange its own results for ever, as far as its rule goes.
pub const LOOP: &str = r#"
[environment]
name = "loop"

[[resource_server]]
audience = "loop-api"
scopes = ["turn"]
clients = ["gate"]

[[client]]
id = "gate"
grants = ["client_credentials", "token_exchange"]
secret = "a-secret-of-gate-with-more-than-32-characters"
access = [{ audience = "loop-api", scopes = ["turn"], default_scopes = ["turn"] }]

[[exchange_rule]]
name = "round and round"
client = "gate"
audience = ["loop-api"]
pass_scopes = ["turn"]
"#;
