//! Tickets, tokens, users, groups, roles and ACLs.

use pve_sim::{Release, Seed};

use super::{File, machine, web1};
use crate::recordings::script::{ROOT_PASSWORD, Script};
use crate::recordings::session::encode;

pub(crate) const FILE: File = File {
    name: "auth",
    script,
    releases: &[Release::V8_4, Release::V9_2],
};

const OP2: &str = "root@pam!op2";
const ROOT: &str = "root@pam";
const ALICE: &str = "alice@pve";

fn script(release: Release) -> Script {
    let seed = Seed {
        token_id: "root@pam!op".to_owned(),
        ..machine(release).with_guest(web1(release).running())
    };
    let script = Script::new(seed)
        .token(OP2)
        .password(ALICE, "wonder-land")
        .by_user(31..=46, ALICE)
        .by_user(48..=51, ALICE)
        .by_token(55..=57, "alice@pve!t1")
        .by_user([67], ALICE);
    tickets(tokens(script))
}

/// The spellings of `Authorization` for a token that were tried, and what no spelling makes right.
fn tokens(script: Script) -> Script {
    let header = |script: Script, index, value: fn(&str) -> String| {
        script.at(index, move |request, session| {
            request.header("Authorization", value(session.secret(OP2)));
        })
    };
    let script = header(script, 2, |_| format!("PVEAPIToken={OP2}=wrong"));
    let script = header(script, 3, |secret| format!("PVEAPIToken=root@pam!nope={secret}"));
    let script = header(script, 4, |_| format!("PVEAPIToken={OP2}"));
    let script = header(script, 5, |secret| format!("PVEAPIToken={OP2}:{secret}"));
    let script = header(script, 6, |secret| format!("PVEAPIToken {OP2}={secret}"));
    let script = header(script, 7, |secret| format!("Bearer {OP2}={secret}"));
    let script = header(script, 8, |secret| format!("PVEAPIToken=nouser@pve!x={secret}"));
    let script = header(script, 9, |secret| format!("PVEAPIToken={OP2}={secret}x"));
    let script = header(script, 10, |secret| {
        format!("PVEAPIToken={}={secret}", OP2.replace('!', "%21"))
    });
    header(script, 17, |secret| {
        format!("PVEAPIToken={}", encode(&format!("{OP2}={secret}")))
    })
}

/// Where a ticket may stand, what may stand in its place, and what is asked with it.
fn tickets(script: Script) -> Script {
    let cookie = |script: Script, index, value: fn(&str) -> String| {
        script.at(index, move |request, session| {
            request.header("Cookie", format!("PVEAuthCookie={}", value(session.ticket(ROOT))));
        })
    };
    let script = cookie(script, 11, |ticket| encode(&format!("{ticket}x")));
    let script = cookie(script, 12, |_| encode("PVE:root@pam:00000001::c2lnbmF0dXJl"));
    let script = cookie(script, 13, encode);
    let script = cookie(script, 18, str::to_owned);
    script
        .at(14, |request, _| _ = request.without("CSRFPreventionToken"))
        .at(15, |request, _| {
            _ = request.header("CSRFPreventionToken", "00000001:wrong");
        })
        .at(16, |request, _| _ = request.without("CSRFPreventionToken"))
        .at(19, |request, session| {
            request.header("Authorization", format!("PVEAuthCookie={}", session.ticket(ROOT)));
        })
        .at(20, |request, _| _ = request.field("password", ROOT_PASSWORD))
        .at(21, |request, _| _ = request.field("password", ROOT_PASSWORD))
        .at(25, |request, session| {
            _ = request.field("password", session.ticket(ROOT));
        })
}
