//! Elements with all that stands in them but comments: what is read, altered and written back keeps what nobody
//! here knows.

mod limits;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use limits::{DEPTH, NODES, SIZE};

/// A text that is no XML to be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadXml {
    /// Longer than any that a host has reason to send.
    #[error("it is longer than {SIZE} bytes")]
    TooLarge,
    /// It declares a document type, and with it perhaps entities.
    #[error("it declares a document type")]
    Dtd,
    /// Elements within elements, too many of them.
    #[error("it is nested more than {DEPTH} deep")]
    TooDeep,
    /// Too much of something.
    #[error("it has too many {0}")]
    TooMany(&'static str),
    /// Not XML.
    #[error("it is not well-formed: {0}")]
    Malformed(String),
    /// XML of something else.
    #[error("it is of <{found}>, not of <{wanted}>")]
    Another {
        /// What was to be read.
        wanted: &'static str,
        /// What was found.
        found: String,
    },
    /// Something that has to stand in it does not.
    #[error("it has no {0} that can be read")]
    Lacks(&'static str),
}

/// A text that XML can't hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("XML can't hold the character U+{0:04X}")]
pub struct WriteXml(pub u32);

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, with its prefix.
    name: String,
    /// The namespace that it is in.
    namespace: Option<String>,
    /// Attributes with their prefixes, declarations of namespaces among them.
    attributes: Vec<(String, String)>,
    /// What stands in it.
    nodes: Vec<Node>,
}

/// What stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Another element.
    Element(Element),
    /// Text.
    Text(String),
}

impl Element {
    /// An empty element without a namespace.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// An empty element in a namespace whose prefix an element around it declares.
    #[must_use]
    pub fn within(prefix: &str, namespace: &str, local: &str) -> Self {
        Self {
            name: format!("{prefix}:{local}"),
            namespace: Some(namespace.to_owned()),
            ..Self::default()
        }
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// With an element in it.
    #[must_use]
    pub fn holding(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    /// With text in it.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.set_text(text);
        self
    }

    /// Its name, with its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is called so, without a namespace.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.namespace.is_none() && self.name == name
    }

    /// Whether it is called so in this namespace, whatever the prefix.
    #[must_use]
    pub fn is_in(&self, namespace: &str, local: &str) -> bool {
        let own = self.name.split_once(':').map_or(&*self.name, |(_, local)| local);
        self.namespace.as_deref() == Some(namespace) && own == local
    }

    /// The namespace that it is in.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Gives it and all in it that is in this namespace another prefix, which an element around it declares.
    pub fn rename_within(&mut self, namespace: &str, prefix: &str) {
        self.attributes
            .retain(|(name, value)| !(name.starts_with("xmlns") && value == namespace));
        if self.namespace() == Some(namespace) {
            let local = self.name.split_once(':').map_or(&*self.name, |(_, local)| local);
            self.name = format!("{prefix}:{local}");
        }
        for child in self.children_mut() {
            child.rename_within(namespace, prefix);
        }
    }

    /// What stands in it.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The elements in it.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = &Self> {
        self.nodes.iter().filter_map(Node::element)
    }

    /// The elements in it, to be changed.
    pub fn children_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.nodes.iter_mut().filter_map(|node| match node {
            Node::Element(child) => Some(child),
            Node::Text(_) => None,
        })
    }

    /// The elements of a name in it.
    #[must_use]
    pub fn all<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Self> {
        self.children().filter(move |child| child.is(name))
    }

    /// The first element of a name in it.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children().find(|child| child.is(name))
    }

    /// The first element along a path of names.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The first element of a name in it, to be changed.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children_mut().find(|child| child.is(name))
    }

    /// Changes the first element of a name in it, which is put at its end if there is none.
    pub fn edit<R>(&mut self, name: &str, change: impl FnOnce(&mut Self) -> R) -> R {
        if let Some(child) = self.child_mut(name) {
            return change(child);
        }
        let mut child = Self::new(name);
        let result = change(&mut child);
        self.push(child);
        result
    }

    /// Puts an element at its end.
    pub fn push(&mut self, child: Self) {
        self.nodes.push(Node::Element(child));
    }

    /// Takes out the elements that fit, and returns the first.
    pub fn take(&mut self, mut fits: impl FnMut(&Self) -> bool) -> Option<Self> {
        let mut taken = None;
        self.nodes.retain_mut(|node| match node {
            Node::Element(child) if fits(child) => {
                taken.get_or_insert_with(|| std::mem::take(child));
                false
            }
            _ => true,
        });
        taken
    }

    /// Takes out the first element that fits.
    pub fn take_one(&mut self, mut fits: impl FnMut(&Self) -> bool) -> Option<Self> {
        let mut first = true;
        self.take(|child| fits(child) && std::mem::take(&mut first))
    }

    /// Takes out all elements of a name, and returns the first.
    pub fn remove(&mut self, name: &str) -> Option<Self> {
        self.take(|child| child.is(name))
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute of an element in it.
    #[must_use]
    pub fn attribute_of(&self, child: &str, name: &str) -> Option<&str> {
        self.child(child)?.attribute(name)
    }

    /// Gives an attribute a value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        match self.attributes.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value.into(),
            None => self.attributes.push((name.to_owned(), value.into())),
        }
    }

    /// Takes an attribute off.
    pub fn unset(&mut self, name: &str) {
        self.attributes.retain(|(own, _)| own != name);
    }

    /// The text that stands in it itself.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// The text of an element in it, without blanks around it.
    #[must_use]
    pub fn text_of(&self, child: &str) -> Option<String> {
        Some(self.child(child)?.text().trim().to_owned())
    }

    /// Puts a text in place of all that stands in it.
    pub fn set_text(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.nodes.clear();
        if !text.is_empty() {
            self.nodes.push(Node::Text(text));
        }
    }

    /// The first element anywhere in it, or it itself, that fits.
    pub fn find<'a>(&'a self, fits: &impl Fn(&Self) -> bool) -> Option<&'a Self> {
        if fits(self) {
            return Some(self);
        }
        self.children().find_map(|child| child.find(fits))
    }
}

impl Node {
    /// The element that it is.
    #[must_use]
    pub fn element(&self) -> Option<&Element> {
        match self {
            Self::Element(element) => Some(element),
            Self::Text(_) => None,
        }
    }
}
