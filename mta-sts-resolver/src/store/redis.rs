//! A store in Redis, for machines that share it.

mod parcels;
mod url;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use redis::aio::MultiplexedConnection;
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::url::Target;
pub use self::url::{InvalidRedisUrl, RedisUrl};
use super::ranking::rank;
use super::{
    EntryStore, LeaseHolder, Leases, Parcels, Seldom, StoreCounts, StoreError, StoreErrorKind, StoreFuture,
    Unreadable, UnreadableEntry, ends_at, in_place_of, read_entry,
};

/// A store in Redis, or in Valkey, which speaks the same protocol: for machines that share one cache.
///
/// ```no_run
/// use mta_sts_resolver::{EntryStore, RedisStore};
///
/// # async fn list() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::open(&"redis://127.0.0.1:6379/0".parse()?)?;
/// for (domain, entry) in store.page(None, 100).await? {
///     println!("{domain}: {:?}", entry.policy());
/// }
/// # Ok(())
/// # }
/// ```
///
/// It provides leases, so that only one of the machines queries a Policy Host. Of two policies the one that was
/// requested later stays, whichever machine writes last. An entry expires in Redis a day after its policy: even if
/// clocks differ, none disappears while its policy is in force.
///
/// Anyone who can write to the server controls which policies apply: protect it from others.
///
/// The keys: `mtasts:entry:DOMAIN` has the text of an entry, `mtasts:lease:DOMAIN` a lease, `mtasts:domains` the
/// domains; `mtasts:sizes`, `mtasts:uses`, `mtasts:ranks`, and `mtasts:octets` are for the limit of
/// [`RedisStore::with_max_octets`]; `mtasts:parcels:GROUP` and the keys that begin so have [`Parcels`](crate::Parcels). The server must be version 6 or later, and not a cluster; with Sentinels, a new
/// primary server is found within seconds of its election. Connections are made on demand; a server that does not respond is not contacted for a second, so that no request waits long for it.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
    max_octets: u64,
}

struct Shared {
    url: RedisUrl,
    link: Mutex<Link>,
    /// Limits the log lines about values that are not entries.
    unreadable: Seldom,
    evicted: AtomicU64,
    newer: AtomicU64,
    damaged: AtomicU64,
}

/// The result of a compare-and-set.
enum Replaced {
    Done,
    /// The value that is stored instead, and the server's time.
    Not {
        held: Vec<u8>,
        now: UnixTime,
    },
}

/// The connection, and the state after the last failure.
struct Link {
    server: Server,
    /// The time limit for a connection.
    patience: Duration,
    connection: Option<MultiplexedConnection>,
    /// The number of the connection, so that its end is handled once.
    number: u64,
    /// While the server is not contacted: until when, and the error.
    lost: Option<(Instant, StoreError)>,
}

/// Where connections are made to.
enum Server {
    One(Client),
    /// The one that the Sentinels name, and that takes itself for the primary one too.
    Primary(SentinelClient),
}

