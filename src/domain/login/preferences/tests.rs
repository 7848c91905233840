//! Login preferences as somebody writes them.

use serde_json::json;

use super::*;

/// Every method with what it must have.
pub(crate) fn least() -> Value {
    json!({
        "email": { "expiresIn": 15, "linksPerUser": 5, "message": { "primaryColor": "#1a73e8" } },
        "email_otp": { "expiresIn": 5, "maxFailures": 3, "message": { "primaryColor": "#fff" } },
        "sms": { "expiresIn": 5, "maxFailures": 3 },
        "password": {
            "passwordMinLength": 14, "passwordComplexity": 5, "blockPreviousPasswords": 0, "passwordExpiresIn": 90,
            "resetValidityMinutes": 5, "message": { "primaryColor": "#1a73e8" },
        },
        "totp": {},
        "webauthn_api": { "rpId": "app.example" },
    })
}

/// Puts `value` at `path` of the least preferences.
fn with(path: &str, value: Value) -> Value {
    let mut all = least();
    let (place, name) = path.rsplit_once('.').expect("a path");
    let place = place.split('.').fold(&mut all, |place, name| &mut place[name]);
    place[name] = value;
    all
}

/// The mistakes in what somebody wrote.
fn mistakes(value: Value) -> Vec<String> {
    LoginPreferences::read(value).expect_err("a mistake").iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused(path: &str, value: Value, problem: &str) {
    let found = mistakes(with(path, value));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(path) && found[0].contains(problem), "{found:?}");
}

#[test]
fn what_is_not_said_is_the_default_of_the_contract() {
    let read = LoginPreferences::read(least()).expect("right");
    let expected = json!({
        "email": { "expiresIn": 15, "linksPerUser": 5, "message": { "primaryColor": "#1a73e8" } },
        "email_otp": {
            "expiresIn": 5, "lockoutDuration": 15, "maxFailures": 3, "codeLength": 6, "crossClientsAllowed": false,
            "message": { "primaryColor": "#fff" },
        },
        "sms": { "expiresIn": 5, "lockoutDuration": 15, "maxFailures": 3, "codeLength": 6, "crossClientsAllowed": false },
        "password": {
            "passwordMinLength": 14, "passwordComplexity": 5, "blockPreviousPasswords": 0, "checkHibp": false,
            "checkDictionary": false, "passwordExpiresIn": 90, "ignoreExpiration": false, "maxPasswordFailures": 5,
            "passwordSuspensionDuration": 15, "failuresExpireIn": 15, "tempPasswordValidityHours": 24,
            "resetValidityMinutes": 5, "codeLength": 6, "requireMFA": false, "notifyOnPasswordUpdate": false,
            "message": { "primaryColor": "#1a73e8" },
        },
        "totp": {
            "algorithm": "sha1", "digits": 6, "period": 30, "window": 1, "maxFailures": 5, "lockoutDuration": 15,
            "failuresExpireIn": 15, "maxTotpPerUser": 1,
        },
        "webauthn_api": {
            "rpId": "app.example", "replaceExistingPasskey": false, "failuresExpireIn": 15, "allowSyncedPasskeys": true,
            "enforceAttestation": false, "attestationType": "none",
        },
    });
    let written = serde_json::to_value(&read).expect("JSON");
    assert_eq!(written, expected);
    assert_eq!(LoginPreferences::read(written.clone()).expect("what is shown can be sent back"), read);
    assert_eq!(serde_json::from_value::<LoginPreferences>(written).expect("what is kept can be read"), read);
}

#[test]
fn a_method_that_is_absent_or_null_is_not_allowed() {
    let read = LoginPreferences::read(json!({ "totp": null })).expect("right");
    assert_eq!(read, LoginPreferences::default());
    assert_eq!(serde_json::to_value(read).expect("JSON"), json!({}));
}

