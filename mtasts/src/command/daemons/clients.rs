//! Clients of the daemon's own sockets: those of its pages, and operators.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

/// Serves for as long as the future is polled, at most this many clients at once. `whose` names the socket in the log.
pub(crate) async fn serve_for_ever<S, C>(
    whose: &'static str,
    max_clients: usize,
    accept: impl AsyncFn() -> io::Result<S>,
    converse: impl Fn(S) -> C,
) where
    C: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(max_clients));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match accept().await {
            Ok(stream) => {
                let conversation = converse(stream);
                tokio::spawn(async move {
                    let _place = place;
                    conversation.await;
                });
            }
            Err(error) => {
                // Such as too many open files: it passes when a client leaves.
                tracing::warn!(%error, "a client of {whose} could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
