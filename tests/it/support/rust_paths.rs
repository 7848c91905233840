//! The paths in a Rust source file, as far as a text can tell: `a::b::C` wherever it stands, `use` trees taken apart.

/// Every path of two or more parts, such as `["crate", "store", "Store"]`. Comments and texts do not count.
pub fn paths(source: &str) -> Vec<Vec<String>> {
    let code = code(source);
    let mut found = Vec::new();
    let mut rest = code.as_str();
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        // `.name` is a field or a method; `name` inside a longer word is no name.
        if is_name(first) && !first.is_ascii_digit() && !is_name(before) && before != '.' && before != '\'' {
            let end = rest.len() - tree(rest, &[], &mut found).len();
            before = rest[..end].chars().next_back().unwrap_or(' ');
            rest = &rest[end..];
        } else {
            before = first;
            rest = &rest[first.len_utf8()..];
        }
    }
    found.retain(|path| path.len() > 1);
    found
}

/// The source without comments and texts.
pub fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => 1 + end_of_text(&rest[1..]),
            'r' if rest.starts_with("r#\"") => rest.find("\"#").map_or(rest.len(), |end| end + 2),
            '\'' if rest.starts_with("'\"'") => 3,
            _ => 0,
        };
        if skipped == 0 {
            code.push(first);
        }
        rest = &rest[skipped.max(first.len_utf8())..];
    }
    code
}

fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Reads a path or a tree that begins here, and gives what stands behind it.
fn tree<'t>(text: &'t str, prefix: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    if let Some(inside) = text.strip_prefix('{') {
        return group(inside, prefix, found);
    }
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let mut path = prefix.to_vec();
    path.push(text[..end].to_owned());
    let rest = &text[end..];
    match rest.strip_prefix("::") {
        Some(next) if next.starts_with(|c: char| is_name(c) || c == '{') => tree(next, &path, found),
        _ => {
            found.push(path);
            rest
        }
    }
}

/// The members of `{ … }`, whose opening brace is read already.
fn group<'t>(text: &'t str, prefix: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '*');
        if rest.starts_with(|c: char| is_name(c) || c == '{') {
            rest = tree(rest, prefix, found);
            if let Some(renamed) = rest.trim_start().strip_prefix("as ") {
                rest = renamed.trim_start().trim_start_matches(is_name);
            }
        } else {
            // Even an empty or a starred group names its prefix.
            found.push(prefix.to_vec());
            return rest.strip_prefix('}').unwrap_or(rest);
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[test]
fn trees_and_inline_paths_are_found_and_comments_and_texts_are_not() {
    let source = "use a::{b, c::{D as E, f}, *};\n// no::such\nlet x = crate::y::Z::<u8>(\"no::text \\\" no::more\", g::h); \
                  x.i::<J>(); r#\"no::\"raw\"#; k::l!('\"', m::n)";
    let found: Vec<String> = paths(source).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::b", "a::c::D", "a::c::f", "a::c", "crate::y::Z", "g::h", "k::l", "m::n"]);
}