#[test]
fn numbers_keep_within_their_bounds() {
    for (path, from, to) in [
        ("email.expiresIn", 1, 1440),
        ("email.linksPerUser", 1, 60),
        ("email_otp.expiresIn", 1, 1440),
        ("email_otp.lockoutDuration", 1, 525_600),
        ("email_otp.maxFailures", 1, 20),
        ("email_otp.codeLength", 4, 8),
        ("sms.expiresIn", 1, 1440),
        ("sms.lockoutDuration", 1, 525_600),
        ("sms.maxFailures", 1, 20),
        ("sms.codeLength", 4, 8),
        ("password.passwordMinLength", 5, 14),
        ("password.passwordComplexity", 1, 5),
        ("password.blockPreviousPasswords", 0, 20),
        ("password.passwordExpiresIn", 1, 1096),
        ("password.maxPasswordFailures", 1, 20),
        ("password.passwordSuspensionDuration", 1, 525_600),
        ("password.failuresExpireIn", 1, 525_600),
        ("password.tempPasswordValidityHours", 1, 8760),
        ("password.resetValidityMinutes", 5, 60),
        ("password.codeLength", 4, 8),
        ("totp.period", 10, 300),
        ("totp.window", 0, 5),
        ("totp.maxFailures", 1, 20),
        ("totp.lockoutDuration", 1, 525_600),
        ("totp.failuresExpireIn", 1, 525_600),
        ("totp.maxTotpPerUser", 1, 50),
        ("webauthn_api.failuresExpireIn", 1, 525_600),
    ] {
        for good in [from, to] {
            LoginPreferences::read(with(path, json!(good)))
                .unwrap_or_else(|found| panic!("{path} = {good}: {found:?}"));
        }
        let problem = format!("must be a whole number from {from} to {to}");
        for bad in [json!(from - 1), json!(to + 1), json!(1.5), json!(u64::MAX)] {
            refused(path, bad, &problem);
        }
        refused(path, json!("5"), "must be a whole number");
        refused(path, Value::Null, "must be a whole number");
    }
    for digits in [6, 8] {
        LoginPreferences::read(with("totp.digits", json!(digits))).expect("right");
    }
    refused("totp.digits", json!(7), "must be one of 6, 8");
    refused("totp.algorithm", json!("md5"), "must be one of \"sha1\", \"sha256\", \"sha512\"");
    refused("webauthn_api.attestationType", json!("enterprise"), "\"none\", \"indirect\", \"direct\"");
    refused("password.checkHibp", json!("yes"), "must be true or false");
}

