"""A Policy Host with its DNS, which answers what a test wants."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import trustme

from mta_sts import LookupConfig
from mta_sts.resolver import Resolver

BODY = b"version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n"


class Host:
    """A Policy Host and its DNS, which answer what a test wants; in 127/8, on ports of the system's choice."""

    def __init__(self, names: list[str], answer: Callable[[ssl.SSLSocket], None], *, bad_ca: bool = False) -> None:
        self.ca, other = trustme.CA(), trustme.CA()
        certificate = (other if bad_ca else self.ca).issue_cert(*names)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.answer = answer
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.connections = 0
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.listener = socket.create_server(("127.83.7.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.83.7.1", 0))
        self.questions: list[str] = []
        self.rcode = dns.rcode.NOERROR
        self.answers_dns = True
        for serve in (self.serve_https, self.serve_dns):
            threading.Thread(target=serve, daemon=True).start()

    def serve_https(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve_one, args=(connection,), daemon=True).start()

    def serve_one(self, connection: socket.socket) -> None:
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                request = b""
                while b"\r\n\r\n" not in request:
                    if not (octets := stream.recv(4096)):
                        return
                    request += octets
                self.requests.append(request)
                self.answer(stream)
        except OSError:
            pass

    def serve_dns(self) -> None:
        while True:
            try:
                octets, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets)
            (question,) = query.question
            self.questions.append(f"{question.name} {dns.rdatatype.to_text(question.rdtype)}")
            if not self.answers_dns:
                continue
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            response.set_rcode(self.rcode)
            data = {dns.rdatatype.TXT: '"v=STSv1; " "id=1;"', dns.rdatatype.A: "127.83.7.1"}.get(question.rdtype)
            if data and self.rcode == dns.rcode.NOERROR:
                response.answer.append(dns.rrset.from_text(question.name, 300, "IN", question.rdtype, data))
            self.udp.sendto(response.to_wire(), peer)

    def options(self, folder: Path, timeout: float = 5, **options: Any) -> dict[str, Any]:
        """Those of a resolver that finds it."""
        self.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        return {
            "dns": "127.83.7.1:%d" % self.udp.getsockname()[1],
            "dns_timeout": 1,
            "ca_file": folder / "ca.pem",
            "https_port": self.listener.getsockname()[1],
            "config": LookupConfig(timeout=timeout),
            **options,
        }

    def resolver(self, folder: Path, timeout: float = 5, **options: Any) -> Resolver:
        return Resolver(**self.options(folder, timeout, **options))

    def close(self) -> None:
        self.listener.close()
        self.udp.close()


Start = Callable[..., Host]


def response(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> Callable[[ssl.SSLSocket], None]:
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Type: text/plain", *fields, b"", b""])
    length = b"Content-Length: %d\r\n" % len(body)
    whole = head.replace(b"Content-Type", length + b"Content-Type", 1) + body
    return lambda stream: stream.sendall(whole)