impl RedisStore {
    /// A store at this URL. It connects on first use.
    ///
    /// # Errors
    ///
    /// `store-unavailable` if no connection can ever be made.
    pub fn open(url: &RedisUrl) -> Result<Self, StoreError> {
        let unusable = || StoreError::new(StoreErrorKind::Unavailable, InvalidRedisUrl.to_string());
        let target = url.target().map_err(|_| unusable())?;
        if target.has_tls() {
            // The crate uses the process-wide default; an existing one is kept.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // Some of the Sentinels may be down too.
        let patience = PATIENCE * (2 + u32::try_from(target.sentinels()).unwrap_or(u32::MAX));
        let server = match target {
            Target::Server(info) => Client::open(info).map(Server::One),
            Target::Sentinels(sentinels) => sentinels.client().map(Server::Primary),
        };
        let server = server.map_err(|_| unusable())?;
        Ok(Self {
            max_octets: 256 << 20,
            shared: Arc::new(Shared {
                url: url.clone(),
                link: Mutex::new(Link { server, patience, connection: None, number: 0, lost: None }),
                unreadable: Seldom::default(),
                evicted: AtomicU64::new(0),
                newer: AtomicU64::new(0),
                damaged: AtomicU64::new(0),
            }),
        })
    }

    /// Sets the maximum size of all entries, in octets, before some are evicted, as in
    /// [`SqliteStore`](crate::SqliteStore). Default: 256 MiB, counting 500 octets of overhead for each. If machines
    /// that share a store differ, the smallest applies.
    #[must_use]
    pub fn with_max_octets(mut self, octets: u64) -> Self {
        // As far as the numbers of Lua are exact.
        self.max_octets = octets.min(1 << 53);
        self
    }

    /// The URL.
    pub fn url(&self) -> &RedisUrl {
        &self.shared.url
    }

    /// Sends a command. If the connection turns out to be closed, it is sent once more over a new one: every command
    /// here is idempotent.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut again = true;
        loop {
            let (number, mut connection) = self.shared.connection().await?;
            let error = match command.query_async(&mut connection).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.is_timeout() {
                self.shared.lose(number, Some(&error)).await;
            } else if error.is_io_error() || error.is_unrecoverable_error() || says(&error, "READONLY") {
                // A replica: the Sentinels have made another server the primary one.
                self.shared.lose(number, None).await;
                if std::mem::take(&mut again) {
                    continue;
                }
            }
            return Err(store_error(&error));
        }
    }

    /// Stores an entry in place of this value, unless there is another one by now.
    async fn replace(
        &self,
        domain: &PolicyDomain,
        expected: &[u8],
        entry: &CacheEntry,
    ) -> Result<Replaced, StoreError> {
        let text = entry.to_text(domain);
        let worths = [0, 1, 2].map(|days| rank(entry, text.len(), days).to_string()).join(" ");
        let mut put = redis::cmd("EVAL");
        put.arg(PUT).arg(2).arg(entry_key(domain)).arg(DOMAINS);
        put.arg(domain.as_str())
            .arg(text)
            .arg(u8::from(entry.policy().is_some()))
            .arg(seconds(ends_at(entry)));
        put.arg(GRACE.as_secs()).arg(MIN_LIFE.as_secs()).arg(worths).arg(self.max_octets).arg(ENTRY_PREFIX);
        put.arg(expected).arg(MAX_VALUE);
        // The number of evicted entries; the other value if there is one, and the server's time.
        let (evicted, held, now): (u64, Option<Vec<u8>>, u64) = self.ask(&put).await?;
        self.shared.evicted.fetch_add(evicted, Ordering::Relaxed);
        Ok(match held {
            None => Replaced::Done,
            Some(held) => Replaced::Not { held, now: UnixTime::from_secs(now) },
        })
    }

    /// Parses a value; an unreadable one is logged, since another program or version writes here.
    fn read(&self, name: &[u8], value: &[u8]) -> Option<(PolicyDomain, CacheEntry)> {
        match read_value(name, value) {
            Ok(known) => Some(known),
            Err(why) => {
                self.tell_unreadable(name, why);
                None
            }
        }
    }

    fn tell_unreadable(&self, name: &[u8], why: Unreadable) {
        tracing::debug!(domain = %name.escape_ascii(), ?why, "an entry in Redis cannot be read");
        if self.shared.unreadable.is_due() {
            tracing::warn!(store = %self.shared.url, ?why, "an entry in Redis cannot be read; it is kept, but not used");
        }
    }

    /// Counts the unreadable entries, for the operator.
    async fn count_unreadable(&self) -> Result<(), StoreError> {
        let (mut newer, mut damaged) = (0, 0);
        let mut after: Option<UnreadableEntry> = None;
        loop {
            let mut page = self.unreadable(after.as_ref(), CHUNK).await?;
            let of_later = page.iter().filter(|entry| entry.why == Unreadable::Newer).count();
            (newer, damaged) = (newer + of_later as u64, damaged + (page.len() - of_later) as u64);
            after = page.pop();
            if after.is_none() {
                break;
            }
        }
        self.shared.newer.store(newer, Ordering::Relaxed);
        self.shared.damaged.store(damaged, Ordering::Relaxed);
        Ok(())
    }

