//! An authenticator in software, and the browser around it. It does what the specification says, and what a test makes it say instead.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    sha::sha256,
    sign::Signer,
};
use serde_json::{Value, json};
use tessera::domain::random::{Random as _, SystemRandom};

use super::maker::Maker;

/// Flags of authenticator data (Level 2 §6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;

/// A key on the authenticator.
#[derive(Clone)]
pub struct Held {
    /// Credential id.
    pub id: Vec<u8>,
    /// The domain that it is for.
    pub rp_id: String,
    /// What the relying party called the user.
    pub user_handle: Vec<u8>,
    /// How often it signed; see [`Authenticator::counts`].
    pub counter: u32,
    key: PKey<Private>,
}

/// What it says of its maker.
#[derive(Clone)]
pub enum Statement {
    /// Nothing.
    None,
    /// Signed by the new key itself.
    Own,
    /// Signed by the maker's key, with the maker's certificate.
    Of(Box<Maker>),
}

/// The authenticator. A clone of it is a cloned authenticator.
#[derive(Clone)]
pub struct Authenticator {
    /// Its model.
    pub aaguid: [u8; 16],
    /// What it says of its maker.
    pub statement: Statement,
    /// Whether somebody touches it.
    pub present: bool,
    /// Whether it asks for a PIN or a finger.
    pub verifies: bool,
    /// Whether its keys can be copied to other devices, and are.
    pub synchronised: bool,
    /// Whether it has a signature counter.
    pub counts: bool,
    /// Whether it says whose key it is.
    pub says_user: bool,
    /// The keys on it.
    pub held: Vec<Held>,
}

/// The page that asks for a ceremony.
#[derive(Clone)]
pub struct Page {
    /// Its origin.
    pub origin: String,
    /// Whether it is in a frame of another origin.
    pub cross_origin: bool,
    /// What is signed instead of the challenge that was given.
    pub challenge: Option<Vec<u8>>,
    /// For which domain, instead of that of the options.
    pub rp_id: Option<String>,
}

impl Page {
    /// An honest one.
    pub fn of(origin: &str) -> Self {
        Self { origin: origin.to_owned(), cross_origin: false, challenge: None, rp_id: None }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let given = STANDARD.decode(options["challenge"].as_str().expect("a challenge")).expect("base64");
        let challenge = URL_SAFE_NO_PAD.encode(self.challenge.as_ref().unwrap_or(&given));
        let data = json!({
            "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin,
        });
        data.to_string().into_bytes()
    }
}

impl Default for Authenticator {
    fn default() -> Self {
        Self {
            aaguid: *b"\xea\x9b\x8d\x66\x4d\x01\x1d\x21\x3c\xe4\xb6\xb4\x8c\xb5\x75\xd4",
            statement: Statement::None,
            present: true,
            verifies: true,
            synchronised: false,
            counts: true,
            says_user: true,
            held: Vec::new(),
        }
    }
}

impl Authenticator {
    /// `navigator.credentials.create()`, encoded as the vendor's SDK does.
    pub fn create(&mut self, options: &Value, page: &Page) -> Value {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = EcKey::generate(&group).expect("a key");
        let mut id = vec![0; 32];
        SystemRandom.fill(&mut id).expect("random bytes");
        let rp_id = page.rp_id.clone().unwrap_or_else(|| options["rp"]["id"].as_str().expect("an rp id").to_owned());
        let user_handle = STANDARD.decode(options["user"]["id"].as_str().expect("a user id")).expect("base64");
        let client_data = page.client_data("webauthn.create", options);

        let mut data = self.data(&rp_id, ATTESTED, 0);
        data.extend(self.aaguid);
        data.extend(u16::try_from(id.len()).expect("a short id").to_be_bytes());
        data.extend(&id);
        data.extend(cose_key(&group, &key));
        let key = PKey::from_ec_key(key).expect("a key");
        let signed = [data.as_slice(), &sha256(&client_data)].concat();
        let statement = match &self.statement {
            Statement::None => map(&[]),
            Statement::Own => map(&[("alg", integer(-7)), ("sig", bytes(&sign(&key, &signed)))]),
            Statement::Of(maker) => map(&[
                ("alg", integer(-7)),
                ("sig", bytes(&sign(&maker.key, &signed))),
                ("x5c", [vec![0x81], bytes(&maker.certificate)].concat()),
            ]),
        };
        let format = if matches!(self.statement, Statement::None) { "none" } else { "packed" };
        let object = map(&[("fmt", text(format)), ("attStmt", statement), ("authData", bytes(&data))]);

        self.held.push(Held { id: id.clone(), rp_id, user_handle, counter: 0, key });
        json!({
            "id": URL_SAFE_NO_PAD.encode(&id), "rawId": STANDARD.encode(&id), "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": { "attestationObject": STANDARD.encode(object), "clientDataJSON": STANDARD.encode(client_data) },
        })
    }

