//! One query of one server, and what its response is worth.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::chain::belongs_to;
use super::failure::DnsFailure;

pub(super) fn query_message(query: &Query) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(EDNS_PAYLOAD);
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    // RFC 6840, 5.7: asks for the AD bit of the answer, without the signatures.
    message.metadata.authentic_data = true;
    message.add_query(query.clone());
    message.set_edns(edns);
    message
}

/// The socket is new, so that the port is another one each time, and connected, so that the system drops what comes
/// from elsewhere and reports a port that nobody listens on.
pub(super) async fn exchange_udp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
) -> Result<Message, DnsFailure> {
    let any_address = match server {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any_address, 0)).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
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

pub(super) async fn exchange_tcp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
) -> Result<Message, DnsFailure> {
    let length = u16::try_from(bytes.len()).map_err(|_| DnsFailure::InvalidName)?;
    let mut stream = TcpStream::connect(server).await?;
    // RFC 7766, 8: the length and the message in one write.
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let mut buffer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut buffer).await?;
    let response = Message::from_vec(&buffer).map_err(|_| DnsFailure::Malformed)?;
    if answers(&response, query) { Ok(response) } else { Err(DnsFailure::Malformed) }
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
