//! Events of domains and the end of a connection (`virConnectDomainEventRegisterAny`, `virConnectRegisterCloseCallback`).
//!
//! libvirt keeps a pointer to the feed with each registration, and gives it back to [`free`] when it needs it no more: each
//! is a strong count of an `Arc`, so the feed lives as long as a callback may come.

use std::ffi::{c_char, c_int, c_void};
use std::mem::transmute;
use std::ptr;
use std::sync::Arc;

use virt::connect::Connect;
use virt::error::{Error, ErrorNumber};
use virt::sys;

use super::super::events::{CloseReason, DomainEvent, Feed, Lifecycle, What};
use super::{text, uuid};

/// The form in which libvirt takes all of them: it knows by the event's number which it really has.
type Callback = unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void);

/// Registrations that end with this value, which may take a call to the host.
pub(in super::super) struct Subscription {
    conn: Connect,
    events: Vec<c_int>,
    tells_close: bool,
    /// Kept also where a driver takes no registration: a feed that is gone means a connection that ended.
    _feed: Arc<Feed>,
}

impl Subscription {
    /// Lets a connection's events, and its end, come to a feed. A driver that has no such events is no error.
    ///
    /// A connection without a peer has no end to tell of: libvirt takes a callback for it without a word, and
    /// forgets it, so that what it was given would never be freed.
    pub(in super::super) fn new(conn: &Connect, feed: &Arc<Feed>, has_peer: bool) -> Result<Self, Error> {
        let mut subscription = Self {
            conn: conn.clone(),
            events: Vec::new(),
            tells_close: false,
            _feed: Arc::clone(feed),
        };
        if has_peer {
            subscription.close(feed)?;
        }
        for (event, callback) in callbacks() {
            subscription.event(event, callback, feed)?;
        }
        Ok(subscription)
    }

    fn close(&mut self, feed: &Arc<Feed>) -> Result<(), Error> {
        let opaque = given(feed);
        // SAFETY: the connection is open; `on_close` has the type of a close callback, and `opaque` is what it and `free` take.
        let registered = unsafe {
            sys::virConnectRegisterCloseCallback(self.conn.as_ptr(), Some(on_close), opaque, Some(free))
        };
        self.tells_close = registered == 0;
        taken(registered, opaque)
    }

    fn event(&mut self, event: u32, callback: Callback, feed: &Arc<Feed>) -> Result<(), Error> {
        let opaque = given(feed);
        // SAFETY: the connection is open; null stands for all domains; the callback belongs to the event by `callbacks`, and
        // `opaque` is what it and `free` take.
        let registered = unsafe {
            sys::virConnectDomainEventRegisterAny(
                self.conn.as_ptr(),
                ptr::null_mut(),
                event.cast_signed(),
                Some(callback),
                opaque,
                Some(free),
            )
        };
        if registered >= 0 {
            self.events.push(registered);
        }
        taken(registered, opaque)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        for event in self.events.drain(..) {
            // SAFETY: the connection is open while `self.conn` lives, and the number was given for it. The feed is freed by
            // libvirt when the last callback has returned.
            unsafe { sys::virConnectDomainEventDeregisterAny(self.conn.as_ptr(), event) };
        }
        if self.tells_close {
            // SAFETY: as above; it is the callback that was registered.
            unsafe { sys::virConnectUnregisterCloseCallback(self.conn.as_ptr(), Some(on_close)) };
        }
    }
}

/// A feed as libvirt keeps it.
fn given(feed: &Arc<Feed>) -> *mut c_void {
    Arc::into_raw(Arc::clone(feed)).cast_mut().cast()
}

/// Takes the feed back if libvirt did not take it.
fn taken(registered: c_int, opaque: *mut c_void) -> Result<(), Error> {
    if registered >= 0 {
        return Ok(());
    }
    let error = Error::last_error();
    // SAFETY: libvirt calls `free` for what was registered alone, so the count that `given` made is still ours.
    unsafe { free(opaque) };
    if error.code().is_known_and(|code| code == ErrorNumber::NoSupport) {
        return Ok(());
    }
    Err(error)
}

