//! Identifiers of tasks.

use drover::model::Upid;

/// One that is read says all that the text says.
pub fn upids(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(upid) = text.parse::<Upid>() else { return };
    assert_eq!(upid.to_string(), text);
    let number = |part: &str| u64::from_str_radix(part, 16).ok();
    let parts: Vec<&str> = text.split(':').collect();
    let ["UPID", node, pid, process_start, started, kind, id, user, ""] = parts.as_slice() else {
        panic!("{text} has other parts than a task identifier");
    };
    assert_eq!(upid.node().as_str(), *node);
    assert_eq!(Some(u64::from(upid.pid())), number(pid));
    assert_eq!(Some(upid.process_start()), number(process_start));
    assert_eq!(u64::try_from(upid.started()).ok(), number(started));
    assert_eq!((upid.kind(), upid.id(), upid.user()), (*kind, *id, *user));
    assert_eq!(upid.vmid(), id.parse().ok());
}
