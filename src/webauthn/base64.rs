//! Base64 as browsers send it.

use ::base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Reads both alphabets, with and without padding: the vendor's SDK uses `btoa`, `PublicKeyCredential.toJSON()` base64url. `None`
/// if it is neither, or more than `most` bytes.
pub(super) fn decode(text: &str, most: usize) -> Option<Vec<u8>> {
    if text.len() > encoded_length(most) {
        return None;
    }
    let bytes = if text.contains(['-', '_']) { URL_SAFE.decode(text) } else { STANDARD.decode(text) };
    bytes.ok().filter(|bytes| bytes.len() <= most)
}

/// How many characters that many bytes are, padding included.
const fn encoded_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding_up_to_the_limit() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(decode(text, 2), Some(vec![0xfb, 0xff]), "{text}");
            assert_eq!(decode(text, 1), None, "{text}");
        }
        for text in ["+_8=", "-/8", "a", "é", "a b=", "AAAA\n"] {
            assert_eq!(decode(text, 100), None, "{text}");
        }
        assert_eq!(decode("", 0), Some(Vec::new()));
    }
}