    /// A chunk of names with their values, starting from this name.
    async fn rows(&self, from: &[u8], count: usize) -> Result<Vec<(Vec<u8>, Option<Vec<u8>>)>, StoreError> {
        let mut rows = redis::cmd("EVAL");
        rows.arg(PAGE).arg(1).arg(DOMAINS).arg(ENTRY_PREFIX).arg(from);
        rows.arg(CHUNK.min(count)).arg(MAX_VALUE);
        self.ask(&rows).await
    }

    /// At most `count` results for the following values, skipping those that give none; an empty result means the end.
    /// Names whose entries have expired are skipped.
    async fn chosen<T>(
        &self,
        after: Option<&[u8]>,
        count: usize,
        make: impl Fn(&[u8], Vec<u8>) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut from = after.map_or_else(|| b"-".to_vec(), following);
        let (mut chosen, mut octets) = (Vec::new(), 0);
        while chosen.len() < count && (octets < MAX_PAGE || chosen.is_empty()) {
            let rows = self.rows(&from, count - chosen.len()).await?;
            let Some((last, _)) = rows.last() else { break };
            from = following(last);
            for (name, value) in rows {
                let Some(value) = value else { continue };
                octets += value.len();
                chosen.extend(make(&name, value));
            }
        }
        Ok(chosen)
    }
}

impl EntryStore for RedisStore {
    fn get<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, Option<CacheEntry>> {
        Box::pin(async move {
            let mut get = redis::cmd("EVAL");
            get.arg(GET).arg(1).arg(entry_key(domain)).arg(MAX_VALUE);
            let value: Option<Value> = self.ask(&get).await?;
            Ok(match value {
                None | Some(Value::Nil) => None,
                Some(Value::BulkString(value)) => {
                    self.read(domain.as_str().as_bytes(), &value).map(|(_, entry)| entry)
                }
                Some(_) => {
                    self.tell_unreadable(domain.as_str().as_bytes(), Unreadable::Damaged);
                    None
                }
            })
        })
    }

