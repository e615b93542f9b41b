//! The tables of `migrations/sqlite/runtime` as diesel sees them; only those in use.

diesel::table! {
    runs (run_id) {
        run_id -> Text,
        build_id -> Text,
        epic -> Text,
        status -> Text,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        summary_json -> Text,
        target -> Nullable<Text>,
        rock -> Nullable<Text>,
        rock_build -> Nullable<Text>,
        rock_order -> Nullable<BigInt>,
        rock_needs -> Nullable<Text>,
    }
}

diesel::table! {
    run_plans (run_id) {
        run_id -> Text,
        plan_json -> Text,
    }
}

diesel::table! {
    queued_cards (run_id) {
        run_id -> Text,
        cards_json -> Text,
    }
}

diesel::table! {
    cards (row) {
        row -> BigInt,
        run_id -> Text,
        build_id -> Text,
        card_id -> Text,
        position -> BigInt,
        fence -> BigInt,
        status -> Text,
        wait_reason -> Nullable<Text>,
        turn -> BigInt,
        attempt -> BigInt,
        tokens -> BigInt,
        updated_at -> BigInt,
        life_json -> Text,
    }
}

diesel::table! {
    card_definitions (card) {
        card -> BigInt,
        created_at -> BigInt,
        kind -> Text,
        seat -> Text,
        summary -> Text,
        note -> Text,
        priority -> Double,
        max_retries -> BigInt,
        depends_on_json -> Text,
        verification_json -> Text,
        plan_json -> Text,
    }
}

diesel::table! {
    card_events (seq) {
        seq -> BigInt,
        run_id -> Text,
        card -> Nullable<BigInt>,
        kind -> Text,
        from_status -> Nullable<Text>,
        to_status -> Nullable<Text>,
        reason -> Nullable<Text>,
        by_whom -> Nullable<Text>,
        data_json -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    turns (row) {
        row -> BigInt,
        card -> BigInt,
        fence -> BigInt,
        status -> Text,
        turn -> BigInt,
        attempt -> BigInt,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        prompt_tokens -> BigInt,
        output_tokens -> BigInt,
        code -> Nullable<Text>,
        seat -> Text,
        role -> Text,
        card_id -> Text,
        run_id -> Text,
        head -> Nullable<Binary>,
    }
}

diesel::table! {
    turn_steps (id) {
        id -> BigInt,
        turn -> BigInt,
        seq -> BigInt,
        at -> BigInt,
        body_json -> Text,
        link -> Nullable<Binary>,
    }
}

diesel::table! {
    run_texts (id) {
        id -> BigInt,
        run_id -> Text,
        digest -> Binary,
        body -> Text,
    }
}

diesel::table! {
    gates (id) {
        id -> BigInt,
        run_id -> Text,
        card -> BigInt,
        card_id -> Text,
        seat -> Text,
        request_type -> Text,
        reason -> Text,
        payload_json -> Text,
        status -> Text,
        resolution_json -> Nullable<Text>,
        created_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
        digest -> Nullable<Text>,
        expires_at -> Nullable<BigInt>,
        spent_at -> Nullable<BigInt>,
        decided_by -> Nullable<Text>,
    }
}

diesel::table! {
    comments (id) {
        id -> BigInt,
        card -> BigInt,
        key -> Text,
        author -> Text,
        content -> Text,
        at -> BigInt,
    }
}

diesel::joinable!(card_definitions -> cards (card));
diesel::joinable!(run_plans -> runs (run_id));
diesel::joinable!(turns -> cards (card));
diesel::table! {
    budgets (scope, scope_id, unit) {
        scope -> Text,
        scope_id -> Text,
        unit -> Text,
        allowed -> Nullable<BigInt>,
        granted -> BigInt,
        reserved -> BigInt,
        spent -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    budget_reservations (turn) {
        turn -> BigInt,
        scopes_json -> Text,
        amounts_json -> Text,
    }
}

diesel::joinable!(turn_steps -> turns (turn));
diesel::joinable!(comments -> cards (card));
diesel::joinable!(gates -> cards (card));
diesel::allow_tables_to_appear_in_same_query!(
    runs,
    run_plans,
    queued_cards,
    cards,
    card_definitions,
    turns,
    turn_steps,
    comments,
    gates,
);

diesel::table! {
    request_keys (key) {
        key -> Text,
        digest -> Text,
        run_id -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    removed_records (run_id) {
        run_id -> Text,
        at -> BigInt,
        what_json -> Text,
    }
}
