use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use crate::scenario::States;
use crate::seen::{DnsQuestion, Record, Transport};
use crate::zone::{Answer, DnsServer, Now, Zone};

/// Starts the authority for all names, over UDP and TCP.
pub(crate) fn serve(udp: UdpSocket, tcp: TcpListener, authority: Authority) -> Server<Authority> {
    let mut server = Server::new(authority);
    server.register_socket(udp);
    server.register_listener(tcp, IDLE, RESPONSES);
    server
}

pub(crate) struct Authority {
    pub(crate) zone: Arc<Zone>,
    pub(crate) states: Arc<States>,
    pub(crate) seen: Arc<Record>,
    pub(crate) server: DnsServer,
}

#[async_trait::async_trait]
impl RequestHandler for Authority {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responder: R,
    ) -> ResponseInfo {
        let Some(answer) = self.answer(request) else { return no_response(request) };
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = true;
        // Stub resolvers distrust a server that does not offer recursion.
        metadata.recursion_available = true;
        metadata.response_code = answer.code;
        // RFC 6840, 5.7 and 5.8: the AD bit is for those who ask for it.
        let asked = request.metadata.authentic_data
            || request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        metadata.authentic_data = answer.authentic && asked;

        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().clamp(512, MAX_UDP_PAYLOAD));
            if let Some(code) = answer.extended_error {
                let option = EdnsOption::Unknown(EXTENDED_DNS_ERROR, code.to_be_bytes().to_vec());
                edns.options_mut().insert(option);
            }
            edns
        });
        let builder = MessageResponseBuilder::new(&request.queries, edns.as_ref());
        let response = builder.build(metadata, &answer.answers, None, &answer.authority, None);
        responder.send_response(response).await.unwrap_or_else(|_| no_response(request))
    }
}

impl Authority {
    fn answer(&self, request: &Request) -> Option<Answer> {
        let refuse = |code| Some(Answer { code, ..Answer::default() });
        if request.metadata.op_code != OpCode::Query {
            return refuse(ResponseCode::NotImp);
        }
        let Ok(info) = request.request_info() else { return refuse(ResponseCode::FormErr) };
        let question = info.query.original();
        let mut name = question.name().to_lowercase();
        name.set_fqdn(false);
        self.seen.dns(DnsQuestion {
            name: name.to_ascii(),
            record_type: question.query_type().to_string(),
            transport: if request.protocol() == Protocol::Udp { Transport::Udp } else { Transport::Tcp },
        });
        let now = Now { states: &self.states, server: self.server };
        self.zone.answer(question.name(), question.query_type(), now)
    }
}

fn no_response(request: &Request) -> ResponseInfo {
    let metadata = Metadata::response_from_request(&request.metadata);
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}

const IDLE: Duration = Duration::from_secs(30);
const RESPONSES: usize = 16;
/// The largest response that fits a packet on any path (RFC 9715, 3.1 has 1400 as the upper bound).
const MAX_UDP_PAYLOAD: u16 = 1232;
/// RFC 8914, 2.
const EXTENDED_DNS_ERROR: u16 = 15;