    fn put<'a>(&'a self, domain: &'a PolicyDomain, entry: &'a CacheEntry) -> StoreFuture<'a, CacheEntry> {
        Box::pin(async move {
            let name = domain.as_str().as_bytes();
            let (mut expected, mut merged) = (Vec::new(), entry.clone());
            for _ in 0..MAX_ATTEMPTS {
                let (held, now) = match self.replace(domain, &expected, &merged).await? {
                    Replaced::Done => return Ok(merged),
                    Replaced::Not { held, now } => (held, now),
                };
                let read = match held.as_slice() {
                    // It has expired in the meantime.
                    [] => None,
                    held => Some(read_value(name, held).map(|(_, entry)| entry)),
                };
                merged = match read {
                    None => entry.clone(),
                    Some(read) => match in_place_of(read, &held, entry, now) {
                        Some(merged) => merged,
                        None => return Ok(entry.clone()),
                    },
                };
                expected = held;
            }
            Err(StoreError::new(StoreErrorKind::Unavailable, "other processes keep writing the same entry"))
        })
    }

    fn remove<'a>(&'a self, domain: &'a PolicyDomain) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut remove = redis::cmd("EVAL");
            remove.arg(REMOVE).arg(2).arg(entry_key(domain)).arg(DOMAINS).arg(domain.as_str());
            self.ask(&remove).await
        })
    }

    fn page<'a>(
        &'a self,
        after: Option<&'a PolicyDomain>,
        count: usize,
    ) -> StoreFuture<'a, Vec<(PolicyDomain, CacheEntry)>> {
        let after = after.map(|after| after.as_str().as_bytes());
        Box::pin(self.chosen(after, count, |name, value| self.read(name, &value)))
    }

    fn unreadable<'a>(
        &'a self,
        after: Option<&'a UnreadableEntry>,
        count: usize,
    ) -> StoreFuture<'a, Vec<UnreadableEntry>> {
        let after = after.map(|after| after.name.as_slice());
        Box::pin(self.chosen(after, count, |name, text| {
            let why = read_value(name, &text).err()?;
            Some(UnreadableEntry { name: name.to_vec(), text, why })
        }))
    }

    fn note_use<'a>(&'a self, domains: &'a [PolicyDomain]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            for domain in domains {
                let mut note = redis::cmd("EVAL");
                note.arg(NOTE_USE).arg(0).arg(domain.as_str());
                let _: u64 = self.ask(&note).await?;
            }
            Ok(())
        })
    }

    fn counts(&self) -> StoreCounts {
        let shared = &self.shared;
        StoreCounts {
            newer: shared.newer.load(Ordering::Relaxed),
            damaged: shared.damaged.load(Ordering::Relaxed),
            evicted: shared.evicted.load(Ordering::Relaxed),
        }
    }

    /// Redis expires entries on its own; their names remain to be removed.
    fn remove_expired(&self, _before: UnixTime) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            let (mut cursor, mut removed) = (0_u64, 0);
            loop {
                let mut clean = redis::cmd("EVAL");
                clean.arg(CLEAN).arg(1).arg(DOMAINS).arg(ENTRY_PREFIX).arg(cursor).arg(CHUNK);
                let (next, here): (u64, usize) = self.ask(&clean).await?;
                (cursor, removed) = (next, removed + here);
                if cursor == 0 {
                    break;
                }
            }
            self.count_unreadable().await?;
            Ok(removed)
        })
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    fn parcels(&self) -> Option<&dyn Parcels> {
        Some(self)
    }
}

impl Leases for RedisStore {
    fn take<'a>(
        &'a self,
        domain: &'a PolicyDomain,
        holder: LeaseHolder,
        lasts: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut take = redis::cmd("EVAL");
            let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX).max(1);
            take.arg(TAKE).arg(1).arg(lease_key(domain)).arg(holder.to_string()).arg(lasts);
            self.ask(&take).await
        })
    }

    fn give_back<'a>(&'a self, domain: &'a PolicyDomain, holder: LeaseHolder) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut give_back = redis::cmd("EVAL");
            give_back.arg(GIVE_BACK).arg(1).arg(lease_key(domain)).arg(holder.to_string());
            self.ask(&give_back).await
        })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisStore").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

impl Server {
    async fn connect(&mut self, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        match self {
            Self::One(client) => client.get_multiplexed_async_connection_with_config(config).await,
            Self::Primary(sentinels) => sentinels.get_async_connection_with_config(config).await,
        }
    }
}

