use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Element, ReadXml> {
    Element::read_any(text)
}

#[test]
fn what_is_read_is_written_as_it_stood() {
    let text = "<domain type=\"kvm\" xmlns:q=\"urn:q\">\n  <name>a&amp;b &lt;ü&gt;</name>\n  \
        <q:commandline><q:arg value=\"-x\" q:y=\"1\"/></q:commandline>\n  <m xmlns=\"urn:d\"><n/></m>\n</domain>";
    let element = read(text).unwrap();
    let declared_first = text.replace(
        "<domain type=\"kvm\" xmlns:q=\"urn:q\">",
        "<domain xmlns:q=\"urn:q\" type=\"kvm\">",
    );
    assert_eq!(element.write().unwrap(), declared_first);
    assert!(element.child("m").is_none(), "<m> is in a namespace");
    assert!(element.find(&|e| e.is_in("urn:q", "arg")).is_some());
}

#[test]
fn comments_go_and_texts_around_them_stay() {
    let element =
        read("<?xml version='1.0'?><!-- a < b --><a>one<!-- <b> --><![CDATA[ <two>]]></a>").unwrap();
    assert_eq!(element.text(), "one <two>");
}

fn repeated(count: u32, text: impl Fn(u32) -> String) -> String {
    (0..count).map(text).collect()
}

#[test]
fn hostile_texts_are_refused() {
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let attributes: String = repeated(300, |n| format!(" a{n}='>'"));
    let namespaces: String = repeated(2000, |n| format!("<a xmlns:n{n}='u'/>"));
    let bomb = "<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><a>&b;</a>";
    for (text, why) in [
        (" ".repeat(SIZE + 1), ReadXml::TooLarge),
        (bomb.to_owned(), ReadXml::Dtd),
        (
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>".to_owned(),
            ReadXml::Dtd,
        ),
        (deep(DEPTH + 1), ReadXml::TooDeep),
        ("<a>".repeat(1_000_000), ReadXml::TooDeep),
        (format!("<a{attributes}/>"), ReadXml::TooMany("attributes")),
        (format!("<a>{namespaces}</a>"), ReadXml::TooMany("namespaces")),
        (
            format!("<a>{}</a>", "<b/>".repeat(100_000)),
            ReadXml::TooMany("elements"),
        ),
    ] {
        assert_eq!(read(&text), Err(why));
    }
    assert!(read(&deep(DEPTH)).is_ok());
    for text in [
        "",
        "text",
        "<a>",
        "<a></b>",
        "<a b='1' b='2'/>",
        "<x:a/>",
        "<a>&b;</a>",
        "<a/><b/>",
        "<a>\u{1}</a>",
    ] {
        assert!(matches!(read(text), Err(ReadXml::Malformed(_))), "{text}");
    }
}

#[test]
fn another_document_is_not_taken_for_the_one_that_is_wanted() {
    let another = Element::read("<network/>", "domain");
    assert_eq!(
        another,
        Err(ReadXml::Another {
            wanted: "domain",
            found: "network".to_owned()
        })
    );
}

#[test]
fn what_xml_can_not_hold_is_not_written() {
    let bell = Element::new("a").saying("x\u{7}y");
    assert_eq!(bell.write(), Err(WriteXml(7)));
    assert_eq!(
        Element::new("a").with("b", "\u{FFFE}").write(),
        Err(WriteXml(0xFFFE))
    );
}

fn some_text() -> impl Strategy<Value = String> {
    "[ a-z<>&'\"\t\n\r=/!\\]\\[ü\u{FFFD}\u{10000}-]{1,12}"
}

const NAME: &str = "[a-z][a-z0-9._-]{0,5}";

fn some_attributes() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(NAME, some_text(), 0..4)
}

fn some_element() -> impl Strategy<Value = Element> {
    let leaf = (NAME, some_attributes(), some_text(), any::<bool>());
    let leaf = leaf.prop_map(|(name, attributes, text, own)| {
        let mut element = if own {
            Element::within("x", "urn:x", &name).with("xmlns:x", "urn:x")
        } else {
            Element::new(&name)
        };
        for (name, value) in attributes {
            element.set(&name, value);
        }
        element.saying(text)
    });
    leaf.prop_recursive(6, 40, 5, |inner| {
        let children = proptest::collection::vec((inner, some_text()), 0..5);
        (NAME, some_attributes(), children).prop_map(|(name, attributes, children)| {
            let mut element = Element::new(&name);
            for (name, value) in attributes {
                element.set(&name, value);
            }
            for (child, text) in children {
                element.push(child);
                element.nodes.push(Node::Text(text));
            }
            element
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(element in some_element()) {
        let text = element.write().unwrap();
        prop_assert_eq!(read(&text), Ok(element), "{}", text);
    }

    #[test]
    fn no_text_is_a_surprise(text in "[<>a/=' \"!\\[\\]&;?x:mlns-]{0,60}") {
        if let Ok(element) = read(&text) {
            prop_assert_eq!(read(&element.write().unwrap()), Ok(element));
        }
    }
}
