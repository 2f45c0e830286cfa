//! TLS 1.0 and 1.1, as far as a server's response to a `ClientHello`: rustls supports neither.

use std::fmt;
use std::io;

use ring::rand::{SecureRandom, SystemRandom};
use rustls::pki_types::DnsName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A deprecated version of TLS (RFC 8996), which no sender with MTA-STS uses (RFC 8461, 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeprecatedTlsVersion {
    /// TLS 1.0 (RFC 2246).
    Tls10,
    /// TLS 1.1 (RFC 4346).
    Tls11,
}

impl DeprecatedTlsVersion {
    /// The previous version, if it is one of these.
    pub(crate) fn before(self) -> Option<Self> {
        match self {
            Self::Tls10 => None,
            Self::Tls11 => Some(Self::Tls10),
        }
    }

    fn octets(self) -> [u8; 2] {
        match self {
            Self::Tls10 => [3, 1],
            Self::Tls11 => [3, 2],
        }
    }
}

impl fmt::Display for DeprecatedTlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
        })
    }
}

/// The version that a server chooses for a client that supports none above `highest`; `None` if it chooses none of
/// these, and instead sends an alert or closes the connection.
///
/// Sends a `ClientHello` with `host` as SNI, reads at most six octets of the `ServerHello`, and ends the handshake with
/// an alert.
pub(crate) async fn choice_of_deprecated_tls<S>(
    stream: &mut S,
    host: &DnsName<'_>,
    highest: DeprecatedTlsVersion,
) -> Option<DeprecatedTlsVersion>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answered = async {
        stream.write_all(&client_hello(host, highest)).await?;
        stream.flush().await?;
        version_of_server_hello(stream).await
    };
    let version = answered.await.ok().flatten()?;
    let chosen = [DeprecatedTlsVersion::Tls10, DeprecatedTlsVersion::Tls11];
    let chosen = chosen.into_iter().find(|known| *known <= highest && known.octets() == version)?;
    // Nothing depends on whether it arrives.
    let _ = stream.write_all(&[ALERT, version[0], version[1], 0, 2, FATAL, USER_CANCELED]).await;
    let _ = stream.shutdown().await;
    Some(chosen)
}

/// RFC 4346, 7.4.1.2.
fn client_hello(host: &DnsName<'_>, highest: DeprecatedTlsVersion) -> Vec<u8> {
    let mut random = [0; 32];
    // No key is derived from it, so zeros are good enough.
    let _ = SystemRandom::new().fill(&mut random);
    let name = [&[HOST_NAME][..], &with_length::<2>(host.as_ref().as_bytes())].concat();
    let extensions = [
        extension(SERVER_NAME, &with_length::<2>(&name)),
        extension(SUPPORTED_GROUPS, &with_length::<2>(&GROUPS)),
        extension(EC_POINT_FORMATS, &with_length::<1>(&[UNCOMPRESSED])),
    ];
    let body = [
        &highest.octets()[..],
        &random,
        &with_length::<1>(&[]),
        &with_length::<2>(&CIPHER_SUITES),
        &with_length::<1>(&[NO_COMPRESSION]),
        &with_length::<2>(&extensions.concat()),
    ]
    .concat();
    let message = [&[CLIENT_HELLO][..], &with_length::<3>(&body)].concat();
    // The record itself has the oldest version, as servers expect of the first one (RFC 5246, E.1).
    [&[HANDSHAKE, 3, 1][..], &with_length::<2>(&message)].concat()
}

fn extension(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[0, kind][..], &with_length::<2>(data)].concat()
}

/// The octets preceded by their length in `N` octets.
fn with_length<const N: usize>(octets: &[u8]) -> Vec<u8> {
    let length = (octets.len() as u64).to_be_bytes();
    [&length[length.len() - N..], octets].concat()
}

