//! A DNS server on loopback that says what it is told, right or wrong.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, Record};
use hickory_proto::serialize::txt::Parser;
use mta_sts_resolver::{DnsClient, DnsConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// What it says to a query is a function of the query. It keeps what it saw.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) queries: Mutex<Vec<Message>>,
    /// The same, as they came over UDP.
    pub(crate) datagrams: Mutex<Vec<Vec<u8>>>,
    pub(crate) ports: Mutex<Vec<u16>>,
}

impl Scripted {
    pub(crate) async fn start(
        script: impl Fn(&Message, Transport) -> Vec<Message> + Send + Sync + 'static,
    ) -> Self {
        Self::start_raw(move |query, transport| {
            script(query, transport).iter().map(|message| message.to_vec().unwrap()).collect()
        })
        .await
    }

    pub(crate) async fn start_raw(
        script: impl Fn(&Message, Transport) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let state = Arc::new(State::default());
        let script = Arc::new(script);
        let over_udp = {
            let (state, script) = (state.clone(), script.clone());
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                loop {
                    let (length, peer) = udp.recv_from(&mut buffer).await.unwrap();
                    let query = Message::from_vec(&buffer[..length]).unwrap();
                    state.queries.lock().unwrap().push(query.clone());
                    state.datagrams.lock().unwrap().push(buffer[..length].to_vec());
                    state.ports.lock().unwrap().push(peer.port());
                    for response in script(&query, Transport::Udp) {
                        // The client may have its answer already, and be gone.
                        let _ = udp.send_to(&response, peer).await;
                    }
                }
            })
        };
        let over_tcp = tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let mut query = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut query).await.unwrap();
                let query = Message::from_vec(&query).unwrap();
                for response in script(&query, Transport::Tcp) {
                    stream.write_u16(response.len().try_into().unwrap()).await.unwrap();
                    stream.write_all(&response).await.unwrap();
                }
            }
        });
        Self { address, state, tasks: vec![over_udp, over_tcp] }
    }

    pub(crate) fn client(&self) -> DnsClient {
        DnsClient::of_server(self.address)
    }

    pub(crate) fn impatient_client(&self) -> DnsClient {
        DnsClient::new(impatient(self.address))
    }

    pub(crate) fn seen(&self) -> Vec<Message> {
        self.state.queries.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

pub(crate) fn answer(query: &Message, lines: &[&str]) -> Message {
    let mut response = Message::response(query.metadata.id, query.metadata.op_code);
    response.metadata.recursion_desired = true;
    response.metadata.recursion_available = true;
    response.queries.clone_from(&query.queries);
    response.add_answers(lines.iter().map(|line| record(line)));
    response
}

pub(crate) fn truncated(query: &Message) -> Message {
    let mut response = answer(query, &[]);
    response.metadata.truncation = true;
    response
}

pub(crate) fn error(query: &Message, response_code: ResponseCode, info_code: Option<u16>) -> Message {
    let mut response = answer(query, &[]);
    response.metadata.response_code = response_code;
    let mut edns = hickory_proto::op::Edns::new();
    if let Some(info_code) = info_code {
        let text = [&info_code.to_be_bytes()[..], b"why"].concat();
        edns.options_mut().insert(EdnsOption::Unknown(15, text));
    }
    edns.set_rcode_high(u8::try_from(u16::from(response_code) >> 4).unwrap());
    response.set_edns(edns);
    response
}

pub(crate) fn record(line: &str) -> Record {
    let (_, sets) = Parser::new(format!("{line}\n"), None, Some(Name::root())).parse().unwrap();
    sets.into_values().next().unwrap().records_without_rrsigs().next().unwrap().clone()
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// For what ends in silence.
pub(crate) fn impatient(server: SocketAddr) -> DnsConfig {
    DnsConfig::new(server).with_timeout(Duration::from_millis(300))
}

/// Both on one port, which the system chooses for TCP; it may be taken for UDP.
pub(crate) async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}
