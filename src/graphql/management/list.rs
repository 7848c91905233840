//! Lists, and what they cost.

use async_graphql::{InputObject, SimpleObject};

use crate::operations::management::checks::MAX_PAGE;

/// Which texts are let through.
#[derive(InputObject)]
pub(super) struct StringFilter {
    /// This one.
    equal_to: Option<String>,
}

impl StringFilter {
    /// The text that is let through, if not all are.
    pub fn equal(filter: Option<Self>) -> Option<String> {
        filter.and_then(|filter| filter.equal_to)
    }
}

/// Whether a list goes on.
#[derive(SimpleObject)]
pub(super) struct PageInfo {
    /// Whether others follow.
    pub has_next_page: bool,
}

/// What a page of a list costs: a tenth of a field for each value in it, since they all come with one look-up.
pub(super) fn page_cost(first: Option<i32>, child_complexity: usize) -> usize {
    let most = usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
    let items = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(most).clamp(1, most);
    items.saturating_mul(child_complexity).div_ceil(10).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_costs_what_is_on_it_at_most() {
        assert_eq!(page_cost(None, 5), 51);
        assert_eq!(page_cost(Some(100), 5), 51);
        assert_eq!(page_cost(Some(i32::MAX), 5), 51);
        assert_eq!(page_cost(Some(1), 5), 2);
        assert_eq!(page_cost(Some(0), 5), page_cost(Some(1), 5));
        // It is refused, but that comes later.
        assert_eq!(page_cost(Some(-1), 5), 51);
    }
}
