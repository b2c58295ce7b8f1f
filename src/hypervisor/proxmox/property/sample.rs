//! Arbitrary values of everything that a property string may hold, for the tests.

use proptest::collection::vec;
use proptest::prelude::*;

use super::numbers::{Number, Whole};
use super::text::Text;
use super::words::Ranges;

/// A type of which the tests make arbitrary values.
pub(in crate::hypervisor::proxmox) trait Sample:
    Sized + std::fmt::Debug
{
    fn sample() -> BoxedStrategy<Self>;
}

/// A field: always there if it is required.
pub(in crate::hypervisor::proxmox) fn field<T: Sample + Clone + 'static>(
    required: bool,
) -> BoxedStrategy<Option<T>> {
    if required {
        T::sample().prop_map(Some).boxed()
    } else {
        proptest::option::weighted(0.4, T::sample()).boxed()
    }
}

impl Sample for bool {
    fn sample() -> BoxedStrategy<Self> {
        any::<Self>().boxed()
    }
}

impl Sample for Text {
    fn sample() -> BoxedStrategy<Self> {
        let text = prop_oneof!["[a-zA-Z0-9 ._/:=+;-]{1,20}", "\\PC{1,20}"];
        text.prop_filter_map("blank, or with a comma", |text| text.parse().ok())
            .boxed()
    }
}

impl<const LEAST: u64, const MOST: u64> Sample for Whole<LEAST, MOST> {
    fn sample() -> BoxedStrategy<Self> {
        (LEAST..=MOST)
            .prop_map(|number| Self::try_from(number).unwrap())
            .boxed()
    }
}

impl Sample for Number {
    fn sample() -> BoxedStrategy<Self> {
        prop_oneof![0.0..1e9_f64, (0..10_000_u32).prop_map(f64::from)]
            .prop_map(|number| Self::try_from(number).unwrap())
            .boxed()
    }
}

impl Sample for Ranges {
    fn sample() -> BoxedStrategy<Self> {
        let range = (0..5000_u32, 0..64_u32).prop_map(|(first, more)| (first, first + more));
        vec(range, 1..4)
            .prop_map(|ranges| Self::try_from(ranges).unwrap())
            .boxed()
    }
}
