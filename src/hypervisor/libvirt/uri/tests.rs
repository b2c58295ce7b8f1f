use std::path::Path;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<LibvirtUri, BadUri> {
    text.parse()
}

#[test]
fn uris_that_people_use_are_read_and_written_as_they_are() {
    for text in [
        "qemu:///system",
        "qemu:///session",
        "qemu+unix:///system?socket=/run/libvirt/libvirt-sock",
        "qemu+unix:///session",
        "qemu+tls://kvm1.example.org/system",
        "qemu+tls://10.0.0.7:16999/system",
        "qemu+tls://[2001:db8::7]:16999/system",
        "qemu+ssh://root@kvm1/system",
        "qemu+ssh://drover@kvm1:2222/session?socket=/run/user/7/libvirt/libvirt-sock",
        "qemu+ssh://kvm1/system",
        "lxc:///",
        "lxc:///system",
        "lxc+tls://kvm1/system",
        "test:///default",
        "test+unix:///default?socket=/tmp/s",
        "test+tcp://127.0.0.1:26509/default",
        "qemu+tcp://localhost/system",
        "qemu+tcp://[::1]:7/system",
    ] {
        assert_eq!(read(text).unwrap().to_string(), text);
    }
}

#[test]
fn what_would_read_files_run_programs_or_skip_checks_is_refused_with_the_reason() {
    for (parameter, word) in [
        ("pkipath=/etc", "Secret"),
        ("keyfile=/etc/drover/id", "Secret"),
        ("known_hosts=/dev/null", "Secret"),
        ("authfile=/etc/shadow", "Secret"),
        ("sshauth=agent", "Secret"),
        ("command=/bin/sh", "program"),
        ("netcat=/bin/sh", "program"),
        ("proxy=native", "program"),
        ("no_verify=1", "check"),
        ("known_hosts_verify=ignore", "check"),
        ("no_sanity=1", "check"),
        ("tls_priority=NONE", "check"),
        ("mode=direct", "not known"),
        ("no_tty=1", "not known"),
        ("Socket=/x", "not known"),
        ("%73ocket=/x", "not known"),
        ("socket=/a&socket=/b", "twice"),
        ("socket=/a;no_verify=1", "check"),
    ] {
        let refused = read(&format!("qemu+ssh://root@kvm1/system?{parameter}")).unwrap_err();
        assert!(refused.to_string().contains(word), "{parameter}: {refused}");
    }
}

#[test]
fn plain_tcp_is_for_loopback_alone() {
    for host in ["kvm1", "10.0.0.7", "localhost.example.org", "[2001:db8::7]"] {
        let refused = read(&format!("qemu+tcp://{host}/system")).unwrap_err();
        assert!(matches!(refused, BadUri::PlainTcp(_)), "{host}: {refused}");
    }
}

#[test]
fn what_is_no_uri_of_a_supported_host_is_refused() {
    for text in [
        "",
        "qemu",
        "/system",
        "qemu:/system",
        "qemu://kvm1/system",
        "qemu+unix://kvm1/system",
        "qemu+tls:///system",
        "qemu+tls://root@kvm1/system",
        "qemu+tls://kvm1/session",
        "qemu+tls://kvm1:0/system",
        "qemu+tls://kvm1:65536/system",
        "qemu+tls://kvm1:/system",
        "qemu+tls://-oProxy/system",
        "qemu+tls://[::1/system",
        "qemu+tls://kvm1/system?socket=/x",
        "qemu:///system?socket=/x",
        "qemu:///system/../session",
        "qemu:///embed?root=/",
        "qemu+ssh://root:secret@kvm1/system",
        "qemu+ssh://-x@kvm1/system",
        "qemu+ssh://@kvm1/system",
        "qemu+ext://kvm1/system",
        "qemu+libssh2://kvm1/system",
        "qemu+unix:///system?socket=relative",
        "qemu+unix:///system?socket=/a b",
        "qemu+unix:///system?socket=/a%20b",
        "qemu+unix:///system?socket=",
        "qemu:///system#fragment",
        "test:///etc/passwd",
        "lxc:///session",
        "xen:///system",
        "esx://host/",
        "QEMU:///system",
        "qemu:///system\n",
    ] {
        assert!(read(text).is_err(), "{text:?}");
    }
}

#[test]
fn tls_gets_the_directory_of_its_certificates() {
    let uri = read("qemu+tls://kvm1:7/system").unwrap();
    assert_eq!(
        uri.connect_string(Some(Path::new("/tmp/a b&c"))),
        "qemu+tls://kvm1:7/system?pkipath=/tmp/a%20b%26c"
    );
}

#[test]
fn ssh_goes_by_libssh_with_a_key_and_known_hosts_alone() {
    let uri = read("qemu+ssh://root@kvm1:2222/system?socket=/run/s").unwrap();
    assert_eq!(
        uri.connect_string(Some(Path::new("/tmp/d"))),
        "qemu+libssh://root@kvm1:2222/system?sshauth=privkey&known_hosts_verify=normal\
         &keyfile=/tmp/d/id&known_hosts=/tmp/d/known_hosts&socket=/run/s"
    );
}

#[test]
fn an_address_is_where_the_host_listens() {
    for (text, address) in [
        ("qemu+tls://kvm1/system", "kvm1:16514"),
        ("qemu+tls://[::1]:7/system", "[::1]:7"),
        ("qemu+ssh://root@kvm1/system", "kvm1:22"),
        ("qemu+unix:///system?socket=/run/s", "/run/s"),
        ("qemu:///system", "qemu:///system"),
    ] {
        assert_eq!(read(text).unwrap().address(), address);
    }
}

proptest! {
    #[test]
    fn nothing_read_ever_hands_on_a_parameter_of_its_own(text in "(qemu|lxc|test)(\\+(unix|tls|ssh|tcp))?://[a-z@:.\\[\\]-]{0,9}(/|/system|/default)?(\\?[a-z_]{0,8}=[/a-z%&;]{0,9})?") {
        if let Ok(uri) = read(&text) {
            prop_assert_eq!(uri.to_string().parse::<LibvirtUri>(), Ok(uri.clone()));
            let given = uri.connect_string(None);
            let query = given.split_once('?').map_or("", |(_, query)| query);
            prop_assert!(query.split('&').filter(|part| !part.is_empty()).all(|part| {
                ["socket=", "sshauth=privkey", "known_hosts_verify=normal"].iter().any(|known| part.starts_with(known))
            }), "{}", given);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        let _ = read(&text);
    }
}
