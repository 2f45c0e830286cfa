use std::fmt;
use std::str::FromStr;

use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsMode};

/// The URL of a Redis server: `redis://HOST:PORT/NUMBER`, with TLS `rediss://HOST:PORT/NUMBER`, at a Unix socket
/// `redis+unix:///PATH?db=NUMBER`; or of the Sentinels that know which server is the primary one,
/// `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/NUMBER`, with TLS `rediss+sentinel://`.
///
/// ```
/// use mta_sts_resolver::RedisUrl;
///
/// let url: RedisUrl = "rediss://mtasts:secret@cache.test/2".parse()?;
/// assert_eq!(url.to_string(), "rediss://cache.test:6379/2");
///
/// let url: RedisUrl = "redis+sentinel://:secret@one.test,two.test:5000/mail".parse()?;
/// assert_eq!(url.to_string(), "redis+sentinel://one.test:26379,two.test:5000/mail/0");
/// # Ok::<(), mta_sts_resolver::InvalidRedisUrl>(())
/// ```
///
/// User and password go before the host, `redis://USER:PASSWORD@HOST`, or after the path, `?user=USER&pass=PASSWORD`.
/// With Sentinels, they are those of the servers, and `?sentinel-password=PASSWORD` at the end is that of the Sentinels. They are
/// never displayed.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    text: String,
    shown: String,
}

/// The error for a text that is not the URL of a Redis server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected redis://HOST:PORT/NUMBER, rediss://HOST:PORT/NUMBER, redis+unix:///PATH or \
     redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/NUMBER"
)]
pub struct InvalidRedisUrl;

/// The server, or those that know it.
pub(super) enum Target {
    Server(ConnectionInfo),
    Sentinels(Sentinels),
}

/// Sentinels, and what a connection to the server that they name needs.
pub(super) struct Sentinels {
    addresses: Vec<ConnectionAddr>,
    service: String,
    /// With the address of the first Sentinel.
    of_server: ConnectionInfo,
    password: Option<String>,
}

impl FromStr for RedisUrl {
    type Err = InvalidRedisUrl;

    fn from_str(text: &str) -> Result<Self, InvalidRedisUrl> {
        let (scheme, _) = text.split_once(':').ok_or(InvalidRedisUrl)?;
        let scheme = scheme.to_ascii_lowercase();
        let shown = match Target::parse(text)? {
            Target::Server(info) => match (info.addr(), info.redis_settings().db()) {
                (ConnectionAddr::Unix(path), 0) => format!("{scheme}://{}", path.display()),
                (ConnectionAddr::Unix(path), number) => format!("{scheme}://{}?db={number}", path.display()),
                (address, number) => format!("{scheme}://{}/{number}", shown_address(address)),
            },
            Target::Sentinels(Sentinels { addresses, service, of_server, .. }) => {
                let addresses: Vec<_> = addresses.iter().map(shown_address).collect();
                format!("{scheme}://{}/{service}/{}", addresses.join(","), of_server.redis_settings().db())
            }
        };
        Ok(Self { text: text.to_owned(), shown })
    }
}

impl RedisUrl {
    /// Returns whether the URL contains a password.
    pub fn has_password(&self) -> bool {
        self.target().is_ok_and(|target| match target {
            Target::Server(info) => info.redis_settings().password().is_some(),
            Target::Sentinels(sentinels) => {
                sentinels.password.is_some() || sentinels.of_server.redis_settings().password().is_some()
            }
        })
    }

    pub(super) fn target(&self) -> Result<Target, InvalidRedisUrl> {
        Target::parse(&self.text)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RedisUrl").field(&self.shown).finish()
    }
}

