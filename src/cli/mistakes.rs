//! Mistakes of the configuration, collected so that a person mends them all at once.

use std::fmt;

/// What is wrong, where, and what would be right.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mistakes(Vec<String>);

impl Mistakes {
    /// Notes one: `place` is the flag with its variable, `wrong` a clause, `right` what to give instead.
    pub(super) fn add(&mut self, place: &str, wrong: impl fmt::Display, right: &str) {
        self.0.push(format!("{place}: {wrong}; {right}"));
    }

    /// The value, or its default once the mistake is noted: the check goes on.
    pub(super) fn take<T: Default, E: fmt::Display>(
        &mut self,
        place: &str,
        result: Result<T, E>,
        right: &str,
    ) -> T {
        result.unwrap_or_else(|wrong| {
            self.add(place, wrong, right);
            T::default()
        })
    }

    /// Fails if there are any.
    pub(super) fn check(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        writeln!(
            f,
            "drover: {} mistake{plural} in the configuration:",
            self.0.len()
        )?;
        self.0.iter().try_for_each(|mistake| writeln!(f, "  {mistake}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_named_each_with_place_and_remedy() {
        let mut mistakes = Mistakes::default();
        let port: u16 = mistakes.take("--port (DROVER_PORT)", "x".parse::<u16>(), "give a number");
        mistakes.add("--name (DROVER_NAME)", "it is empty", "give a name");
        assert_eq!(port, 0);
        assert_eq!(
            mistakes.check().unwrap_err().to_string(),
            "drover: 2 mistakes in the configuration:\n  \
             --port (DROVER_PORT): invalid digit found in string; give a number\n  \
             --name (DROVER_NAME): it is empty; give a name\n"
        );
    }
}
