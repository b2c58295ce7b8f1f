//! The one thread that looks after all connections of the process: without it there are no events, no keep-alive, and a lost
//! connection is not noticed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use virt::error::{Error, clear_error_callback};
use virt::event::{
    EventTimeoutWatch, event_add_timeout, event_register_default_impl, event_run_default_impl,
};

static LOOP: Mutex<State> = Mutex::new(State {
    registered: false,
    running: None,
});

/// Pause after a round that failed, so that a lasting fault does not take a whole processor.
const PAUSE: Duration = Duration::from_millis(100);

struct State {
    registered: bool,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    /// Never due, until it ends the round that the thread waits in.
    bell: EventTimeoutWatch,
}

/// Why it can't be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum Start {
    /// libvirt said no.
    #[error("libvirt: {}", .0.message())]
    Libvirt(#[from] Error),
    /// The system gave no thread.
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Starts it unless it runs. Must have been called before the first connection is opened.
pub(super) fn start() -> Result<(), Start> {
    let mut state = LOOP.lock().unwrap_or_else(PoisonError::into_inner);
    if !state.registered {
        // libvirt would write each error to standard error as well.
        clear_error_callback();
        event_register_default_impl()?;
        state.registered = true;
    }
    if state
        .running
        .as_ref()
        .is_some_and(|running| !running.thread.is_finished())
    {
        return Ok(());
    }
    let bell = event_add_timeout(-1, |_, _| (), std::ptr::null_mut())?;
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::Builder::new()
        .name("libvirt-events".to_owned())
        .spawn({
            let stop = stop.clone();
            move || rounds(&stop)
        })?;
    state.running = Some(Running { thread, stop, bell });
    Ok(())
}

fn rounds(stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        if let Err(error) = event_run_default_impl() {
            tracing::warn!(error = error.message(), "a round of libvirt's event loop failed");
            std::thread::sleep(PAUSE);
        }
    }
}

/// Ends it, and waits until it has ended. Connections that are open stay so, deaf; the next one that is opened starts it again.
pub fn stop() {
    let running = LOOP.lock().unwrap_or_else(PoisonError::into_inner).running.take();
    let Some(running) = running else { return };
    running.stop.store(true, Ordering::Release);
    running.bell.event_update_timeout(0);
    if running.thread.join().is_err() {
        tracing::warn!("libvirt's event loop had broken off");
    }
    if let Err(error) = running.bell.event_remove_timeout() {
        tracing::debug!(error = error.message(), "libvirt's event loop keeps a timer");
    }
}
