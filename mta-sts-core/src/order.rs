//! One sort for lists of all types.
//!
//! The standard library compiles a sort anew for each type that is sorted, 5 KiB of code each. Where few things are sorted, or
//! seldom, they share this one.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Sorts a list; what is equal keeps its order.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts a list by a comparison; what is equal keeps its order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut places = places(items.len(), &|one, other| compare(&items[one], &items[other]));
    // Each cycle of the permutation in turn.
    for start in 0..items.len() {
        let mut place = start;
        while places[place] != start {
            let from = places[place];
            items.swap(place, from);
            places[place] = place;
            place = from;
        }
        places[place] = place;
    }
}

/// From which place each item comes.
#[inline(never)]
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|one, other| compare(*one, *other));
    places
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::borrow::ToOwned;
    use std::vec;

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library(items in prop::collection::vec((0_u8..8, any::<u8>()), 0..64)) {
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            let mut sorted = items;
            sort_by(&mut sorted, |one, other| one.0.cmp(&other.0));
            prop_assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn it_sorts_what_is_no_copy() {
        let mut names = vec!["b".to_owned(), "c".to_owned(), "a".to_owned()];
        sort(&mut names);
        assert_eq!(names, ["a", "b", "c"]);
        sort::<u8>(&mut []);
    }
}
