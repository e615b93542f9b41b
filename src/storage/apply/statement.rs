//! Statements of the hot path whose text is one constant.
//!
//! diesel prepares an `UPDATE` anew each time, since it cannot know that its text stays the same, and
//! walks through the columns' types of an `INSERT` again for each row. Both were a tenth of the writer's
//! time. What is written here says what diesel would say, and is prepared once.

/// Declares a statement: its fields are its parameters, in the order of its text.
macro_rules! statement {
    (
        $(#[$meta:meta])*
        $name:ident $(<$life:lifetime>)? {
            $($text:literal => $field:ident : $rust:ty as $sql:ty),+ ; $tail:literal
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(super) struct $name $(<$life>)? {
            $(pub(super) $field: $rust),+
        }

        impl $(<$life>)? diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite>
            for $name $(<$life>)?
        {
            fn walk_ast<'bind>(
                &'bind self,
                mut out: diesel::query_builder::AstPass<'_, 'bind, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                $(
                    out.push_sql($text);
                    out.push_bind_param::<$sql, _>(&self.$field)?;
                )+
                out.push_sql($tail);
                Ok(())
            }
        }

        const _: () = {
            pub struct Id;

            impl $(<$life>)? diesel::query_builder::QueryId for $name $(<$life>)? {
                type QueryId = Id;

                const HAS_STATIC_QUERY_ID: bool = true;
            }
        };

        impl $(<$life>)? diesel::RunQueryDsl<diesel::SqliteConnection> for $name $(<$life>)? {}
    };
}

pub(super) use statement;
