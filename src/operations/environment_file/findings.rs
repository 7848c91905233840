//! Mistakes, and where in the file they are.

use std::{collections::BTreeMap, fmt, path::Path};

use crate::domain::suggestion::nearest;

/// A mistake or a warning with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The environment file.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do. Never a secret.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// All mistakes in an environment file, in the order of their places; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFileErrors(pub Vec<Finding>);

impl fmt::Display for EnvironmentFileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, finding) in self.0.iter().enumerate() {
            let separator = if position > 0 { "\n" } else { "" };
            write!(f, "{separator}{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for EnvironmentFileErrors {}

/// Gathers findings while the file is read, and knows where each part of it stands.
pub(super) struct Findings<'t> {
    text: &'t str,
    /// Where each line begins: counting from the start for every block takes minutes in a large file.
    lines: Vec<usize>,
    file: String,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    /// The path of a value, such as `client[2].access[0].audience`, to its first byte.
    places: BTreeMap<String, usize>,
}

impl<'t> Findings<'t> {
    pub(super) fn new(text: &'t str, file: &Path) -> Self {
        let file = file.display().to_string();
        let after_breaks = text.match_indices('\n').map(|(position, _)| position + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Self { text, lines, file, errors: Vec::new(), warnings: Vec::new(), places: BTreeMap::new() }
    }

    /// Remembers where the value with this path begins.
    pub(super) fn remember(&mut self, path: &str, start: usize) {
        self.places.insert(path.to_owned(), start);
    }

    /// A mistake in the value with this path, or, if it is absent, in the block around it.
    pub(super) fn error(&mut self, path: &str, message: impl fmt::Display) {
        let finding = self.finding(self.place(path), format!("{}: {message}", without_positions(path)));
        self.errors.push(finding);
    }

    /// A warning about the value with this path.
    pub(super) fn warn(&mut self, path: &str, message: impl fmt::Display) {
        let finding = self.finding(self.place(path), format!("{}: {message}", without_positions(path)));
        self.warnings.push(finding);
    }

    /// A mistake at a byte of the text.
    pub(super) fn error_at(&mut self, start: usize, message: String) {
        let finding = self.finding(start, message);
        self.errors.push(finding);
    }

    /// The line of the value with this path.
    pub(super) fn line(&self, path: &str) -> usize {
        self.line_and_column(self.place(path)).0
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    pub(super) fn into_errors(mut self) -> EnvironmentFileErrors {
        self.errors.sort_by_key(|finding| (finding.line, finding.column));
        EnvironmentFileErrors(self.errors)
    }

    pub(super) fn into_warnings(mut self) -> Vec<Finding> {
        self.warnings.sort_by_key(|finding| (finding.line, finding.column));
        self.warnings
    }

    fn finding(&self, start: usize, message: String) -> Finding {
        let (line, column) = self.line_and_column(start);
        Finding { file: self.file.clone(), line, column, message }
    }

    fn line_and_column(&self, start: usize) -> (usize, usize) {
        let start = start.min(self.text.len());
        let line = self.lines.partition_point(|line_start| *line_start <= start);
        let line_start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
        let column = self.text.get(line_start..start).unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// Where the path, or the nearest thing around it, begins.
    fn place(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(start) = self.places.get(path) {
                return *start;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => return 0,
            }
        }
    }
}

/// `client[2].access[0].audience` as people write it: `client.access.audience`.
fn without_positions(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for part in path.split('[') {
        match part.split_once(']') {
            Some((_, rest)) => text.push_str(rest),
            None => text.push_str(part),
        }
    }
    text
}

/// The known name that was perhaps meant, to be put behind the message.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|name| format!(" (the nearest one is \"{name}\")")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_the_index_and_not_by_counting_from_the_start() {
        let text = "é = 1\n[a]\n  b = 2\n";
        let mut findings = Findings::new(text, Path::new("f.toml"));
        let place = text.find("b =").expect("there");
        assert_eq!(findings.line_and_column(place), (3, 3));
        assert_eq!(findings.line_and_column("é".len()), (1, 2), "columns are counted in characters");
        assert_eq!(findings.line_and_column(text.len() + 1), (4, 1));
        // Whoever counts from the start takes as long for each of many blocks as the file is long, and sees no index.
        findings.lines = vec![0, place];
        assert_eq!(findings.line_and_column(place), (2, 1));
    }
}