impl Shared {
    /// The connection, re-established if necessary. Concurrent callers wait for the same attempt.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), StoreError> {
        let mut link = self.link.lock().await;
        if let Some(connection) = &link.connection {
            return Ok((link.number, connection.clone()));
        }
        if let Some((until, why)) = &link.lost
            && Instant::now() < *until
        {
            return Err(why.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let patience = link.patience;
        let connected = match tokio::time::timeout(patience, link.server.connect(&config)).await {
            Ok(connected) => connected.map_err(|error| store_error(&error)),
            Err(_) => Err(StoreError::new(StoreErrorKind::Unavailable, "no connection in time")),
        };
        match connected {
            Ok(connection) => {
                link.number += 1;
                link.lost = None;
                link.connection = Some(connection.clone());
                Ok((link.number, connection))
            }
            Err(error) => {
                link.lost = Some((Instant::now() + PAUSE, error.clone()));
                Err(error)
            }
        }
    }

    /// Drops a connection, and pauses if the server has not responded.
    async fn lose(&self, number: u64, unanswered: Option<&RedisError>) {
        let mut link = self.link.lock().await;
        if link.number == number {
            link.connection = None;
            link.lost = unanswered.map(|error| (Instant::now() + PAUSE, store_error(error)));
        }
    }
}

fn read_value(name: &[u8], value: &[u8]) -> Result<(PolicyDomain, CacheEntry), Unreadable> {
    if value.len() > MAX_VALUE {
        return Err(Unreadable::Damaged);
    }
    read_entry(name, value)
}

/// The lower bound for the names after this one, in the syntax of Redis.
fn following(name: &[u8]) -> Vec<u8> {
    [b"(", name].concat()
}

fn store_error(error: &RedisError) -> StoreError {
    let kind = if says(error, "OOM") { StoreErrorKind::Full } else { StoreErrorKind::Unavailable };
    StoreError::new(kind, error.to_string())
}

/// Returns whether the server gave this code, or a script that met it.
fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code)
        || error.detail().is_some_and(|detail| detail.split([' ', '-']).any(|word| word == code))
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn entry_key(domain: &PolicyDomain) -> String {
    format!("{ENTRY_PREFIX}{domain}")
}

fn lease_key(domain: &PolicyDomain) -> String {
    format!("mtasts:lease:{domain}")
}

const ENTRY_PREFIX: &str = "mtasts:entry:";
const DOMAINS: &str = "mtasts:domains";
/// The time limit of a response, and of a connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause after a server has not responded.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest entry is a policy of 64 KiB with its headers.
const MAX_VALUE: usize = 66 * 1024;
/// The number of values read at once, and the size from which a page is long enough.
const CHUNK: usize = 64;
const MAX_PAGE: usize = 4 << 20;
/// The maximum number of merges with concurrent writes.
const MAX_ATTEMPTS: usize = 16;
/// The time for which a policy stays after its expiry by the server's clock, which may be ahead of ours.
const GRACE: Duration = Duration::from_secs(86_400);
/// The minimum time for which an entry stays: absences and back-offs may already be over by the server's clock.
const MIN_LIFE: Duration = Duration::from_secs(60);

