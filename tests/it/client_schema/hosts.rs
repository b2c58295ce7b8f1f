//! Each field of a host and of a class has a test that shows what it does. On the way to the hosts most of them leave no
//! trace that is theirs alone. The table says which; what is checked is that the test itself, not only its file, spells the
//! field: as a key of JSON or YAML, or in the manner of Rust. That it would fail without the field is for its reader to see, and a
//! word that is also a key of something else, like `name`, shows little.

use std::collections::BTreeSet;

use super::coverage::{schema_fields, tests};

/// Tests, and the fields whose effect they show.
type Shown = &'static [(&'static str, &'static [&'static str])];

const HOSTS: Shown = &[
    (
        "namespace_must_be_named_by_the_hosts_owner",
        &["allowedNamespaces.from", "allowedNamespaces.selector.matchLabels"],
    ),
    (
        "namespaces_are_let_in_by_expressions_over_their_labels",
        &[
            "allowedNamespaces.selector.matchExpressions[].key",
            "allowedNamespaces.selector.matchExpressions[].operator",
            "allowedNamespaces.selector.matchExpressions[].values",
        ],
    ),
    (
        "no_more_copies_read_a_source_than_the_budget_of_a_host_allows",
        &["budget.clonesPerSource"],
    ),
    (
        "no_more_requests_are_on_their_way_than_the_budget_of_a_host_allows",
        &["budget.requests"],
    ),
    (
        "no_more_tasks_are_begun_than_the_budget_of_a_host_allows",
        &["budget.tasks"],
    ),
    (
        "no_more_tasks_write_to_a_storage_than_the_budget_of_a_host_allows",
        &["budget.tasksPerStorage"],
    ),
    (
        "host_takes_its_connection_from_another_one_of_its_cluster",
        &["connectionRef.name"],
    ),
    (
        "missing_secret_is_named_and_taken_up_when_it_comes",
        &["credentialsRef.name"],
    ),
    (
        "secret_in_a_namespace_that_is_not_listed_is_not_read",
        &["credentialsRef.namespace"],
    ),
    (
        "machine_stays_where_no_storage_takes_its_backup",
        &["defaults.backupStorage"],
    ),
    (
        "defaults_of_a_host_are_taken_where_a_machine_says_nothing_and_missed_by_name",
        &["defaults.bridge", "defaults.storage"],
    ),
    (
        "user_data_is_there_before_the_first_start_and_goes_with_the_machine",
        &["defaults.isoStorage"],
    ),
    (
        "too_many_deletions_are_held_until_a_person_lets_them_go",
        &["destroyLimit.guests"],
    ),
    (
        "deletions_further_apart_than_the_window_are_not_held",
        &["destroyLimit.window"],
    ),
    ("further_members_of_a_cluster_are_declared", &["discoverMembers"]),
    (
        "machines_of_others_are_shown_and_go_when_they_are_gone",
        &["discovery", "discoveryNamespace"],
    ),
    ("get_answers_the_first_questions", &["displayName"]),
    ("host_that_does_not_answer_is_named_with_its_address", &["host"]),
    (
        "node_is_evacuated_with_a_report_and_its_machines_come_back",
        &["maintenance.mode"],
    ),
    (
        "reboot_waits_for_the_window_of_the_host",
        &["maintenanceWindow.duration", "maintenanceWindow.schedule"],
    ),
    (
        "window_of_the_host_opens_by_the_clock_of_its_time_zone",
        &["maintenanceWindow.timeZone"],
    ),
    ("unknown_node_is_named_with_those_that_there_are", &["nodeName"]),
    (
        "idle_with_a_thousand_guests_keeps_to_the_formula_and_writes_nothing",
        &["poll.resources", "poll.sweep", "poll.tasks"],
    ),
    (
        "machines_of_a_host_that_does_not_answer_are_kept_through_another_member",
        &["port"],
    ),
    (
        "namespace_reaches_what_the_hosts_owner_listed_and_nothing_else",
        &["tenancy.adopt", "tenancy.templates[].vmid"],
    ),
    (
        "storages_bridges_and_templates_by_tag_or_pool_are_reached_when_listed",
        &[
            "tenancy.bridges",
            "tenancy.storages",
            "tenancy.templates[].pool",
            "tenancy.templates[].tag",
        ],
    ),
    (
        "backup_of_another_owner_is_out_of_reach",
        &["tenancy.existingVolumes"],
    ),
    (
        "vlans_pools_and_options_are_refused_with_the_field_named_and_allowed_when_listed",
        &[
            "tenancy.extraConfigKeys",
            "tenancy.mode",
            "tenancy.pools",
            "tenancy.vlans[].from",
            "tenancy.vlans[].to",
        ],
    ),
    (
        "host_that_is_silent_for_half_a_minute_finds_its_tasks_ended_and_drover_restarted",
        &["timeout"],
    ),
    (
        "every_way_to_check_the_certificate_works_and_a_wrong_one_is_told",
        &["tls.caBundle", "tls.fingerprint", "tls.insecureSkipVerify"],
    ),
    (
        "range_of_the_host_and_pinned_number_are_kept_to",
        &["vmidRange.max", "vmidRange.min"],
    ),
    (
        "numbers_are_given_again_where_that_is_allowed_and_nothing_is_left_of_the_former_guest",
        &["vmidReuse"],
    ),
];

