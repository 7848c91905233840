//! The encoding of form bodies and Basic credentials, read strictly (RFC 6749 Appendix B).

/// Decodes `%XX` and `+` as forms have them. `None` for broken percent-encoding, for text that is not UTF-8 and for
/// NUL, which no parameter may hold and which PostgreSQL cannot store: it would turn a bad request into a failure of
/// the database.
pub(super) fn form_decode(text: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains('\0'))
}

/// The value of a hexadecimal digit of either case.
fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