#[test]
fn all_mistakes_are_said_at_once() {
    let found = mistakes(json!({
        "google": { "clientId": "a" },
        "password": { "passwordMinLenght": 8, "passwordComplexity": 9, "message": { "primaryColor": "red", "from": 3 } },
        "totp": [],
        "webauthn_api": { "rpId": "https://app.example", "aaguidAllowList": ["x"] },
    }));
    let expected = [
        "password.blockPreviousPasswords is missing",
        "password.message.from must be a text",
        "password.passwordComplexity must be a whole number from 1 to 5",
        "password.passwordExpiresIn is missing",
        "password.passwordMinLength is missing",
        "password.resetValidityMinutes is missing",
        "password.passwordMinLenght is not known (the nearest one is \"passwordMinLength\")",
        "totp must be an object",
        "webauthn_api.rpId must be a domain",
        "webauthn_api.aaguidAllowList[0] must be an AAGUID",
        "google is not a method of this server",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for start in expected {
        assert!(found.iter().any(|found| found.starts_with(start)), "{start}: {found:#?}");
    }
    for whole in [json!([]), json!("x"), Value::Null] {
        assert_eq!(mistakes(whole), ["must be an object"]);
    }
}

#[test]
fn tiers_rise_and_are_ten_at_most() {
    let tiers = |attempts: &[u32]| -> Value {
        attempts.iter().map(|attempts| json!({ "attempts": attempts, "duration": 5 })).collect()
    };
    for method in ["password", "totp", "webauthn_api"] {
        let path = format!("{method}.lockoutTiers");
        let ten: Vec<u32> = (1..=10).collect();
        let read = LoginPreferences::read(with(&path, tiers(&ten))).expect("right");
        let kept = [read.password.map(|p| p.lockout_tiers), read.totp.map(|t| t.lockout_tiers)];
        let kept =
            kept.into_iter().flatten().chain(read.webauthn_api.map(|w| w.lockout_tiers)).map(|tiers| tiers.len());
        assert_eq!(kept.sum::<usize>(), MAX_TIERS);
        refused(&path, tiers(&(1..=11).collect::<Vec<_>>()), "may have 10 items at most");
        refused(&path, tiers(&[3, 3]), "[1].attempts must be more than the 3");
        refused(&path, tiers(&[3, 6, 5]), "[2].attempts must be more than the 6");
        refused(&path, tiers(&[0]), "[0].attempts must be a whole number from 1 to 1000");
        refused(&path, json!([{ "attempts": 1 }]), "[0].duration is missing");
        refused(&path, json!([{ "attempts": 1, "duration": 1, "unit": "s" }]), "[0].unit is not known");
    }
}

#[test]
fn texts_that_go_into_mails_and_apps_stay_on_their_line() {
    for method in ["email", "email_otp", "password"] {
        for header in ["from", "subject"] {
            let path = format!("{method}.message.{header}");
            LoginPreferences::read(with(&path, json!("Grüße aus der Küche"))).expect("right");
            for bad in ["Shop\r\nBcc: everyone@example.com", "a\nb", "\u{0}", "  "] {
                refused(&path, json!(bad), "must be one line");
            }
            refused(&path, json!(""), "must have 1 to");
            refused(&path, json!("a".repeat(201)), "must have 1 to");
        }
        let path = format!("{method}.message.primaryColor");
        for bad in ["red", "#12345", "#1234567", "#ggg", "#fff;}", "url(x)"] {
            refused(&path, json!(bad), "must be a colour");
        }
    }
    for bad in ["Shop:user", "a\nb", " "] {
        refused("totp.issuer", json!(bad), "must be one line, without colons");
    }
}

#[test]
fn passkeys_are_bound_to_a_domain_and_used_from_origins() {
    for good in ["localhost", "app.example", "xn--bcher-kva.example", "a.b.c"] {
        LoginPreferences::read(with("webauthn_api.rpId", json!(good))).expect(good);
    }
    for bad in
        ["https://app.example", "app.example:443", "App.example", "127.0.0.1", "app..example", "-a.example", "[::1]"]
    {
        refused("webauthn_api.rpId", json!(bad), "must be a domain");
    }
    for good in ["https://app.example", "https://app.example:8443", "http://localhost:3000", "http://a.localhost"] {
        LoginPreferences::read(with("webauthn_api.rpWebOrigins", json!([good]))).expect(good);
    }
    for bad in ["http://app.example", "https://app.example/", "app.example", "http://localhost.evil.example", "null"] {
        let found = mistakes(with("webauthn_api.rpWebOrigins", json!(["https://app.example", bad])));
        assert!(found[0].starts_with("webauthn_api.rpWebOrigins[1] must be an origin"), "{found:?}");
    }
    let apps = json!(["ios:bundle-id:com.example.app", "android:apk-key-hash:kX7_a-b"]);
    LoginPreferences::read(with("webauthn_api.rpMobileOrigins", apps)).expect("right");
    for bad in ["https://app.example", "ios:bundle-id:", "android:apk-key-hash:a b"] {
        let found = mistakes(with("webauthn_api.rpMobileOrigins", json!([bad])));
        assert!(found[0].starts_with("webauthn_api.rpMobileOrigins[0] must be \"ios:bundle-id"), "{found:?}");
    }
    refused("webauthn_api.enforceAttestation", json!(true), "needs an attestationType");
}

#[test]
fn authenticators_are_either_allowed_or_blocked_by_their_model() {
    let id = "ee882879-721c-4913-9775-3dfcce97072a";
    let both = json!({ "webauthn_api": { "rpId": "a", "aaguidAllowList": [id], "aaguidBlockList": [id] } });
    assert!(mistakes(both)[0].contains("cannot stand together with aaguidAllowList"));
    for list in ["aaguidAllowList", "aaguidBlockList"] {
        LoginPreferences::read(with(&format!("webauthn_api.{list}"), json!([id]))).expect("right");
    }
}

#[test]
fn older_names_of_origins_are_taken_alone() {
    let origins = |members: Value| {
        let mut passkeys = json!({ "rpId": "app.example" });
        passkeys.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        LoginPreferences::read(json!({ "webauthn_api": passkeys }))
            .map(|read| read.webauthn_api.expect("passkeys").origins())
            .map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let one = "https://one.app.example";
    assert_eq!(origins(json!({})), Ok(vec!["https://app.example".to_owned()]));
    for older in [json!({ "rpOrigins": [one] }), json!({ "rpOrigin": one }), json!({ "rpWebOrigins": [one] })] {
        assert_eq!(origins(older), Ok(vec![one.to_owned()]));
    }
    let both = origins(json!({ "rpWebOrigins": [one], "rpOrigins": [one] })).expect_err("two names");
    assert!(both[0].starts_with("webauthn_api.rpOrigins is not known"), "{both:?}");
    let wrong = origins(json!({ "rpOrigin": 3 })).expect_err("no text");
    assert_eq!(wrong, ["webauthn_api.rpWebOrigins[0] must be a text"]);
}