/// The data of each domain beside its entry: its size in octets, with its ranks without repeated use, after one day of
/// it, and after several; the number of those days, and the last of them.
///
/// `forget` removes a domain, and returns the remaining size. `keep` adds one.
macro_rules! with_ranks {
    ($script:literal) => {
        concat!(
            "
local function known(domain)
    local octets, worth = string.match(redis.call('HGET', 'mtasts:sizes', domain) or '', '^(%d+) (.*)$')
    local days, last = string.match(redis.call('HGET', 'mtasts:uses', domain) or '', '^(%d+) (%d+)$')
    return tonumber(octets) or 0, worth, tonumber(days) or 0, last
end
local function rank(domain, worth, days, today)
    local worths = {}
    for number in string.gmatch(worth, '%d+') do worths[#worths + 1] = tonumber(number) end
    redis.call('ZADD', 'mtasts:ranks', worths[math.min(days, 2) + 1] * 100000 + today, domain)
end
local function keep(domain, octets, worth, today)
    local before, _, days = known(domain)
    redis.call('HSET', 'mtasts:sizes', domain, octets .. ' ' .. worth)
    rank(domain, worth, days, today)
    return redis.call('INCRBY', 'mtasts:octets', octets - before)
end
local function forget(domain)
    local octets = known(domain)
    redis.call('ZREM', 'mtasts:domains', domain)
    redis.call('ZREM', 'mtasts:ranks', domain)
    redis.call('HDEL', 'mtasts:sizes', domain)
    redis.call('HDEL', 'mtasts:uses', domain)
    local left = redis.call('DECRBY', 'mtasts:octets', octets)
    if left <= 0 then redis.call('DEL', 'mtasts:octets') end
    return left
end
",
            $script
        )
    };
}

/// The value, or just enough of it to see that it is too long. A value that is not a string gives a number.
const GET: &str = "
local value = redis.pcall('GETRANGE', KEYS[1], 0, ARGV[1])
if type(value) ~= 'string' then return 0 end
if value == '' then return false end
return value
";

/// Stores an entry in place of the expected value ('' for none). If there is another one, returns that with the time,
/// for the entry to be merged with it. A value that is not a string counts as '?'.
///
/// If the entries exceed the limit, those with the lowest rank are evicted, but none of a later version.
const PUT: &str = with_ranks!(
    "
local domain, text, has_policy, ends_at = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
local grace, min_life = tonumber(ARGV[5]), tonumber(ARGV[6])
local now = tonumber(redis.call('TIME')[1])
local held = redis.pcall('GETRANGE', KEYS[1], 0, ARGV[11])
if type(held) ~= 'string' then held = '?' end
if held ~= ARGV[10] then return {0, held, now} end
local life = math.max(ends_at - now, 0)
if has_policy then life = life + grace else life = math.min(life, grace) end
redis.call('ZADD', KEYS[2], 0, domain)
redis.call('SET', KEYS[1], text, 'EX', string.format('%.0f', math.max(life, min_life)))
local worth, most = ARGV[7], tonumber(ARGV[8])
local octets, evicted = keep(domain, #text + #domain + 500, worth, math.floor(now / 86400)), 0
if octets <= most then return {0, false, now} end
local own = tonumber(string.match(text, '^mta%-sts%-entry (%d+)'))
for _, name in ipairs(redis.call('ZRANGE', 'mtasts:ranks', 0, 255)) do
    local key = ARGV[9] .. name
    local head = redis.pcall('GETRANGE', key, 0, 31)
    local version = type(head) == 'string' and string.match(head, '^mta%-sts%-entry (%d+)\\n')
    if version and tonumber(version) > own then
        redis.call('ZREM', 'mtasts:ranks', name)
    else
        redis.call('DEL', key)
        octets, evicted = forget(name), evicted + 1
        if octets <= most * 0.9 then break end
    end
end
return {evicted, false, now}
"
);

const REMOVE: &str = with_ranks!(
    "
forget(ARGV[1])
return redis.call('DEL', KEYS[1])
"
);

/// Records that a domain was used again today.
const NOTE_USE: &str = with_ranks!(
    "
local domain, today = ARGV[1], math.floor(tonumber(redis.call('TIME')[1]) / 86400)
local octets, worth, days, last = known(domain)
if not worth or (days > 0 and tonumber(last) == today) then return 0 end
redis.call('HSET', 'mtasts:uses', domain, (days + 1) .. ' ' .. today)
rank(domain, worth, days + 1, today)
return 1
"
);

/// Names with their values; a name without a value is removed, but returned, so that paging can continue from it.
const PAGE: &str = with_ranks!(
    "
local rows = {}
for i, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3])) do
    local value = redis.pcall('GETRANGE', ARGV[1] .. name, 0, ARGV[4])
    if type(value) ~= 'string' then value = '?' end
    if value == '' then
        forget(name)
        value = false
    end
    rows[i] = {name, value}
end
return rows
"
);

/// Removes some names without a value.
const CLEAN: &str = with_ranks!(
    "
local scanned = redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local removed = 0
for i = 1, #scanned[2], 2 do
    if redis.call('EXISTS', ARGV[1] .. scanned[2][i]) == 0 then
        forget(scanned[2][i])
        removed = removed + 1
    end
end
return {scanned[1], removed}
"
);

/// A lease without an expiry, or with a distant one, counts as free: no machine creates one.
const TAKE: &str = "
local holder, ends_in = redis.pcall('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
local is_held = type(holder) == 'string' and ends_in >= 0 and ends_in <= 10 * tonumber(ARGV[2])
if is_held and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

const GIVE_BACK: &str = "
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
";
