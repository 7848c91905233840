//! A mail as HTML: without scripts, style sheets or anything that is fetched from elsewhere.

use std::fmt::Write as _;

use super::{Action, Page};
use crate::outbound::mail::LOGO_ID;

const FONT: &str = "font-family:Helvetica,Arial,sans-serif";

/// Writes it.
pub(super) fn write(page: &Page<'_>) -> String {
    let mut html = String::new();
    html.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width\"></head>\n");
    add(&mut html, format_args!("<body style=\"margin:0;padding:24px;background:#f4f4f4;color:#222;{FONT}\">\n"));
    html.push_str("<div style=\"max-width:480px;margin:0 auto;padding:32px;background:#fff;border-radius:8px\">\n");
    if page.has_logo {
        add(&mut html, format_args!("<p><img src=\"cid:{LOGO_ID}\" alt=\"\" style=\"max-width:200px\"></p>\n"));
    }
    if !page.header.is_empty() {
        add(&mut html, format_args!("<h1 style=\"font-size:22px\">{}</h1>\n", text(&page.header)));
    }
    paragraph(&mut html, &page.body, "font-size:16px;line-height:1.5");
    action(&mut html, page);
    paragraph(&mut html, &page.info, "font-size:14px;line-height:1.5");
    paragraph(&mut html, &page.footer, "font-size:12px;line-height:1.5;color:#666");
    html.push_str("</div>\n</body></html>\n");
    html
}

fn add(html: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = html.write_fmt(arguments);
}

fn paragraph(html: &mut String, words: &str, style: &str) {
    if !words.is_empty() {
        add(html, format_args!("<p style=\"{style}\">{}</p>\n", text(words)));
    }
}

fn action(html: &mut String, page: &Page<'_>) {
    let (colour, on) = (page.colour.css(), page.colour.readable_on().css());
    match page.action {
        Action::Link(link) => {
            let words = if page.link_text.is_empty() { link } else { &page.link_text };
            let style = format!(
                "display:inline-block;padding:12px 24px;border-radius:6px;background:{colour};color:{on};\
                 text-decoration:none;font-size:16px;word-break:break-all"
            );
            let (link, words) = (text(link), text(words));
            add(html, format_args!("<p><a href=\"{link}\" style=\"{style}\">{words}</a></p>\n"));
        }
        Action::Code(code) => {
            let style = format!("font-size:32px;letter-spacing:4px;font-family:monospace;color:{colour}");
            add(html, format_args!("<p style=\"{style}\">{}</p>\n", text(code)));
        }
        Action::Nothing => {}
    }
}

/// A text that is nothing but text, in an element or in a quoted attribute. Its line breaks stay.
fn text(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for c in words.replace("\r\n", "\n").chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\r' => safe.push_str("<br>\n"),
            other => safe.push(other),
        }
    }
    safe
}
