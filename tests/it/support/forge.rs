//! Tokens that the server never made: by its own key, opened as its owner could open it, or by an attacker's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use tessera::{
    app,
    domain::{
        clock::Clock as _,
        environment::SigningAlg,
        random::{SystemRandom, random_id},
    },
    jose::{master_key::private_key_aad, private_key::PrivateKey},
    operations::{keys, lookup::EnvironmentLookup},
};

use super::{TestServer, server::load};

/// A key that signs whatever it is given. ES256.
pub struct Forge {
    /// Its id.
    pub kid: String,
    /// Its public half.
    pub public_jwk: String,
    /// Its private half as PKCS#8.
    pub der: Vec<u8>,
}

impl Forge {
    /// The key that the server's default environment signs with by default.
    pub fn of(server: &TestServer) -> Self {
        let settings = load(server.variables());
        let store = app::open_store(&settings).expect("the database");
        let (environment, keys) = keys::list(&store, &EnvironmentLookup::default()).expect("the keys");
        let key = keys.iter().rfind(|key| key.alg == SigningAlg::ES256).expect("a key");
        let aad = private_key_aad(&environment.id, &key.kid);
        let master_key = app::master_key(&settings.keys, &SystemRandom).expect("the master key");
        let der = master_key.open(&key.sealed_private_key, &aad).expect("to open the key");
        Self { kid: key.kid.clone(), public_jwk: key.public_jwk.clone(), der }
    }

    /// A key that the server knows nothing of.
    pub fn attacker() -> Self {
        let key = PrivateKey::generate(SigningAlg::ES256).expect("a key");
        Self {
            kid: key.kid().to_owned(),
            public_jwk: key.public_jwk().to_owned(),
            der: key.to_pkcs8_der().expect("PKCS#8"),
        }
    }

    /// The header of a good token by this key.
    pub fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.kid })
    }

    /// A token with a good header.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// A token of any two texts.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        signed(header, payload, &EncodingKey::from_ec_der(&self.der), Algorithm::ES256)
    }
}

/// A token signed with any key.
pub fn signed(header: &str, payload: &str, key: &EncodingKey, alg: Algorithm) -> String {
    let signed = unsigned(header, payload);
    let signature = crypto::sign(signed.as_bytes(), key, alg).expect("a signature");
    format!("{signed}.{signature}")
}

/// Header and payload of a token, without a signature.
pub fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// The claims of a good user's token for `audience` that was issued to `client_id` just now.
pub fn claims(server: &TestServer, audience: &str, client_id: &str, scope: &str) -> Value {
    let now = server.clock.now();
    json!({
        "iss": server.url,
        "sub": "user-1",
        "aud": audience,
        "client_id": client_id,
        "iat": now,
        "exp": now + 3600,
        "jti": random_id(&SystemRandom).expect("randomness"),
        "scope": scope,
        "subjectType": "EndUserAccount",
    })
}

/// `base` with other values for some members; `null` takes one out.
pub fn with(base: &Value, changes: &Value) -> Value {
    let mut changed = base.clone();
    let members = changed.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    changed
}
