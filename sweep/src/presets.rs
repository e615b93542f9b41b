//! Matrices that come with the program. Threads and affinity are set in each, so that rows can be clean;
//! the Python Orket's presets left them empty, and every row was polluted.

use crate::settings::MatrixConfig;

/// Their names, with what stands in each.
const ALL: [(&str, &str); 4] = [
    ("common", include_str!("../presets/common.json")),
    ("logic_only", include_str!("../presets/logic_only.json")),
    ("mixed", include_str!("../presets/mixed.json")),
    (
        "refactor_heavy",
        include_str!("../presets/refactor_heavy.json"),
    ),
];

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The text of a preset: a matrix file to start one's own from.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The matrix of a preset.
#[must_use]
pub fn matrix(name: &str) -> Option<MatrixConfig> {
    serde_json::from_str(text(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, SettingsError};

    fn resolved(name: &str) -> Settings {
        Settings::resolve(matrix(name).unwrap()).unwrap()
    }

    #[test]
    fn each_can_make_a_clean_row() {
        for name in names() {
            let settings = resolved(name);
            assert!(settings.controls.are_complete(), "{name}");
            assert_eq!(
                (settings.runs_per_quant, settings.canary_runs),
                (3, 10),
                "{name}"
            );
        }
        let heavy = resolved("refactor_heavy");
        assert_eq!(
            (heavy.adherence_threshold, heavy.latency_ceiling),
            (0.97, 12.0)
        );
        assert_eq!(heavy.canary_task_limit, 2);
        assert_eq!(resolved("logic_only").task_limit, Some(10));
        assert_eq!(matrix("comon"), None);
    }

    #[test]
    fn a_flag_that_is_given_wins_and_one_that_is_not_does_not() {
        let flags = MatrixConfig {
            latency_ceiling: Some(10.0),
            quants: Some(vec!["Q8_0".to_owned()]),
            ..MatrixConfig::default()
        };
        let merged = flags.over(matrix("logic_only").unwrap());
        let settings = Settings::resolve(merged).unwrap();
        assert_eq!(
            (settings.latency_ceiling, settings.task_limit),
            (10.0, Some(10))
        );
        assert_eq!(settings.quants, ["Q8_0"]);
        assert_eq!(settings.controls.seed, Some(1337));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let wrong = |config: MatrixConfig| {
            Settings::resolve(config.over(matrix("common").unwrap()))
                .unwrap_err()
                .to_string()
        };
        let none = MatrixConfig::default();
        let errors = [
            Settings::resolve(none.clone()).unwrap_err().to_string(),
            wrong(MatrixConfig {
                runs_per_quant: Some(0),
                ..none.clone()
            }),
            wrong(MatrixConfig {
                adherence_threshold: Some(95.0),
                ..none.clone()
            }),
            wrong(MatrixConfig {
                latency_ceiling: Some(f64::NAN),
                ..none.clone()
            }),
            wrong(MatrixConfig {
                canary_runs: Some(1),
                ..none.clone()
            }),
            wrong(MatrixConfig {
                task_id_min: Some(9),
                task_id_max: Some(3),
                ..none.clone()
            }),
            wrong(MatrixConfig {
                quants: Some(vec!["Q4_K_M".to_owned(), " q4_k_m".to_owned()]),
                ..none
            }),
        ];
        insta::assert_snapshot!(errors.join("\n"), @r"
        models must name at least one
        runs_per_quant must be 1 or more, not 0
        adherence_threshold must be above 0 and at most 1, not 95
        latency_ceiling must be above 0, not NaN
        canary_runs must be 0 or at least 2, not 1
        no task lies between 9 and 3
        quants names q4_k_m twice
        ");
        let unknown: Result<MatrixConfig, _> = serde_json::from_str(r#"{"modles": ["a"]}"#);
        assert!(unknown.unwrap_err().to_string().contains("modles"));
        assert_eq!(
            SettingsError::Empty("quants").to_string(),
            "quants must name at least one"
        );
    }
}
