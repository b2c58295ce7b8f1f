//! Why no host could be started: what a test prints when it is skipped.

/// What is missing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WhyNot {
    /// Namespaces and mounts are root's.
    #[error("a private libvirt host needs root")]
    NotRoot,
    /// A program is not installed.
    #[error("a private libvirt host needs the program `{0}`, which is not installed")]
    NoProgram(&'static str),
    /// The machine allows no namespaces (an unprivileged container).
    #[error("this machine allows no private namespaces: {0}")]
    NoNamespaces(String),
    /// It was started and did not answer.
    #[error("the private libvirt host did not answer: {0}")]
    NoAnswer(String),
    /// A file or process could not be made.
    #[error("the private libvirt host could not be set up: {0}")]
    SetUp(String),
}

impl From<rcgen::Error> for WhyNot {
    fn from(error: rcgen::Error) -> Self {
        Self::SetUp(error.to_string())
    }
}

impl From<std::io::Error> for WhyNot {
    fn from(error: std::io::Error) -> Self {
        Self::SetUp(error.to_string())
    }
}
