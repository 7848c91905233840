//! An authenticator app of the tests' own (RFC 6238): what the server's crate computes is not held against itself.

use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};

/// One entry of an app.
#[derive(Clone)]
pub struct AuthenticatorApp {
    secret: Vec<u8>,
    digest: MessageDigest,
    digits: u32,
    /// How long a step is, in seconds.
    pub period: i64,
    /// What the app shows.
    pub label: String,
    /// The same.
    pub issuer: String,
}

impl AuthenticatorApp {
    /// Reads the picture that the user photographs.
    pub fn of_uri(uri: &str) -> Self {
        let url = url::Url::parse(uri).expect("a URI");
        assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")), "{uri}");
        let parameter = |name: &str| {
            let mut all = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            let first = all.next();
            assert_eq!(all.next(), None, "{name} twice in {uri}");
            first
        };
        let digest = match parameter("algorithm").as_deref() {
            None | Some("SHA1") => MessageDigest::sha1(),
            Some("SHA256") => MessageDigest::sha256(),
            Some("SHA512") => MessageDigest::sha512(),
            Some(other) => panic!("{other}"),
        };
        let number = |name: &str, default: u32| parameter(name).map_or(default, |text| text.parse().expect("a number"));
        let label = url::form_urlencoded::parse(url.path().trim_start_matches('/').replace('+', "%2B").as_bytes())
            .next()
            .expect("a label")
            .0
            .into_owned();
        let (_, label) = label.split_once(':').expect("the issuer in the label");
        Self {
            secret: base32(&parameter("secret").expect("a secret")),
            digest,
            digits: number("digits", 6),
            period: number("period", 30).into(),
            label: label.to_owned(),
            issuer: parameter("issuer").expect("an issuer"),
        }
    }

    /// What it shows at a moment (seconds since 1970).
    pub fn code_at(&self, now: i64) -> String {
        let step = u64::try_from(now / self.period).expect("after 1970");
        let key = PKey::hmac(&self.secret).expect("a key");
        let mut signer = Signer::new(self.digest, &key).expect("a signer");
        signer.update(&step.to_be_bytes()).expect("data");
        let mac = signer.sign_to_vec().expect("a MAC");
        let offset = usize::from(mac[mac.len() - 1] & 15);
        let word = u32::from_be_bytes(mac[offset..offset + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
        format!("{:0width$}", word % 10_u32.pow(self.digits), width = self.digits as usize)
    }

    /// A code that it does not show anywhere near that moment.
    pub fn wrong_code_at(&self, now: i64) -> String {
        let shown: Vec<String> = (-7..8).map(|steps| self.code_at(now + steps * self.period)).collect();
        let candidates = (0..20).map(|number| format!("{number:0width$}", width = self.digits as usize));
        candidates.into_iter().find(|code| !shown.contains(code)).expect("one of twenty")
    }
}

fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => panic!("{text} is not in base 32"),
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    bytes
}

#[test]
fn it_shows_the_codes_of_rfc_6238() {
    let uri = "otpauth://totp/Demo:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8&issuer=Demo";
    let app = AuthenticatorApp::of_uri(uri);
    assert_eq!((app.label.as_str(), app.issuer.as_str()), ("ann@example.com", "Demo"));
    assert_eq!(app.code_at(59), "94287082");
    assert_eq!(app.code_at(1_234_567_890), "89005924");
}