impl Target {
    fn parse(text: &str) -> Result<Self, InvalidRedisUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidRedisUrl)?;
        match scheme.to_ascii_lowercase().as_str() {
            "redis" | "rediss" | "redis+unix" | "valkey" | "valkeys" | "valkey+unix" => {
                server(text).map(Self::Server)
            }
            "redis+sentinel" | "valkey+sentinel" => Sentinels::parse("redis", rest).map(Self::Sentinels),
            "rediss+sentinel" | "valkeys+sentinel" => Sentinels::parse("rediss", rest).map(Self::Sentinels),
            _ => Err(InvalidRedisUrl),
        }
    }

    /// The number of Sentinels to ask.
    pub(super) const fn sentinels(&self) -> usize {
        match self {
            Self::Server(_) => 0,
            Self::Sentinels(sentinels) => sentinels.addresses.len(),
        }
    }

    /// Returns whether a connection uses TLS.
    pub(super) fn has_tls(&self) -> bool {
        let address = match self {
            Self::Server(info) => Some(info.addr()),
            Self::Sentinels(sentinels) => sentinels.addresses.first(),
        };
        matches!(address, Some(ConnectionAddr::TcpTls { .. }))
    }
}

impl Sentinels {
    /// `scheme` is that of a server; `rest` has what comes after the own one.
    fn parse(scheme: &str, rest: &str) -> Result<Self, InvalidRedisUrl> {
        let rest = rest.strip_prefix("//").ok_or(InvalidRedisUrl)?;
        let (place, password) = match rest.split_once("?sentinel-password=") {
            Some((place, password)) => (place, Some(password)),
            None => (rest, None),
        };
        let (authority, path) = place.split_once('/').ok_or(InvalidRedisUrl)?;
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (service, number) = path.split_once('/').unwrap_or((path, "0"));
        // What Sentinel allows in a name.
        let is_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_');
        if service.is_empty()
            || !service.bytes().all(is_name)
            || !number.bytes().all(|octet| octet.is_ascii_digit())
        {
            return Err(InvalidRedisUrl);
        }
        let at = if user.is_empty() { "" } else { "@" };
        let infos: Vec<_> = hosts
            .split(',')
            .map(|host| {
                let has_port = !host.ends_with(']') && host.contains(':');
                let port = if has_port { "" } else { ":26379" };
                server(&format!("{scheme}://{user}{at}{host}{port}/{number}"))
            })
            .collect::<Result<_, _>>()?;
        let password = match password {
            // Percent-encoded, as in any URL.
            Some(password) => server(&format!("{scheme}://:{password}@localhost"))?
                .redis_settings()
                .password()
                .map(ToOwned::to_owned),
            None => None,
        };
        Ok(Self {
            addresses: infos.iter().map(|info| info.addr().clone()).collect(),
            service: service.to_owned(),
            of_server: infos.into_iter().next().ok_or(InvalidRedisUrl)?,
            password,
        })
    }

    pub(super) fn client(self) -> Result<SentinelClient, RedisError> {
        let settings = self.of_server.redis_settings();
        let mut client =
            SentinelClientBuilder::new(self.addresses, self.service, SentinelServerType::Master)?
                .set_client_to_redis_db(settings.db());
        if let ConnectionAddr::TcpTls { .. } = self.of_server.addr() {
            client = client.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(user) = settings.username() {
            client = client.set_client_to_redis_username(user);
        }
        if let Some(password) = settings.password() {
            client = client.set_client_to_redis_password(password);
        }
        if let Some(password) = self.password {
            client = client.set_client_to_sentinel_password(password);
        }
        client.build()
    }
}

fn server(text: &str) -> Result<ConnectionInfo, InvalidRedisUrl> {
    let info = text.into_connection_info().map_err(|_| InvalidRedisUrl)?;
    // Without certificate verification, TLS does not authenticate the server.
    let is_insecure = matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. });
    if is_insecure { Err(InvalidRedisUrl) } else { Ok(info) }
}

/// The address as in a URL: the library leaves out the brackets of IPv6.
fn shown_address(address: &ConnectionAddr) -> String {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } if host.contains(':') => {
            format!("[{host}]:{port}")
        }
        other => other.to_string(),
    }
}
