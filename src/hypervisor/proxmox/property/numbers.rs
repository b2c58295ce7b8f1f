//! Numbers within bounds, and amounts with a fraction.

use std::fmt;

use super::bad_property::Reason;
use super::field::Value;
use super::text::Text;

/// A whole number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole<const LEAST: u64, const MOST: u64 = { u32::MAX as u64 }>(u64);

impl<const LEAST: u64, const MOST: u64> Whole<LEAST, MOST> {
    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<u64> for Whole<LEAST, MOST> {
    type Error = Reason;

    fn try_from(number: u64) -> Result<Self, Reason> {
        if (LEAST..=MOST).contains(&number) {
            return Ok(Self(number));
        }
        Err(Reason::Outside {
            text: number.to_string(),
            least: LEAST,
            most: MOST,
        })
    }
}

impl<const LEAST: u64, const MOST: u64> fmt::Display for Whole<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const LEAST: u64, const MOST: u64> Value for Whole<LEAST, MOST> {
    fn read(text: &str) -> Result<Self, Reason> {
        match text.trim().parse::<u64>() {
            Ok(number) => Self::try_from(number),
            Err(_) => Err(Reason::not(text, "a whole number")),
        }
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

/// An amount that is not negative, with or without a fraction: limits in MiB/s, for instance.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Number(f64);

impl Number {
    /// The amount itself.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Number {
    type Error = Reason;

    fn try_from(number: f64) -> Result<Self, Reason> {
        if number.is_finite() && number >= 0.0 {
            // Without the sign that a zero may bear.
            return Ok(Self(number.abs()));
        }
        Err(Reason::not(&number.to_string(), "a number that is not negative"))
    }
}

impl Value for Number {
    fn read(text: &str) -> Result<Self, Reason> {
        let number = text.trim().parse::<f64>();
        let number = number.ok().and_then(|number| Self::try_from(number).ok());
        number.ok_or_else(|| Reason::not(text, "a number that is not negative"))
    }

    fn write(&self) -> Text {
        Text::of(self.0)
    }
}
