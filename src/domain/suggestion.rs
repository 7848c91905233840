//! Help for those who mistype.

/// The known name that is most like `name`.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &'a str| (strsim::jaro_winkler(name, candidate), candidate);
    let best = known.into_iter().map(likeness).max_by(|left, right| left.0.total_cmp(&right.0));
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_name_that_was_meant_is_found() {
        assert_eq!(nearest("access_tokn_lifetime", ["name", "access_token_lifetime"]), Some("access_token_lifetime"));
        assert_eq!(nearest("anything", []), None);
    }
}
