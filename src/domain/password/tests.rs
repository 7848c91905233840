use super::*;

const CHEAP: HashParameters = HashParameters { memory_kib: 64, iterations: 1, lanes: 1 };
const SALT: [u8; SALT_LENGTH] = *b"0123456789abcdef";

fn password(text: &str) -> Password {
    Password::parse(text).expect("a password")
}

#[test]
fn length_is_looked_at_before_anything_else() {
    assert_eq!(Password::parse(""), Err(NoPassword::Empty));
    assert_eq!(Password::parse(&"x".repeat(1024 * 1024)), Err(NoPassword::TooLong));
    assert_eq!(Password::parse(&"x".repeat(MAX_CHARACTERS + 1)), Err(NoPassword::TooLong));
    assert!(Password::parse(&"x".repeat(MAX_CHARACTERS)).is_ok());
    // 4 bytes each.
    assert!(Password::parse(&"🔑".repeat(MAX_CHARACTERS)).is_ok());
    assert_eq!(Password::parse(&"🔑".repeat(MAX_BYTES / 4 + 1)), Err(NoPassword::TooLong));
    for wrong in ["a\0b", "a\nb", "a\u{7f}b", "a\u{85}b"] {
        assert_eq!(Password::parse(wrong), Err(NoPassword::ControlCharacters), "{wrong:?}");
    }
}

#[test]
fn two_spellings_of_the_same_text_are_the_same_password() {
    assert_eq!(password("caf\u{e9}"), password("cafe\u{301}"));
    assert_eq!(password("\u{ac00}"), password("\u{1100}\u{1161}"));
    assert_eq!(password("a\u{a0}b\u{3000}c"), password("a b c"));
    // What differs for people stays different: case, width, ligatures, spaces at the ends.
    for (one, other) in [("a", "A"), ("a", "\u{ff41}"), ("fi", "\u{fb01}"), ("a ", "a"), ("²", "2")] {
        assert_ne!(password(one), password(other), "{one:?} {other:?}");
    }
}

#[test]
fn a_password_does_not_print_itself() {
    let shown = format!("{:?} {:?}", password("open sesame"), LeakedRange::of(&password("open sesame")));
    assert!(!shown.contains("sesame"), "{shown}");
}

