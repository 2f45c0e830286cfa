use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use mta_sts_world::{World, WorldConfig, WorldError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Runs a world for other programs until standard input is closed or a signal arrives.
pub(super) async fn serve(config: WorldConfig, directory: &Path) -> Result<(), WorldError> {
    let file = |source| WorldError::File { path: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(file)?;
    // A relative path in world.json would mean a different place to each reader.
    let directory = &directory.canonicalize().map_err(file)?;
    // Before `ready`, so that no later signal finds the world without its handlers.
    let mut terminate = signal(SignalKind::terminate()).map_err(file)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(file)?;

    let mut world = World::start(config).await?;
    world.serve_control(directory)?;
    world.write_files(directory)?;
    let input = closed_input();
    let mut output = io::stdout();
    // A program that does not listen can still read world.json.
    let _ = writeln!(output, "ready").and_then(|()| output.flush());

    tokio::select! {
        _ = input => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    world.shutdown().await;
    Ok(())
}

/// Resolves when standard input is closed. A plain thread reads it, since a runtime would wait for its own read before
/// it ends, even after a signal.
fn closed_input() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 512];
        let mut input = io::stdin().lock();
        loop {
            match input.read(&mut ignored) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        // The world may have ended in the meantime.
        let _ = sender.send(());
    });
    receiver
}