fn callbacks() -> [(u32, Callback); 6] {
    // SAFETY: a pointer to a function may be changed into one to another type of function as long as it is called as what
    // it is: libvirt changes it back by the event's number before it calls it.
    unsafe {
        [
            (
                sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                transmute::<unsafe extern "C" fn(_, _, _, _, _) -> _, Callback>(on_lifecycle),
            ),
            (sys::VIR_DOMAIN_EVENT_ID_REBOOT, on_reboot),
            (
                sys::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                transmute::<unsafe extern "C" fn(_, _, _, _), Callback>(on_device_removed),
            ),
            (
                sys::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
                transmute::<unsafe extern "C" fn(_, _, _, _), Callback>(on_device_removal_failed),
            ),
            (
                sys::VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                transmute::<unsafe extern "C" fn(_, _, _, _, _), Callback>(on_job_completed),
            ),
            (
                sys::VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
                transmute::<unsafe extern "C" fn(_, _, _, _, _), Callback>(on_agent),
            ),
        ]
    }
}

/// # Safety
/// `opaque` came from [`given`], and was not freed.
unsafe extern "C" fn free(opaque: *mut c_void) {
    // SAFETY: by the caller's promise, this ends the count that `given` made.
    drop(unsafe { Arc::from_raw(opaque.cast::<Feed>().cast_const()) });
}

/// # Safety
/// `opaque` came from [`given`] and is not freed during the call, `domain` is valid during the call.
unsafe fn tell(domain: sys::virDomainPtr, opaque: *mut c_void, what: What) {
    // SAFETY: by the caller's promise.
    let (feed, domain) = unsafe { (&*opaque.cast::<Feed>(), uuid(domain)) };
    if let Some(domain) = domain {
        feed.put(DomainEvent { domain, what });
    }
}

// SAFETY, of all callbacks: libvirt calls them with a domain that is valid during the call, with strings that are null or
// have an end, and with the opaque pointer of the registration, which it frees only after the call.

unsafe extern "C" fn on_lifecycle(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: c_int,
    detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    let what = What::Lifecycle {
        change: lifecycle(event),
        detail,
    };
    // SAFETY: see above.
    unsafe { tell(domain, opaque, what) };
    0
}

unsafe extern "C" fn on_reboot(_: sys::virConnectPtr, domain: sys::virDomainPtr, opaque: *mut c_void) {
    // SAFETY: see above.
    unsafe { tell(domain, opaque, What::Rebooted) };
}

unsafe extern "C" fn on_device_removed(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    alias: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: see above.
    unsafe { tell(domain, opaque, What::DeviceRemoved { alias: text(alias) }) };
}

unsafe extern "C" fn on_device_removal_failed(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    alias: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: see above.
    unsafe { tell(domain, opaque, What::DeviceRemovalFailed { alias: text(alias) }) };
}

unsafe extern "C" fn on_job_completed(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    _: sys::virTypedParameterPtr,
    _: c_int,
    opaque: *mut c_void,
) {
    // SAFETY: see above. The parameters are libvirt's.
    unsafe { tell(domain, opaque, What::JobCompleted) };
}

unsafe extern "C" fn on_agent(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    state: c_int,
    _: c_int,
    opaque: *mut c_void,
) {
    let connected = state == sys::VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED.cast_signed();
    // SAFETY: see above.
    unsafe { tell(domain, opaque, What::Agent { connected }) };
}

unsafe extern "C" fn on_close(_: sys::virConnectPtr, reason: c_int, opaque: *mut c_void) {
    // SAFETY: see above.
    let feed = unsafe { &*opaque.cast::<Feed>() };
    feed.close(match reason.cast_unsigned() {
        sys::VIR_CONNECT_CLOSE_REASON_EOF => CloseReason::EndOfFile,
        sys::VIR_CONNECT_CLOSE_REASON_KEEPALIVE => CloseReason::KeepAlive,
        sys::VIR_CONNECT_CLOSE_REASON_CLIENT => CloseReason::Client,
        _ => CloseReason::Error,
    });
}

fn lifecycle(event: c_int) -> Lifecycle {
    match event.cast_unsigned() {
        sys::VIR_DOMAIN_EVENT_DEFINED => Lifecycle::Defined,
        sys::VIR_DOMAIN_EVENT_UNDEFINED => Lifecycle::Undefined,
        sys::VIR_DOMAIN_EVENT_STARTED => Lifecycle::Started,
        sys::VIR_DOMAIN_EVENT_SUSPENDED => Lifecycle::Suspended,
        sys::VIR_DOMAIN_EVENT_RESUMED => Lifecycle::Resumed,
        sys::VIR_DOMAIN_EVENT_STOPPED => Lifecycle::Stopped,
        sys::VIR_DOMAIN_EVENT_SHUTDOWN => Lifecycle::Shutdown,
        sys::VIR_DOMAIN_EVENT_PMSUSPENDED => Lifecycle::PmSuspended,
        sys::VIR_DOMAIN_EVENT_CRASHED => Lifecycle::Crashed,
        _ => Lifecycle::Other(event),
    }
}