#[test]
fn a_hash_is_that_of_the_reference_implementation() {
    // printf 'password' | argon2 somesalt -id -t 2 -k 65536 -p 1 -e (the tests of the reference implementation).
    let hash = PasswordHash::from_stored(
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
    );
    let mut scratch = Scratch::default();
    assert_eq!(hash.matches(&password("password"), &mut scratch), Ok(true));
    assert_eq!(hash.matches(&password("passwore"), &mut scratch), Ok(false));
    // Memory that was used for something larger gives the same.
    let made = PasswordHash::make(&password("x"), &SALT, CHEAP, &mut scratch).expect("a hash");
    let fresh = PasswordHash::make(&password("x"), &SALT, CHEAP, &mut Scratch::default()).expect("a hash");
    assert_eq!(made, fresh);
    assert!(made.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", made.as_str());
    assert_eq!(made.matches(&password("x"), &mut scratch), Ok(true));
}

#[test]
fn a_hash_under_other_parameters_is_good_and_outdated() {
    let mut scratch = Scratch::default();
    let made = PasswordHash::make(&password("x"), &SALT, CHEAP, &mut scratch).expect("a hash");
    assert!(!made.is_outdated(CHEAP));
    for other in [
        HashParameters { memory_kib: 128, ..CHEAP },
        HashParameters { iterations: 2, ..CHEAP },
        HashParameters { lanes: 2, ..CHEAP },
    ] {
        assert!(made.is_outdated(other), "{other:?}");
        let other = PasswordHash::make(&password("x"), &SALT, other, &mut scratch).expect("a hash");
        assert_eq!(other.matches(&password("x"), &mut scratch), Ok(true));
    }
}

#[test]
fn what_is_no_hash_matches_nothing() {
    let mut scratch = Scratch::default();
    for wrong in [
        "",
        "x",
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        let hash = PasswordHash::from_stored(wrong.to_owned());
        assert!(hash.matches(&password("password"), &mut scratch).is_err(), "{wrong}");
    }
}

#[test]
fn a_leaked_password_is_found_by_the_rest_of_its_hash() {
    // SHA-1 of "password": 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
    let range = LeakedRange::of(&password("password"));
    assert_eq!(range.prefix(), "5BAA6");
    let suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    assert!(range.is_in(&format!("0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n{suffix}:3730471\r\n")));
    assert!(range.is_in(&format!("{}:1", suffix.to_lowercase())));
    for answer in
        ["", "\r\n", suffix, &format!("{suffix}:0"), &format!("{suffix}:x"), "0018A45C4D1DEF81644B54AB7F969B88D65:3"]
    {
        assert!(!range.is_in(answer), "{answer}");
    }
}

fn weak(text: &str, level: u8, dictionary: bool) -> Vec<Weakness> {
    let rules = StrengthRules { min_length: 8, level, dictionary };
    weaknesses(&password(text), &rules, &["Ada.Lovelace@mail.example".to_owned(), "ada1815".to_owned()])
}

#[test]
fn levels_ask_for_more_and_more() {
    use Weakness::{Guessable, TooFewKinds, TooShort};
    let cases: [(&str, [&[Weakness]; 5]); 6] = [
        (
            "password",
            [&[], &[Guessable], &[TooFewKinds, Guessable], &[TooFewKinds, Guessable], &[TooFewKinds, Guessable]],
        ),
        ("hunter22", [&[], &[Guessable], &[Guessable], &[TooFewKinds, Guessable], &[TooFewKinds, Guessable]]),
        (
            "x7Kq",
            [
                &[TooShort],
                &[TooShort, Guessable],
                &[TooShort, Guessable],
                &[TooShort, Guessable],
                &[TooShort, TooFewKinds, Guessable],
            ],
        ),
        ("zebra lamp orbit quill", [&[], &[], &[], &[TooFewKinds], &[TooFewKinds]]),
        ("Zebra lamp orbit 7 quill", [&[], &[], &[], &[], &[]]),
        ("mF7#kQ2!vX9p", [&[], &[], &[], &[], &[]]),
    ];
    for (text, by_level) in cases {
        for (level, expected) in (1..=MAX_LEVEL).zip(by_level) {
            assert_eq!(weak(text, level, false), expected, "{text} at {level}");
        }
    }
}

#[test]
fn one_word_with_ornaments_is_a_dictionary_word_and_several_are_none() {
    for word in ["dictionary1!", "D1ct10nary", "yranoitcid7"] {
        assert!(weak(word, 1, true).contains(&Weakness::DictionaryWord), "{word}");
        assert!(!weak(word, 1, false).contains(&Weakness::DictionaryWord), "{word}");
    }
    for several in ["zebra lamp orbit quill", "mF7#kQ2!vX9p"] {
        assert_eq!(weak(several, 1, true), [], "{several}");
    }
}

#[test]
fn what_the_user_is_known_by_is_no_password() {
    for own in ["ada.lovelace", "ADA.Lovelace1!", "ada1815!x", "Ada.Lovelace@mail.example"] {
        assert!(weak(own, 1, false).contains(&Weakness::Identifier), "{own}");
    }
    assert!(!weak("Countess Ada1815 wrote 4 notes on engines", 5, true).contains(&Weakness::Identifier));
}

#[test]
fn the_longest_password_is_judged_in_bounded_time() {
    for text in ["a1".repeat(64), "@4ss".repeat(32), "🔑".repeat(128), "qwertyui".repeat(16)] {
        let started = std::time::Instant::now();
        let _ = weak(&text, 5, true);
        // Some 20 ms on an idle machine; the bound only tells polynomial from exponential.
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{text}");
    }
}
