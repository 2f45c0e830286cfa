use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use mta_sts_world::{World, WorldConfig, WorldError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Runs a world for other programs until standard input closes or a signal asks for the end.
pub(super) async fn serve(config: WorldConfig, directory: &Path) -> Result<(), WorldError> {
    let file = |source| WorldError::File { path: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(file)?;
    // A relative path in world.json would mean another place to each reader.
    let directory = &directory.canonicalize().map_err(file)?;
    // Before `ready`, so that no signal after it finds the world without its handlers.
    let mut terminate = signal(SignalKind::terminate()).map_err(file)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(file)?;

    let mut world = World::start(config).await?;
    world.serve_control(directory)?;
    world.write_files(directory)?;
    let input = closed_input();
    let mut output = io::stdout();
    // Whoever does not listen may still read world.json.
    let _ = writeln!(output, "ready").and_then(|()| output.flush());

    tokio::select! {
        _ = input => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    world.shutdown().await;
    Ok(())
}

/// Is told when standard input has ended. It is read by a plain thread, since a runtime would wait for a read of its own
/// before it ends, also after a signal.
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
        // The world may have ended meanwhile.
        let _ = sender.send(());
    });
    receiver
}
