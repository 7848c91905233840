use super::*;
use crate::domain::random::SystemRandom;

const SECRET: &[u8] = b"12345678901234567890";

fn secret_of(length: usize) -> TotpSecret {
    TotpSecret::from_bytes(SECRET.iter().copied().cycle().take(length).collect())
}

fn parameters(algorithm: TotpAlgorithm, digits: u8) -> TotpParameters {
    TotpParameters { algorithm, digits, period: 30 }
}

/// The table of RFC 6238, appendix B. (Its text has one secret for all; the reference implementation beside it repeats that up to
/// the length of each hash, and so do the values.)
#[test]
fn codes_are_those_of_rfc_6238() {
    const TABLE: [(i64, [&str; 3]); 6] = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    let algorithms = [TotpAlgorithm::Sha1, TotpAlgorithm::Sha256, TotpAlgorithm::Sha512];
    for (now, codes) in TABLE {
        for (algorithm, code) in algorithms.into_iter().zip(codes) {
            let (secret, of_8) = (secret_of(algorithm.secret_length()), parameters(algorithm, 8));
            assert_eq!(of_8.step_of(&secret, code, now, 0), Some(now / 30), "{algorithm:?} at {now}");
            let of_6 = parameters(algorithm, 6);
            assert_eq!(of_6.step_of(&secret, &code[2..], now, 0), Some(now / 30));
            assert_eq!(of_6.step_of(&secret, code, now, 0), None);
            assert_eq!(of_8.step_of(&secret, &code[2..], now, 0), None);
        }
    }
}

#[test]
fn a_code_is_good_from_a_step_before_its_own_to_the_last_second_of_the_window() {
    let (of_6, secret) = (TotpParameters::default(), secret_of(20));
    let code = of_6.code(&secret, 100);
    for window in 0..=MAX_WINDOW {
        let last = 3029 + 30 * i64::from(window);
        // Without a window the clocks have to agree, in both directions.
        let ahead = window > 0;
        for (now, good) in [(2969, false), (2970, ahead), (2999, ahead), (3000, true), (last, true), (last + 1, false)]
        {
            assert_eq!(of_6.step_of(&secret, &code, now, window), good.then_some(100), "window {window} at {now}");
        }
    }
    assert_eq!(of_6.step_of(&secret, &code, 3030 + 30 * 5, 200), None, "no window is larger than {MAX_WINDOW}");
    assert_eq!(of_6.step_of(&secret, &code, 0, 5), None);
    assert_eq!(of_6.step_of(&secret, &of_6.code(&secret, 0), 0, 5), Some(0));
    for bad in ["", "12345", &format!("{code} "), "１２３４５６"] {
        assert_eq!(of_6.step_of(&secret, bad, 3000, 5), None, "{bad:?}");
    }
}

#[test]
fn secrets_are_as_long_as_the_hash_and_do_not_print_themselves() {
    for (algorithm, length) in [(TotpAlgorithm::Sha1, 20), (TotpAlgorithm::Sha256, 32), (TotpAlgorithm::Sha512, 64)] {
        let one = TotpSecret::generate(algorithm, &SystemRandom).expect("random");
        let other = TotpSecret::generate(algorithm, &SystemRandom).expect("random");
        assert_eq!(one.bytes().len(), length);
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "TotpSecret(…)");
    }
}

#[test]
fn the_uri_says_what_an_app_needs_and_nothing_breaks_out_of_it() {
    let secret = secret_of(20);
    let uri = TotpParameters::default().uri(&secret, "Demo & Co", "ann@example.com?x=1&secret=AAAA");
    assert_eq!(
        uri,
        "otpauth://totp/Demo%20%26%20Co:ann%40example.com%3Fx%3D1%26secret%3DAAAA\
         ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Demo%20%26%20Co"
    );
    let unusual = TotpParameters { algorithm: TotpAlgorithm::Sha256, digits: 8, period: 60 };
    let uri = unusual.uri(&secret, "Demo", "ann");
    assert!(uri.contains("&digits=8") && uri.contains("&algorithm=SHA256") && uri.contains("&period=60"), "{uri}");
    assert_eq!(unusual.secret_in_base32(&secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

#[test]
fn labels_have_no_colon_and_no_end_of_line() {
    assert!(is_label("ann@example.com"));
    for bad in ["", "Bank:ann", "a\nb", "a\0b", &"x".repeat(MAX_LABEL + 1)] {
        assert!(!is_label(bad), "{bad:?}");
    }
    assert_eq!(as_label("Bank:ann\n"), "Bank ann ");
    assert!(is_label(&as_label(&"ö:".repeat(MAX_LABEL))));
}