/// The version in a `ServerHello`; `None` if something else was received.
async fn version_of_server_hello(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<[u8; 2]>> {
    // Type and length of the message, and the version; a server may split them over records.
    let mut message = [0; 6];
    let mut known = 0;
    while known < message.len() {
        let mut head = [0; 5];
        stream.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if head[0] != HANDSHAKE || length == 0 {
            return Ok(None);
        }
        let part = length.min(message.len() - known);
        stream.read_exact(&mut message[known..known + part]).await?;
        known += part;
    }
    Ok((message[0] == SERVER_HELLO).then_some([message[4], message[5]]))
}

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const FATAL: u8 = 2;
const USER_CANCELED: u8 = 90;
const NO_COMPRESSION: u8 = 0;
const SERVER_NAME: u8 = 0;
const HOST_NAME: u8 = 0;
const SUPPORTED_GROUPS: u8 = 10;
const EC_POINT_FORMATS: u8 = 11;
const UNCOMPRESSED: u8 = 0;
/// P-256, P-384, P-521 and X25519.
const GROUPS: [u8; 8] = [0, 23, 0, 24, 0, 25, 0, 29];
/// Suites that these versions and current servers have in common, from ECDHE with AES to RSA with RC4, and the signal
/// of RFC 5746, 3.3.
const CIPHER_SUITES: [u8; 28] = [
    0xc0, 0x0a, 0xc0, 0x09, 0xc0, 0x14, 0xc0, 0x13, 0x00, 0x39, 0x00, 0x33, 0x00, 0x35, 0x00, 0x2f, 0xc0,
    0x08, 0xc0, 0x12, 0x00, 0x16, 0x00, 0x0a, 0x00, 0x05, 0x00, 0xff,
];

#[cfg(test)]
mod tests {
    use DeprecatedTlsVersion::{Tls10, Tls11};

    use super::*;

    async fn choice(answer: &[u8], highest: DeprecatedTlsVersion) -> Option<DeprecatedTlsVersion> {
        let (mut client, mut server) = tokio::io::duplex(1024);
        server.write_all(answer).await.unwrap();
        server.shutdown().await.unwrap();
        let host = DnsName::try_from("mx.a.test").unwrap();
        choice_of_deprecated_tls(&mut client, &host, highest).await
    }

    fn server_hello(version: [u8; 2]) -> Vec<u8> {
        [&[22, 3, 1, 0, 42, 2, 0, 0, 38][..], &version, &[7; 32], &[0, 0, 0x2f, 0]].concat()
    }

    #[tokio::test]
    async fn the_version_is_the_one_that_the_server_chooses() {
        assert_eq!(choice(&server_hello([3, 2]), Tls11).await, Some(Tls11));
        assert_eq!(choice(&server_hello([3, 1]), Tls11).await, Some(Tls10));
        assert_eq!(choice(&server_hello([3, 1]), Tls10).await, Some(Tls10));
    }

    #[tokio::test]
    async fn what_is_no_such_choice_is_none() {
        let whole = server_hello([3, 2]);
        for answer in [
            // An alert; nothing; a truncated hello; a newer version, or SSL 3.0; not TLS.
            &[21, 3, 1, 0, 2, 2, 70][..],
            &[],
            &whole[..10],
            &server_hello([3, 3]),
            &server_hello([3, 0]),
            b"500 5.5.1 command unknown\r\n",
            // Empty records, which could continue forever; another message.
            &[22, 3, 1, 0, 0].repeat(100),
            &[&[22, 3, 1, 0, 6, 11][..], &[0; 5]].concat(),
        ] {
            assert_eq!(choice(answer, Tls11).await, None, "{answer:?}");
        }
        assert_eq!(choice(&whole, Tls10).await, None, "above what was offered");
    }

    #[tokio::test]
    async fn a_server_hello_may_come_in_pieces() {
        let pieces = [2, 0, 0, 38, 3, 2].map(|octet| [22, 3, 1, 0, 1, octet]).concat();
        assert_eq!(choice(&pieces, Tls11).await, Some(Tls11));
    }

    #[test]
    fn each_length_in_a_client_hello_is_that_of_what_follows() {
        let name = format!("{}.test", "a".repeat(60));
        let hello = client_hello(&DnsName::try_from(name.as_str()).unwrap(), Tls11);
        let be = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        assert_eq!((&hello[..3], be(3)), (&[22, 3, 1][..], hello.len() - 5));
        assert_eq!((&hello[5..7], be(7)), (&[1, 0][..], hello.len() - 9));
        assert_eq!((&hello[9..11], hello[43], be(44)), (&[3, 2][..], 0, CIPHER_SUITES.len()));
        let extensions = 46 + CIPHER_SUITES.len() + 2;
        assert_eq!(be(extensions), hello.len() - extensions - 2);
        let is_there = hello.windows(name.len()).any(|part| part == name.as_bytes());
        assert!(is_there, "SNI");
        let falls_back = CIPHER_SUITES.chunks(2).any(|suite| suite == [0x56, 0x00]);
        assert!(!falls_back, "TLS_FALLBACK_SCSV, at which servers break off (RFC 7507, 3)");
    }
}
