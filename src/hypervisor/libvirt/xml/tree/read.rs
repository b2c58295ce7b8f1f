//! From text into a tree.

use roxmltree::{Document, ParsingOptions};

use super::limits::{self, DEPTH, NODES};
use super::{Element, Node, ReadXml};

impl Element {
    /// Reads a text whose outermost element is called `root`.
    pub fn read(text: &str, root: &'static str) -> Result<Self, ReadXml> {
        let element = Self::read_any(text)?;
        if element.is(root) {
            return Ok(element);
        }
        Err(ReadXml::Another {
            wanted: root,
            found: element.name,
        })
    }

    /// Reads a text, whatever it is of.
    pub fn read_any(text: &str) -> Result<Self, ReadXml> {
        limits::check(text)?;
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: NODES,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options).map_err(|error| match error {
            roxmltree::Error::NodesLimitReached => ReadXml::TooMany("elements"),
            roxmltree::Error::DtdDetected => ReadXml::Dtd,
            error => ReadXml::Malformed(error.to_string()),
        })?;
        element(document.root_element(), text, DEPTH)
    }
}

fn element(node: roxmltree::Node<'_, '_>, text: &str, depth: usize) -> Result<Element, ReadXml> {
    let depth = depth.checked_sub(1).ok_or(ReadXml::TooDeep)?;
    let mut read = Element {
        name: name(text.get(node.range()).unwrap_or_default()).to_owned(),
        namespace: node
            .tag_name()
            .namespace()
            .filter(|uri| !uri.is_empty())
            .map(str::to_owned),
        attributes: declared(node),
        nodes: Vec::new(),
    };
    for attribute in node.attributes() {
        let name = text.get(attribute.range_qname()).unwrap_or_default();
        read.attributes
            .push((name.to_owned(), attribute.value().to_owned()));
    }
    for child in node.children() {
        if child.is_element() {
            read.nodes.push(Node::Element(element(child, text, depth)?));
        } else if child.is_text() {
            read.say(child.text().unwrap_or_default());
        }
    }
    Ok(read)
}

impl Element {
    /// Puts text at its end; texts between which a comment stood become one.
    fn say(&mut self, text: &str) {
        match self.nodes.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => self.nodes.push(Node::Text(text.to_owned())),
        }
    }
}

/// The name in a tag, with its prefix: the parser keeps no prefixes.
fn name(tag: &str) -> &str {
    let rest = tag.strip_prefix('<').unwrap_or(tag);
    let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>');
    &rest[..end.unwrap_or(rest.len())]
}

/// The namespaces that an element itself declares: those that the one around it does not know.
fn declared(node: roxmltree::Node<'_, '_>) -> Vec<(String, String)> {
    let parent = node.parent_element();
    let inherited = |namespace: &roxmltree::Namespace<'_>| {
        parent.is_some_and(|parent| parent.namespaces().any(|known| known == namespace))
    };
    let own = node.namespaces().filter(|namespace| !inherited(namespace));
    own.filter(|namespace| namespace.name() != Some("xml"))
        .map(|namespace| {
            let name = namespace
                .name()
                .map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
            (name, namespace.uri().to_owned())
        })
        .collect()
}
