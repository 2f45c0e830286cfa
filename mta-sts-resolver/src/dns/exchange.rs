//! One query of one server, and what its response is worth.

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

/// The queries of one lookup that may still be answered. Each has a socket of its own, which stays open while other servers
/// are asked, so that a late answer counts.
#[derive(Default)]
pub(super) struct Queries {
    open: Vec<Pin<Box<dyn Future<Output = Received> + Send>>>,
}

/// A query that was sent over UDP, and what came for it.
type Received = (SentQuery, Result<Message, DnsFailure>);

/// Who was asked, and how.
pub(super) struct SentQuery {
    pub(super) server: SocketAddr,
    pub(super) message: Message,
    pub(super) bytes: Vec<u8>,
    /// A socket that may be open.
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
    /// The socket is new, so that the port is another one each time, and connected, so that the system drops what comes
    /// from elsewhere and reports a port that nobody listens on.
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

    /// No longer listens for an answer to the query that was sent first; whether there was one.
    pub(super) fn give_up_first(&mut self) -> bool {
        let has_any = !self.open.is_empty();
        self.open.drain(..usize::from(has_any));
        has_any
    }

    /// What comes first, for whichever query, which is no longer open then. Without a query it never ends.
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
        // Whoever guesses at the port must guess the id too, before anything of the datagram has an effect.
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
    // RFC 6840, 5.7: asks for the AD bit of the answer, without the signatures.
    message.metadata.authentic_data = true;
    message.add_query(query.clone());
    if with_edns {
        let mut edns = Edns::new();
        edns.set_max_payload(EDNS_PAYLOAD);
        message.set_edns(edns);
    }
    message
}

/// Whether a server has said no more than that it does not know EDNS (RFC 6891, 6.1.3 and 7), or not ours.
pub(super) fn refuses_edns(response: &Message) -> bool {
    // By its number, since BADVERS shares 16 with a code of TSIG.
    let refusals = [ResponseCode::FormErr, ResponseCode::NotImp, ResponseCode::BADVERS].map(u16::from);
    refusals.contains(&response.metadata.response_code.into())
}

/// Asks the same once more over TCP.
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

/// Whether it is a response to this query: the id, and the question (RFC 5452, 9.1). A server that did not understand
/// the question may leave it out.
fn answers(response: &Message, query: &Message) -> bool {
    let header = &response.metadata;
    let positive = matches!(header.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    header.id == query.metadata.id
        && header.message_type == MessageType::Response
        && header.op_code == OpCode::Query
        && (response.queries == query.queries || (response.queries.is_empty() && !positive))
}

/// Passes positive and negative answers, and says what is wrong with the others.
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
    // RFC 2308, 2.2: what tells a referral from NODATA.
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

/// RFC 8914, 4: the codes 6 to 12 are those of a validation that came to Bogus.
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

/// The smallest MTU of IPv6, 1280, less the headers of IPv6 and UDP: an answer of this size is never fragmented.
const EDNS_PAYLOAD: u16 = 1232;

/// Room for servers that send more than they were told to.
const UDP_BUFFER: usize = 4096;

/// RFC 8914, 2.
const EXTENDED_DNS_ERROR: EdnsCode = EdnsCode::Unknown(15);
