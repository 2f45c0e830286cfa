//! One query to one server, and the check of its response.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::OwnedSemaphorePermit;

use super::chain::belongs_to;
use super::failure::DnsFailure;

/// The queries of one lookup that may still be answered. Each has a socket of its own, which stays open while other
/// servers are queried, so that a late answer is accepted.
#[derive(Default)]
pub(super) struct Queries {
    open: Vec<Pin<Box<dyn Future<Output = Received> + Send>>>,
}

/// A query that was sent over UDP, and its result.
type Received = (SentQuery, Result<Message, DnsFailure>);

/// A query that was sent, with its server.
pub(super) struct SentQuery {
    pub(super) server: SocketAddr,
    pub(super) message: Message,
    pub(super) bytes: Vec<u8>,
    /// The permit for an open socket.
    pub(super) permit: OwnedSemaphorePermit,
}

impl SentQuery {
    pub(super) fn new(
        server: SocketAddr,
        query: &Query,
        with_edns: bool,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, DnsFailure> {
        let message = query_message(query, with_edns);
        let bytes = message.to_vec().map_err(|_| DnsFailure::InvalidName)?;
        Ok(Self { server, message, bytes, permit })
    }

    pub(super) fn has_edns(&self) -> bool {
        self.message.edns.is_some()
    }
}

impl Queries {
    /// Uses a new socket, so that the port is different each time, and connects it, so that the system drops datagrams
    /// from elsewhere and reports a closed port.
    pub(super) async fn send(&mut self, sent: SentQuery) -> Result<(), DnsFailure> {
        let any_address = match sent.server {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any_address, 0)).await?;
        socket.connect(sent.server).await?;
        socket.send(&sent.bytes).await?;
        self.open.push(Box::pin(async move {
            let received = receive(&socket, &sent.message).await;
            (sent, received)
        }));
        Ok(())
    }

    /// Stops waiting for the oldest query; returns whether there was one.
    pub(super) fn give_up_first(&mut self) -> bool {
        let has_any = !self.open.is_empty();
        self.open.drain(..usize::from(has_any));
        has_any
    }

    /// Waits for the first result of any query, which is then closed. Without a query it never completes.
    pub(super) async fn receive(&mut self) -> Received {
        poll_fn(|context| {
            for index in 0..self.open.len() {
                if let Poll::Ready(received) = self.open[index].as_mut().poll(context) {
                    drop(self.open.remove(index));
                    return Poll::Ready(received);
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn receive(socket: &UdpSocket, query: &Message) -> Result<Message, DnsFailure> {
    let mut buffer = vec![0; UDP_BUFFER];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let datagram = &buffer[..length];
        // An attacker who guesses the port must also guess the id before anything in the datagram has an effect.
        if !datagram.starts_with(&query.metadata.id.to_be_bytes()) {
            continue;
        }
        let response = Message::from_vec(datagram).map_err(|_| DnsFailure::Malformed)?;
        if answers(&response, query) {
            return Ok(response);
        }
    }
}

fn query_message(query: &Query, with_edns: bool) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    // RFC 6840, 5.7: requests the AD bit in the answer, without the signatures.
    message.metadata.authentic_data = true;
    message.add_query(query.clone());
    if with_edns {
        let mut edns = Edns::new();
        edns.set_max_payload(EDNS_PAYLOAD);
        message.set_edns(edns);
    }
    message
}

/// Returns whether the response only says that the server does not support EDNS (RFC 6891, 6.1.3 and 7), or not this
/// version.
pub(super) fn refuses_edns(response: &Message) -> bool {
    // Compared by number, since BADVERS shares 16 with a TSIG code.
    let refusals = [ResponseCode::FormErr, ResponseCode::NotImp, ResponseCode::BADVERS].map(u16::from);
    refusals.contains(&response.metadata.response_code.into())
}

/// Repeats the query over TCP.
pub(super) async fn exchange_tcp(sent: &SentQuery) -> Result<Message, DnsFailure> {
    let length = u16::try_from(sent.bytes.len()).map_err(|_| DnsFailure::InvalidName)?;
    let mut stream = TcpStream::connect(sent.server).await?;
    // RFC 7766, 8: the length and the message in one write.
    stream.write_all(&[&length.to_be_bytes(), &sent.bytes[..]].concat()).await?;
    let mut buffer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut buffer).await?;
    let response = Message::from_vec(&buffer).map_err(|_| DnsFailure::Malformed)?;
    if answers(&response, &sent.message) { Ok(response) } else { Err(DnsFailure::Malformed) }
}

/// Returns whether this is a response to the query: it has the same id and question (RFC 5452, 9.1). A server that did
/// not understand the question may omit it.
fn answers(response: &Message, query: &Message) -> bool {
    let header = &response.metadata;
    let positive = matches!(header.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    header.id == query.metadata.id
        && header.message_type == MessageType::Response
        && header.op_code == OpCode::Query
        && (response.queries == query.queries || (response.queries.is_empty() && !positive))
}

/// Accepts positive and negative answers, and returns the failure of other responses.
pub(super) fn check_response(response: Message, query: &Query) -> Result<Message, DnsFailure> {
    match response.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::ServFail => return Err(server_failure(&response)),
        ResponseCode::Refused => return Err(DnsFailure::Refused),
        other => return Err(DnsFailure::ResponseCode(other.into())),
    }
    if !response.answers.is_empty() {
        let answered = response.answers.iter().any(|record| belongs_to(record, &query.name));
        return if answered { Ok(response) } else { Err(DnsFailure::Malformed) };
    }
    // RFC 2308, 2.2: what distinguishes a referral from NODATA.
    let has = |record_type| response.authorities.iter().any(|record| record.record_type() == record_type);
    if response.metadata.response_code == ResponseCode::NoError
        && !response.metadata.authoritative
        && has(RecordType::NS)
        && !has(RecordType::SOA)
    {
        return Err(DnsFailure::Lame);
    }
    Ok(response)
}

/// Classifies SERVFAIL by RFC 8914, 4: codes 6 to 12 mean that validation failed.
fn server_failure(response: &Message) -> DnsFailure {
    let options = response.edns.iter().flat_map(|edns| edns.options().get_all(EXTENDED_DNS_ERROR));
    let mut info_codes = options.filter_map(|option| match option {
        EdnsOption::Unknown(_, data) => data.first_chunk().copied().map(u16::from_be_bytes),
        _ => None,
    });
    match info_codes.find(|info_code| (6..=12).contains(info_code)) {
        Some(info_code) => DnsFailure::Bogus { info_code },
        None => DnsFailure::ServerFailure,
    }
}

/// The minimum MTU of IPv6, 1280, less the headers of IPv6 and UDP: a response of this size is never fragmented.
const EDNS_PAYLOAD: u16 = 1232;

/// Room for servers that exceed the advertised size.
const UDP_BUFFER: usize = 4096;

/// RFC 8914, 2.
const EXTENDED_DNS_ERROR: EdnsCode = EdnsCode::Unknown(15);
