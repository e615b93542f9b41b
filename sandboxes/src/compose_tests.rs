use super::*;

fn secrets() -> Secrets {
    serde_json::from_value(serde_json::json!({"database": "DB-SECRET", "admin": "ADMIN-SECRET"}))
        .unwrap()
}

fn file_of(stack: TechStack, project_name: &str, limits: ContainerLimits) -> String {
    file(&Plan {
        id: "sandbox-launch",
        rock_id: "launch",
        project_name,
        home: "h0me",
        stack,
        ports: Ports::at(stack, 1),
        limits,
        secrets: &secrets(),
    })
}

#[test]
fn a_file_is_what_compose_reads() {
    insta::assert_snapshot!(file_of(
        TechStack::FastapiReactPostgres,
        "Launch",
        ContainerLimits::default()
    ));
}

#[test]
fn every_stack_has_all_its_services_walled_in() {
    for stack in TechStack::ALL {
        let text = file_of(stack, "Launch", ContainerLimits::default());
        let ports = Ports::at(stack, 1);
        for service in stack.services() {
            assert!(text.contains(&format!("\n  \"{service}\":\n")), "{text}");
        }
        let count = |needle: &str| text.matches(needle).count();
        let services = stack.services().len();
        for each in [
            "\"restart\": \"unless-stopped\"",
            "\"healthcheck\":",
            "\"cpus\": 1",
            "\"mem_limit\": \"",
            "\"pids_limit\": 256",
            "- \"no-new-privileges:true\"",
            "\"max-size\": \"10m\"",
        ] {
            assert_eq!(count(each), services, "{each} in {text}");
        }
        assert_eq!(
            count("\"orket.home\": \"h0me\""),
            services + 1,
            "volumes too"
        );
        for port in ports.all() {
            assert_eq!(count(&format!("- \"127.0.0.1:{port}:")), 1, "{port}");
        }
        let published = count("- \"127.0.0.1:");
        assert_eq!(published, ports.all().count());
        assert!(!text.contains("\nversion") && !text.contains("\"version\""));
        assert!(text.contains("DB-SECRET"));
        for context in stack.contexts() {
            assert!(text.contains(&format!("\"build\": \"./{context}\"")));
        }
        assert_eq!(count("\"build\":"), stack.contexts().len());
        let part_names: Vec<_> = stack
            .parts(&ports, &secrets())
            .iter()
            .map(|part| part.name)
            .collect();
        assert_eq!(part_names, stack.services());
    }
}

/// Case 95 of the reference.
#[test]
fn the_ports_are_led_where_the_reference_leads_them() {
    for (stack, mappings) in [
        (
            TechStack::FastapiReactPostgres,
            ["8001:8000", "3001:3000", "5433:5432", "8081:80"].as_slice(),
        ),
        (
            TechStack::FastapiVueMongo,
            &["8001:8000", "3001:3000", "27018:27017", "8081:8081"],
        ),
        (
            TechStack::CsharpRazorEf,
            &["8001:8080", "3001:8443", "5433:1433"],
        ),
        (
            TechStack::NodeReactPostgres,
            &["8001:8000", "3001:3000", "5433:5432", "8081:80"],
        ),
        (
            TechStack::DjangoReactPostgres,
            &["8001:8000", "3001:3000", "5433:5432", "8081:80"],
        ),
    ] {
        let text = file_of(stack, "Launch", ContainerLimits::default());
        for mapping in mappings {
            assert!(
                text.contains(&format!("- \"127.0.0.1:{mapping}\"")),
                "{mapping}"
            );
        }
    }
}

#[test]
fn no_name_gets_out_of_its_quotes() {
    let plain = file_of(TechStack::CsharpRazorEf, "x", ContainerLimits::default());
    let evil = "x\"\nservices:\n  evil: {privileged: true} # ${HOME} \u{2028}";
    let text = file_of(TechStack::CsharpRazorEf, evil, ContainerLimits::default());
    assert_eq!(text.lines().count(), plain.lines().count());
    assert!(!text.contains("\n  evil") && !text.contains("\nservices:"));
    assert!(text.contains("# $${HOME}"), "no variable is put in");
}

#[test]
fn limits_can_be_left_away_and_a_server_gets_the_memory_that_it_needs() {
    let none = ContainerLimits {
        cpus: None,
        memory_mb: None,
        pids: None,
    };
    let text = file_of(TechStack::CsharpRazorEf, "x", none);
    for limit in ["cpus", "mem_limit", "pids_limit"] {
        assert!(!text.contains(limit), "{limit}");
    }
    let text = file_of(TechStack::CsharpRazorEf, "x", ContainerLimits::default());
    assert!(text.contains("\"mem_limit\": \"1024m\"") && text.contains("\"mem_limit\": \"2048m\""));
}
