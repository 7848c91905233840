//! Which texts of 32 bytes are good public keys of Ed25519 (RFC 8032 §5.1).

/// Bytes of a public key.
pub(super) const KEY_BYTES: usize = 32;

/// The bit that says which of the two points with one `y` is meant, in the last byte.
const SIGN: u8 = 0x80;

/// `y` of the points of order 8; they are their own negatives or each other's.
const ORDER_8: [[u8; KEY_BYTES]; 2] = [
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

/// Whether signatures under the key prove anything.
///
/// Under a point of small order one signature is good for many messages or for all of them, so that anybody can make
/// one; OpenSSL does not ask. A point that is not written canonically (`y` not below 2^255 − 19) is a second name of
/// another key, which libraries read differently.
pub(super) fn is_good_key(key: &[u8]) -> bool {
    let Ok(mut y) = <[u8; KEY_BYTES]>::try_from(key) else { return false };
    let [first, middle @ .., last] = &mut y;
    *last &= !SIGN;
    // From here on `y` is a number, least significant byte first. 2^255 − 19 is ed ff … ff 7f.
    let is_at_the_top = *last == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    // −1 has the order 2; all that is above is not canonical.
    let is_small_or_not_canonical = is_at_the_top && *first >= 0xec;
    // 0 has the order 4, and 1 is the neutral element.
    let is_0_or_1 = *last == 0 && middle.iter().all(|byte| *byte == 0) && *first <= 1;
    !is_small_or_not_canonical && !is_0_or_1 && !ORDER_8.contains(&y)
}

#[cfg(test)]
mod tests {
    use openssl::pkey::PKey;

    use super::*;

    #[test]
    fn keys_that_are_made_are_good_ones() {
        for _ in 0..50 {
            let key = PKey::generate_ed25519().and_then(|key| key.raw_public_key()).expect("generates");
            assert!(is_good_key(&key), "{key:?}");
        }
    }

    #[test]
    fn points_of_small_order_and_those_that_are_not_canonical_are_no_keys() {
        let number = |first: u8, rest: u8, last: u8| {
            let mut y = [rest; KEY_BYTES];
            (y[0], y[KEY_BYTES - 1]) = (first, last);
            y
        };
        let (zero, one, minus_one) = (number(0, 0, 0), number(1, 0, 0), number(0xec, 0xff, 0x7f));
        let above: Vec<_> = (0xed..=0xff).map(|first| number(first, 0xff, 0x7f)).collect();
        for y in [zero, one, minus_one, ORDER_8[0], ORDER_8[1]].iter().chain(&above) {
            for sign in [0, SIGN] {
                let mut key = *y;
                key[KEY_BYTES - 1] |= sign;
                assert!(!is_good_key(&key), "{key:?}");
            }
        }
        assert!(is_good_key(&number(0xeb, 0xff, 0x7f)) && is_good_key(&number(2, 0, 0)), "their neighbours");
        assert!(!is_good_key(&[9; 31]) && !is_good_key(&[9; 33]) && !is_good_key(&[]));
    }
}