    /// `navigator.credentials.get()`: with the first key that was asked for, or the first of the domain.
    pub fn get(&mut self, options: &Value, page: &Page) -> Value {
        let allowed: Vec<Vec<u8>> = options["allowCredentials"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| STANDARD.decode(one["id"].as_str().expect("an id")).expect("base64"))
            .collect();
        let rp_id = options["rpId"].as_str().expect("an rp id");
        let fits = |held: &Held| held.rp_id == rp_id && (allowed.is_empty() || allowed.contains(&held.id));
        let place = self.held.iter().position(fits).expect("a key that was asked for");
        self.get_with(place, options, page)
    }

    /// The same with a key of the test's choice.
    pub fn get_with(&mut self, place: usize, options: &Value, page: &Page) -> Value {
        if self.counts {
            self.held[place].counter += 1;
        }
        let held = self.held[place].clone();
        let client_data = page.client_data("webauthn.get", options);
        let data = self.data(page.rp_id.as_ref().unwrap_or(&held.rp_id), 0, held.counter);
        let signature = sign(&held.key, &[data.as_slice(), &sha256(&client_data)].concat());
        let user_handle = if self.says_user { STANDARD.encode(&held.user_handle) } else { String::new() };
        json!({
            "id": URL_SAFE_NO_PAD.encode(&held.id), "rawId": STANDARD.encode(&held.id), "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "authenticatorData": STANDARD.encode(data), "clientDataJSON": STANDARD.encode(client_data),
                "signature": STANDARD.encode(signature), "userHandle": user_handle,
            },
        })
    }

    fn data(&self, rp_id: &str, more: u8, counter: u32) -> Vec<u8> {
        let flag = |is_set: bool, flags: u8| if is_set { flags } else { 0 };
        let flags = more
            | flag(self.present, PRESENT)
            | flag(self.verifies, VERIFIED)
            | flag(self.synchronised, BACKUP_ELIGIBLE | BACKED_UP);
        [&sha256(rp_id.as_bytes())[..], &[flags], &counter.to_be_bytes()].concat()
    }
}

/// What the page gives its backend.
pub fn encoded(session_id: &str, credential: &Value) -> String {
    let all = json!({ "webauthnSessionId": session_id, "publicKeyCredential": credential, "userAgent": USER_AGENT });
    STANDARD.encode(all.to_string())
}

/// As the browser calls itself.
pub const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

/// The same answer as `PublicKeyCredential.toJSON()` makes it.
pub fn to_json(credential: &Value) -> Value {
    let mut credential = credential.clone();
    credential["rawId"] = credential["id"].clone();
    for member in credential["response"].as_object_mut().expect("an object").values_mut() {
        let bytes = STANDARD.decode(member.as_str().expect("a text")).expect("base64");
        *member = URL_SAFE_NO_PAD.encode(bytes).into();
    }
    credential["clientExtensionResults"] = json!({});
    credential
}

fn sign(key: &PKey<Private>, text: &[u8]) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).expect("a signer");
    signer.sign_oneshot_to_vec(text).expect("a signature")
}

fn cose_key(group: &EcGroup, key: &EcKey<Private>) -> Vec<u8> {
    let mut context = BigNumContext::new().expect("a context");
    let (mut x, mut y) = (BigNum::new().expect("a number"), BigNum::new().expect("a number"));
    key.public_key().affine_coordinates(group, &mut x, &mut y, &mut context).expect("coordinates");
    let coordinate = |number: &BigNum| bytes(&number.to_vec_padded(32).expect("32 bytes"));
    // {1: 2, 3: -7, -1: 1, -2: x, -3: y}: EC2, ES256, P-256 (RFC 9052 §7, RFC 9053 §7.1).
    [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21][..], &coordinate(&x), &[0x22], &coordinate(&y)].concat()
}

/// CBOR (RFC 8949 §3): the type in the upper three bits, and a length.
fn head(kind: u8, length: usize) -> Vec<u8> {
    let kind = kind << 5;
    match u16::try_from(length).expect("a short text") {
        short @ 0..24 => vec![kind | short as u8],
        short @ 24..256 => vec![kind | 24, short as u8],
        long => [&[kind | 25][..], &long.to_be_bytes()].concat(),
    }
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len()), value.to_vec()].concat()
}

fn text(value: &str) -> Vec<u8> {
    [head(3, value.len()), value.as_bytes().to_vec()].concat()
}

fn integer(value: i8) -> Vec<u8> {
    if value < 0 { head(1, usize::from(value.unsigned_abs()) - 1) } else { head(0, usize::from(value.unsigned_abs())) }
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let members_ = members.iter().map(|(name, value)| [text(name), value.clone()].concat());
    head(5, members.len()).into_iter().chain(members_.flatten()).collect()
}
