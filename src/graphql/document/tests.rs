//! The bounds of documents, each at its border and past it.

use std::fmt::Write as _;

use super::*;

/// What GraphiQL asks to begin with, with all that it can ask.
const INTROSPECTION: &str = include_str!("introspection.graphql");

fn refused(document: &str) -> MosaicCode {
    parse(document).expect_err("a refusal").code
}

fn accepted(document: &str) {
    if let Err(error) = parse(document) {
        panic!("{error} for {document}");
    }
}

#[test]
fn the_introspection_query_is_within_the_limits_and_room_is_left() {
    accepted(INTROSPECTION);
    let document = parse_query(INTROSPECTION).expect("a document");
    let mut counter = Counter { document: &document, fragments: HashMap::new() };
    let (_, operation) = document.operations.iter().next().expect("an operation");
    let size = counter.set(&operation.node.selection_set.node, 0, false).expect("a size");
    assert!(size.fields * 3 < MAX_FIELDS && size.cost * 4 < MAX_COST * 3, "{size:?}");
    assert!(size.depth < MAX_DEPTH && size.levels < MAX_SELECTION_DEPTH, "{size:?}");
}

#[test]
fn rounds_through_the_lists_of_the_schema_are_refused() {
    accepted("{__schema{types{fields{type{name}}}}}");
    accepted("{__schema{types{fields{type{fields{type{name}}}}}}}");
    for circles in [
        "{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}",
        "{__type(name:\"Query\"){fields{type{fields{type{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}}}}",
        "{__schema{types{...A}}} fragment A on __Type{fields{type{...B}}} fragment B on __Type{fields{type{...C}}} \
         fragment C on __Type{fields{type{fields{name}}}}",
        "{__schema{...on __Schema{types{possibleTypes{interfaces{possibleTypes{interfaces{possibleTypes{interfaces{name}}}}}}}}}}",
    ] {
        assert_eq!(refused(circles), MosaicCode::QueryTooComplex, "{circles}");
    }
    // Elsewhere these are names like any others.
    accepted("{types{fields{fields{fields{fields{fields{name}}}}}}}");
}

#[test]
fn a_thousand_aliases_are_refused_at_the_top_and_below_it() {
    let aliases = |count: usize| (0..count).fold(String::new(), |text, n| text + &format!("a{n}:x "));
    accepted(&format!("mutation{{{}}}", aliases(MAX_MUTATIONS)));
    accepted(&format!("{{{}}}", aliases(MAX_QUERIES)));
    for (operation, count) in [("mutation", MAX_MUTATIONS + 1), ("", MAX_QUERIES + 1), ("subscription", 1000)] {
        let fields = aliases(count);
        let half = aliases(count / 2 + 1);
        for document in [
            format!("{operation}{{{fields}}}"),
            format!("{operation}{{...{{{fields}}}}}"),
            format!("{operation}{{...A}} fragment A on Q{{{fields}}}"),
            format!("{operation}{{...A ...B}} fragment A on Q{{{half}}} fragment B on Q{{{half}}}"),
            format!("{operation}{{...A ...A}} fragment A on Q{{...B}} fragment B on Q{{{half}}}"),
        ] {
            assert_eq!(refused(document.trim()), MosaicCode::QueryTooComplex, "{document}");
        }
    }
    accepted(&format!("{{x{{{}}}}}", aliases(MAX_FIELDS - 1)));
    assert_eq!(refused(&format!("{{x{{{}}}}}", aliases(MAX_FIELDS))), MosaicCode::QueryTooComplex);
    // Several operations, of which one is executed, are validated together.
    let operations = (0..60).fold(String::new(), |text, n| text + &format!("query Q{n}{{{}}}", aliases(20)));
    assert_eq!(refused(&operations), MosaicCode::QueryTooComplex);
    let unused = format!("{{x}} fragment A on Q{{x{{{}}}}}", aliases(MAX_FIELDS));
    assert_eq!(refused(&unused), MosaicCode::QueryTooComplex);
    let unknown = format!("{{x{{{}}}}}", "...A ".repeat(MAX_FIELDS));
    assert_eq!(refused(&unknown), MosaicCode::QueryTooComplex);
}

