//! A mail for those who see no HTML.

use super::{Action, Page};

/// Writes it.
pub(super) fn write(page: &Page<'_>) -> String {
    let action = match page.action {
        Action::Link(link) if page.link_text.is_empty() => link.to_owned(),
        Action::Link(link) => format!("{}:\n{link}", page.link_text),
        Action::Code(code) => code.to_owned(),
        Action::Nothing => String::new(),
    };
    let footer = if page.footer.is_empty() { String::new() } else { format!("-- \n{}", page.footer) };
    let parts = [page.header.clone(), page.body.clone(), action, page.info.clone(), footer];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n").replace("\r\n", "\n").replace('\r', "\n") + "\n"
}
