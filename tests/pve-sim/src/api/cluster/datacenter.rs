//! The options of the datacenter and of a node: their types, by release.

use crate::release::Release;
use crate::verify::cluster::{CIDR, EMAIL, IP, MAC, MAC_PREFIX, NAME, NODE_LOCATION, OPTION, OPTIONS, WORDS};
use crate::verify::{Kind, Param, Properties, TEXT, at_least, may, need};

/// Of `datacenter.cfg`.
pub(super) const DATACENTER: &[Param] = &[
    may("bwlimit", Kind::Properties(&BANDWIDTH)),
    may("consent-text", Kind::Text(65_536)).from(Release::V8_4),
    may("console", Kind::Enum(&["applet", "vv", "html5", "xtermjs"])),
    may("crs", Kind::Properties(&SCHEDULING)),
    may("delete", OPTIONS),
    may("description", Kind::Text(65_536)),
    may("email_from", EMAIL),
    may("fencing", Kind::Enum(&["watchdog", "hardware", "both"])),
    may("ha", Kind::Properties(&HA)),
    may("http_proxy", Kind::Pattern("http://.*")),
    may("keyboard", Kind::Enum(KEYBOARDS)),
    may("language", Kind::Enum(LANGUAGES_7)).until(Release::V7_4),
    may("language", Kind::Enum(LANGUAGES)).from(Release::V8_4),
    may("location", NODE_LOCATION).from(Release::V9_2),
    may("mac_prefix", MAC_PREFIX),
    may("max_workers", at_least(1)),
    may("migration", Kind::Properties(&TRANSFER)),
    may("migration_unsecure", Kind::Boolean),
    may("next-id", Kind::Properties(&NEXT_ID)),
    may("notify", Kind::Properties(&NOTIFY)),
    may(
        "registered-tags",
        Kind::Pattern(r"(?:(?i:[a-z0-9_][a-z0-9_\-\+\.]*);)*(?i:[a-z0-9_][a-z0-9_\-\+\.]*)"),
    ),
    may("replication", Kind::Properties(&TRANSFER)).from(Release::V9_2),
    may("tag-style", Kind::Properties(&TAG_STYLE)),
    may("u2f", Kind::Properties(&U2F)),
    may("user-tag-access", Kind::Properties(&TAG_ACCESS)),
    may("webauthn", Kind::Properties(&WEBAUTHN)),
];

/// The keys of an option of the datacenter that is shown as an object; the others are shown as they are written.
pub(super) fn properties(name: &str) -> Option<&'static Properties> {
    Some(match name {
        "crs" => &SCHEDULING,
        "ha" => &HA,
        "migration" | "replication" => &TRANSFER,
        "next-id" => &NEXT_ID,
        "notify" => &NOTIFY,
        "tag-style" => &TAG_STYLE,
        "u2f" => &U2F,
        "user-tag-access" => &TAG_ACCESS,
        "webauthn" => &WEBAUTHN,
        _ => return None,
    })
}

const RATE: Kind = Kind::Number(0.0, f64::MAX);
const PERCENT: Kind = Kind::Number(0.0, 100.0);

const BANDWIDTH: Properties = Properties::new(
    Some("default"),
    &[
        may("clone", RATE),
        may("default", RATE),
        may("migration", RATE),
        may("move", RATE),
        may("restore", RATE),
    ],
);

const SCHEDULING: Properties = Properties::new(
    Some("ha"),
    &[
        may("ha", Kind::Enum(&["basic", "static"])).until(Release::V8_4),
        may("ha", Kind::Enum(&["basic", "static", "dynamic"])).from(Release::V9_2),
        may("ha-auto-rebalance", Kind::Boolean).from(Release::V9_2),
        may("ha-auto-rebalance-hold-duration", RATE).from(Release::V9_2),
        may("ha-auto-rebalance-margin", PERCENT).from(Release::V9_2),
        may("ha-auto-rebalance-method", Kind::Enum(&["bruteforce", "topsis"])).from(Release::V9_2),
        may("ha-auto-rebalance-threshold", PERCENT).from(Release::V9_2),
        may("ha-rebalance-on-start", Kind::Boolean),
    ],
);

const HA: Properties = Properties::new(
    None,
    &[need(
        "shutdown_policy",
        Kind::Enum(&["freeze", "failover", "conditional", "migrate"]),
    )],
);

const TRANSFER: Properties = Properties::new(
    Some("type"),
    &[
        may("network", CIDR),
        need("type", Kind::Enum(&["secure", "insecure"])),
    ],
);