#[test]
fn fragments_that_double_each_other_are_counted_and_not_followed() {
    let mut document = String::from("{x{...F0}}");
    for n in 0..20 {
        write!(document, " fragment F{n} on X{{...F{0} ...F{0}}}", n + 1).expect("a string");
    }
    document += " fragment F20 on X{x}";
    assert_eq!(refused(&document), MosaicCode::QueryTooComplex);
}

#[test]
fn fragments_that_spread_themselves_are_refused_used_or_not() {
    for document in [
        "{...A} fragment A on Q{...A}",
        "{x{...A}} fragment A on X{x{...B}} fragment B on X{x ...C} fragment C on X{...on X{...A}}",
        "{x} fragment A on Q{...B} fragment B on Q{...A}",
    ] {
        assert_eq!(refused(document), MosaicCode::GraphqlValidationFailed, "{document}");
    }
}

#[test]
fn deep_documents_are_refused_however_they_are_written() {
    let fields = |levels: usize| format!("{}{}", "{x".repeat(levels), "}".repeat(levels));
    accepted(&fields(MAX_DEPTH));
    assert_eq!(refused(&fields(MAX_DEPTH + 1)), MosaicCode::QueryTooComplex);
    assert_eq!(refused(&fields(10_000)), MosaicCode::QueryTooComplex, "the stack holds");
    let inline = |levels: usize| format!("{{{}x{}}}", "...{".repeat(levels), "}".repeat(levels));
    accepted(&inline(MAX_SELECTION_DEPTH - 2));
    assert_eq!(refused(&inline(MAX_SELECTION_DEPTH)), MosaicCode::QueryTooComplex);
    // A chain of fragments, called from its end first, so that each is known when the next one spreads it.
    for first in [0, 999] {
        let mut chain = format!("{{...F{first}}}");
        for n in 0..1000 {
            write!(chain, "fragment F{n} on Q{{...F{}}}", n + 1).expect("a string");
        }
        assert_eq!(refused(&format!("{chain} fragment F1000 on Q{{x}}")), MosaicCode::QueryTooComplex);
    }
    let value = |levels: usize| format!("{{x(y:{}{})}}", "[".repeat(levels), "]".repeat(levels));
    accepted(&value(30));
    assert_eq!(refused(&value(15_000)), MosaicCode::QueryTooComplex, "the stack holds");
}

#[test]
fn directives_are_few() {
    let directives = |count: usize| "@skip(if:false)".repeat(count);
    accepted(&format!("{{x {}}}", directives(MAX_DIRECTIVES)));
    let many = directives(MAX_DIRECTIVES + 1);
    for document in [
        format!("{{x {many}}}"),
        format!("{{...{many}{{x}}}}"),
        format!("{{...A {many}}} fragment A on Q{{x}}"),
        format!("{{...A}} fragment A on Q {many}{{x}}"),
    ] {
        assert_eq!(refused(&document), MosaicCode::QueryTooComplex, "{document}");
    }
}

#[test]
fn a_syntax_error_says_where_and_repeats_nothing() {
    let error = parse("{a(secret:\"tsk_1\" b}").expect_err("a refusal");
    assert_eq!(error.code, MosaicCode::GraphqlValidationFailed);
    assert!(error.message.starts_with("Syntax error at line 1, column 19: "), "{}", error.message);
    assert!(!error.message.contains("tsk_1"), "{}", error.message);
    for broken in ["", " ", "# {a}", "{", "{}", "}", "{a", "a", "{a}}", "query", "type Query{a:Int}", "{a}{b}", "\u{0}"]
    {
        assert_eq!(refused(broken), MosaicCode::GraphqlValidationFailed, "{broken}");
    }
}