const CLASSES: Shown = &[(
    "every_field_of_a_class_reaches_a_machine_and_what_the_machine_names_itself_comes_first",
    &[
        "boot.delay",
        "boot.devices",
        "boot.onBoot",
        "boot.order",
        "cpu.cores",
        "cpu.limit",
        "cpu.sockets",
        "cpu.type",
        "cpu.units",
        "disk.size",
        "disk.storage",
        "memory.minimum",
        "memory.size",
        "network.bridge",
    ],
)];

/// The text of a test, up to the brace that ends it.
fn body<'a>(file: &'a str, test: &str) -> &'a str {
    let begin = file.find(&format!("async fn {test}()")).unwrap_or(file.len());
    let rest = &file[begin..];
    &rest[..rest.find("\n}").unwrap_or(rest.len())]
}

/// Whether a text has a field's name as a key in JSON (`"onBoot"`) or YAML (`onBoot:`), or as Rust names it (`on_boot`). A
/// name of one small word is also that of methods and variables, and counts as a key alone.
fn spells(text: &str, field: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |word: &str, end: &str| {
        text.match_indices(&format!("{word}{end}")).any(|(at, found)| {
            let after = &text[at + found.len()..];
            !text[..at].ends_with(is_word) && !after.starts_with(is_word) && !after.starts_with(':')
        })
    };
    let mut rust = String::new();
    for c in field.chars() {
        if c.is_uppercase() {
            rust.push('_');
        }
        rust.push(c.to_ascii_lowercase());
    }
    text.contains(&format!("\"{field}\"")) || whole(field, ":") || (rust != field && whole(&rust, ""))
}

/// What is wrong with a table, for the fields that there are and the texts of the tests.
fn faults(shown: Shown, fields: &BTreeSet<String>, tests: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut told = BTreeSet::new();
    for (test, rows) in shown {
        let file = tests
            .iter()
            .find(|file| file.contains(&format!("async fn {test}()")));
        if file.is_none() {
            faults.push(format!("there is no test {test}"));
        }
        for field in *rows {
            if !told.insert((*field).to_owned()) {
                faults.push(format!("{field} stands there twice"));
            }
            let word = field.rsplit('.').next().unwrap_or(field).trim_end_matches("[]");
            if file.is_some_and(|file| !spells(body(file, test), word)) {
                faults.push(format!("{field}: {test} does not spell it"));
            }
        }
    }
    let without = fields
        .difference(&told)
        .map(|field| format!("{field} has no test"));
    let unknown = told
        .difference(fields)
        .map(|field| format!("there is no field {field}"));
    faults.extend(without.chain(unknown));
    faults
}

#[test]
fn every_field_of_a_host_and_of_a_class_has_its_test() {
    let tests = tests();
    for (kind, shown) in [("ProxmoxNode", HOSTS), ("VirtualMachineClass", CLASSES)] {
        let fields = schema_fields(kind);
        let faults = faults(shown, &fields, &tests);
        assert!(faults.is_empty(), "{kind}: {}", faults.join("\n"));
    }
}

#[test]
fn field_without_a_test_is_found() {
    let fields = BTreeSet::from(["cpu.cores".to_owned(), "cpu.flags".to_owned()]);
    let file =
        "async fn class_is_taken() {\n    cpu: {cores: 2}\n}\nasync fn other() {\n    \"sockets\"\n}\n"
            .to_owned();
    let shown: Shown = &[
        ("class_is_taken", &["cpu.cores", "cpu.sockets"]),
        ("class_is_lost", &["cpu.cores"]),
    ];
    assert_eq!(
        faults(shown, &fields, &[file]),
        [
            "cpu.sockets: class_is_taken does not spell it",
            "there is no test class_is_lost",
            "cpu.cores stands there twice",
            "cpu.flags has no test",
            "there is no field cpu.sockets",
        ]
    );
}

#[test]
fn field_is_spelled_as_a_key_and_not_by_any_use_of_its_word() {
    for (text, field, expected) in [
        (r#"json!({"host": name})"#, "host", true),
        ("{host: a}", "host", true),
        ("world.host_up(host, port::of(world.sim.port()))", "host", false),
        ("world.host_up(host, port::of(world.sim.port()))", "port", false),
        ("Span::from(1), super::to", "from", false),
        ("ghost: 1", "host", false),
        ("spec.on_boot", "onBoot", true),
        ("spec.on_boots", "onBoot", false),
    ] {
        assert_eq!(spells(text, field), expected, "{field} in {text}");
    }
}