const ANY: Kind = Kind::Integer(i64::MIN, i64::MAX);
const NEXT_ID: Properties = Properties::new(None, &[may("lower", ANY), may("upper", ANY)]);

const NOTIFY: Properties = Properties::new(
    None,
    &[
        may("fencing", Kind::Enum(&["always", "never"])).from(Release::V8_4),
        need("package-updates", Kind::Enum(&["auto", "always", "never"])).until(Release::V7_4),
        may("package-updates", Kind::Enum(&["auto", "always", "never"])).from(Release::V8_4),
        may("replication", Kind::Enum(&["always", "never"])).from(Release::V8_4),
        may("target-fencing", TEXT).from(Release::V8_4),
        may("target-package-updates", TEXT).from(Release::V8_4),
        may("target-replication", TEXT).from(Release::V8_4),
    ],
);

const TAG_STYLE: Properties = Properties::new(
    None,
    &[
        may("case-sensitive", Kind::Boolean),
        may(
            "color-map",
            Kind::Pattern(concat!(
                r"(?:(?i:[a-z0-9_][a-z0-9_\-\+\.]*):[0-9a-fA-F]{6}(?::[0-9a-fA-F]{6})?)",
                r"(?:;(?:(?i:[a-z0-9_][a-z0-9_\-\+\.]*):[0-9a-fA-F]{6}(?::[0-9a-fA-F]{6})?))*"
            )),
        ),
        may("ordering", Kind::Enum(&["config", "alphabetical"])),
        may("shape", Kind::Enum(&["full", "circle", "dense", "none"])),
    ],
);

const U2F: Properties = Properties::new(None, &[may("appid", TEXT), may("origin", TEXT)]);

const TAG_ACCESS: Properties = Properties::new(
    None,
    &[
        may("user-allow", Kind::Enum(&["none", "list", "existing", "free"])),
        may(
            "user-allow-list",
            Kind::Pattern(r"(?i:[a-z0-9_][a-z0-9_\-\+\.]*)(?:;(?i:[a-z0-9_][a-z0-9_\-\+\.]*))*"),
        ),
    ],
);

const WEBAUTHN: Properties = Properties::new(
    None,
    &[
        may("allow-subdomains", Kind::Boolean),
        may("id", TEXT),
        may("origin", TEXT),
        may("rp", TEXT),
    ],
);

const KEYBOARDS: &[&str] = &[
    "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it",
    "ja", "lt", "mk", "nl", "no", "pl", "pt", "pt-br", "sv", "sl", "tr",
];

const LANGUAGES_7: &[&str] = &[
    "ca", "da", "de", "en", "es", "eu", "fa", "fr", "he", "it", "ja", "nb", "nn", "pl", "pt_BR", "ru", "sl",
    "sv", "tr", "zh_CN", "zh_TW",
];

const LANGUAGES: &[&str] = &[
    "ar", "ca", "da", "de", "en", "es", "eu", "fa", "fr", "hr", "he", "it", "ja", "ka", "kr", "nb", "nl",
    "nn", "pl", "pt_BR", "ru", "sl", "sv", "tr", "ukr", "zh_CN", "zh_TW",
];

/// Of a node (`/etc/pve/nodes/{node}/config`), with what a change takes besides.
pub(in super::super) const NODE_CONFIG: &[Param] = &[
    may("acme", Kind::Properties(&ACME)),
    may("acmedomain[n]", Kind::Properties(&ACME_DOMAIN)),
    may("ballooning-target", Kind::Integer(0, 100)).from(Release::V8_4),
    may("delete", OPTIONS),
    may("description", Kind::Text(65_536)),
    may("digest", Kind::Text(40)),
    may("location", NODE_LOCATION).from(Release::V9_2),
    may("startall-onboot-delay", Kind::Integer(0, 300)),
    may("wakeonlan", MAC).until(Release::V7_4),
    may("wakeonlan", Kind::Properties(&WAKE_ON_LAN)).from(Release::V8_4),
];

const ACME: Properties = Properties::new(Some("account"), &[may("account", OPTION), may("domains", WORDS)]);
const ACME_DOMAIN: Properties = Properties::new(
    Some("domain"),
    &[may("alias", NAME), need("domain", NAME), may("plugin", OPTION)],
);
const WAKE_ON_LAN: Properties = Properties::new(
    Some("mac"),
    &[
        may("bind-interface", NAME),
        may("broadcast-address", IP),
        need("mac", MAC),
    ],
);
