//! From a tree into text.

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::{Element, Node, WriteXml};

impl Element {
    /// The text of it. What it holds is written as it stands, without blanks of ours.
    pub fn write(&self) -> Result<String, WriteXml> {
        let mut writer = Writer::new(Vec::new());
        self.write_to(&mut writer)?;
        Ok(String::from_utf8_lossy(&writer.into_inner()).into_owned())
    }

    fn write_to(&self, writer: &mut Writer<Vec<u8>>) -> Result<(), WriteXml> {
        let mut start = BytesStart::new(&*self.name);
        for (name, value) in &self.attributes {
            start.push_attribute((name.as_str(), sound(value)?));
        }
        if self.nodes.is_empty() {
            put(writer, Event::Empty(start));
            return Ok(());
        }
        put(writer, Event::Start(start));
        for node in &self.nodes {
            match node {
                Node::Element(child) => child.write_to(writer)?,
                Node::Text(text) => put(writer, Event::Text(BytesText::new(sound(text)?))),
            }
        }
        put(writer, Event::End(BytesEnd::new(&*self.name)));
        Ok(())
    }
}

/// Memory takes all that is written to it.
fn put(writer: &mut Writer<Vec<u8>>, event: Event<'_>) {
    let written = writer.write_event(event);
    debug_assert!(written.is_ok());
}

/// The text, if XML 1.0 has all of its characters: others can't be written, not even escaped.
fn sound(text: &str) -> Result<&str, WriteXml> {
    let holds = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    match text.chars().find(|c| !holds(*c)) {
        None => Ok(text),
        Some(c) => Err(WriteXml(u32::from(c))),
    }
}
