//! What a text may be at the most, seen before a parser builds anything of it.
//!
//! A host is not trusted to send what it should. The parser expands no entities, because none can be declared; what
//! grows faster than the text does, like searching each of an element's attributes among the others, is bounded here.

use super::ReadXml;

/// The longest text, in bytes.
pub const SIZE: usize = 8 << 20;
/// How deep elements may lie within each other.
pub const DEPTH: usize = 64;
/// How many elements and texts there may be.
pub const NODES: u32 = 100_000;
/// How many attributes an element may have.
const ATTRIBUTES: usize = 256;
/// How many declarations of namespaces there may be, each of which all elements within look through.
const NAMESPACES: usize = 1_000;

/// Walks over the tags of a text. What is not well-formed is left to the parser.
pub(super) fn check(text: &str) -> Result<(), ReadXml> {
    if text.len() > SIZE {
        return Err(ReadXml::TooLarge);
    }
    let mut rest = text;
    let mut depth = 0_usize;
    let mut namespaces = 0_usize;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let end = if let Some(comment) = rest.strip_prefix("<!--") {
            skip(comment, "-->")
        } else if rest.starts_with("<![CDATA[") {
            skip(rest, "]]>")
        } else if rest.starts_with("<!") {
            return Err(ReadXml::Dtd);
        } else if rest.starts_with("<?") {
            skip(rest, "?>")
        } else if rest.starts_with("</") {
            depth = depth.saturating_sub(1);
            skip(rest, ">")
        } else {
            let tag = tag(rest);
            namespaces += tag.text.matches("xmlns").count();
            if tag.attributes > ATTRIBUTES {
                return Err(ReadXml::TooMany("attributes"));
            }
            if namespaces > NAMESPACES {
                return Err(ReadXml::TooMany("namespaces"));
            }
            if !tag.text.ends_with("/>") {
                depth += 1;
            }
            if depth > DEPTH {
                return Err(ReadXml::TooDeep);
            }
            Some(&rest[tag.text.len()..])
        };
        // What never ends is not well-formed, and nothing after it is read.
        rest = end.unwrap_or_default();
    }
    Ok(())
}

fn skip<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    text.find(end).map(|at| &text[at + end.len()..])
}

struct Tag<'a> {
    text: &'a str,
    attributes: usize,
}

/// A tag from its `<` to its `>`, which may also stand in the value of an attribute.
fn tag(text: &str) -> Tag<'_> {
    let mut quote = None;
    let mut attributes = 0;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'=') => attributes += 1,
            (None, b'>') => {
                let text = &text[..=at];
                return Tag { text, attributes };
            }
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    Tag { text, attributes }
}
