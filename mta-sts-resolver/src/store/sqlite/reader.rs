//! The thread that reads a database: beside the one that writes, so that no reader waits for a writer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc::{Receiver, Sender};

use super::super::{StoreError, StoreErrorKind};
use super::file::{identity, with};
use super::reading::{Read, Source, open_for_reading};
use super::writing::Write;
use super::{Fault, Pause, READ_PATIENCE, Shared, SqliteAccess, Told, send};

/// The reader and its connection.
pub(super) struct Reader {
    connection: Option<Connection>,
    /// Declared after the connection: when this is dropped, the writer closes the file last, and cleans up.
    writes: Option<Sender<Write>>,
    /// The generation of the writer's file that it has open.
    generation: u64,
    /// The path, if there is no log.
    is_without_log: bool,
    pause: Pause,
    shared: Arc<Shared>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, writes: Option<Sender<Write>>) -> Self {
        Self {
            writes,
            connection: None,
            generation: 0,
            is_without_log: false,
            pause: Pause::default(),
            shared,
        }
    }

    /// Works until all senders are gone.
    pub(super) fn work(&mut self, mut queue: Receiver<Read>) {
        let shared = Arc::clone(&self.shared);
        while let Some(read) = queue.blocking_recv() {
            // While the writer has exclusive access, it also does the reading.
            if let Some(writes) = self.writes.as_ref().filter(|_| shared.is_alone.load(Ordering::Acquire)) {
                self.connection = None;
                // If the queue is full, the requester's channel is closed.
                let _ = send(writes, Write::Read(read));
            } else {
                read.run(self, &shared);
            }
        }
    }

    fn open(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let path = &shared.path;
        if self.writes.is_none() {
            if self.connection.is_none() || (self.is_without_log && with(path, "-wal").exists()) {
                let opened = open_for_reading(path).map_err(Fault::into_error)?;
                (self.connection, self.is_without_log) = (Some(opened.0), opened.1);
            }
            return Ok(());
        }
        let known = *shared.file();
        let is_other = known.is_none() || identity(path) != known;
        if is_other && let Err(error) = self.ask_writer(Write::Open) {
            // An open file can be read even if it was deleted, and a read-only one is better than nothing.
            return match (&self.connection, error.kind()) {
                (Some(_), _) => Ok(()),
                (None, StoreErrorKind::Unavailable | StoreErrorKind::Denied | StoreErrorKind::Full) => {
                    let opened = open_for_reading(path).map_err(Fault::into_error)?;
                    (self.connection, self.is_without_log) = (Some(opened.0), opened.1);
                    Ok(())
                }
                (None, _) => Err(error),
            };
        }
        let generation = shared.generation.load(Ordering::Acquire);
        if self.connection.is_none() || generation != self.generation {
            self.connection = Some(beside_the_writer(path).map_err(Fault::into_error)?);
            self.generation = generation;
        }
        Ok(())
    }

    /// Has the writer do something to its files, waiting for a limited time.
    fn ask_writer(&self, job: impl FnOnce(Told) -> Write) -> Result<(), StoreError> {
        let (told, done) = sync_channel(1);
        if let Some(writes) = &self.writes {
            send(writes, job(told))?;
        }
        let late = || StoreError::new(StoreErrorKind::Locked, "the file is being opened");
        done.recv_timeout(READ_PATIENCE).map_err(|_| late())?
    }
}

impl Source for Reader {
    /// Reads; if the file turns out to be damaged, once more after the writer has replaced it.
    fn read<T>(&mut self, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.pause.check()?;
        for again in [true, false] {
            if let Err(error) = self.open() {
                return Err(self.pause.begin(error));
            }
            let Some(connection) = &self.connection else { break };
            let fault = match work(connection) {
                Ok(done) => return Ok(done),
                Err(error) => Fault::from(error),
            };
            if fault.is_damage() && again && self.shared.config.access == SqliteAccess::Create {
                self.connection = None;
                let generation = self.generation;
                self.ask_writer(|told| Write::Mend(generation, told))?;
                continue;
            }
            let error = fault.into_error();
            return Err(if error.kind() == StoreErrorKind::Locked { self.pause.begin(error) } else { error });
        }
        Err(StoreError::new(StoreErrorKind::Unavailable, "the file cannot be opened"))
    }
}

/// A connection for reading in a process that has the file open for writing as well.
fn beside_the_writer(path: &std::path::Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(READ_PATIENCE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
