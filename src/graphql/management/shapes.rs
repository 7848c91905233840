//! Input and payload types that differ in their name alone. As in PostGraphile each operation has its own, so that one can
//! get another member without the others.

/// Inputs that name one thing by its id.
macro_rules! id_inputs {
    ($( $(#[$doc:meta])+ $name:ident; )+) => { $(
        $(#[$doc])+
        #[derive(async_graphql::InputObject)]
        pub(super) struct $name {
            /// Which one.
            id: async_graphql::ID,
        }
    )+ };
}

/// Payloads with one thing, as it is after the operation or was before it was deleted.
macro_rules! payloads {
    ($field:ident: $type:ty, from $source:ty; $( $(#[$doc:meta])+ $name:ident; )+) => { $(
        $(#[$doc])+
        #[derive(async_graphql::SimpleObject)]
        pub(super) struct $name {
            /// It.
            $field: $type,
        }

        impl From<$source> for $name {
            fn from(source: $source) -> Self {
                Self { $field: source.into() }
            }
        }
    )+ };
}

pub(super) use {id_inputs, payloads};
