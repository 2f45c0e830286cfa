"""Sends mail to 500 domains of a stranger, whose Policy Hosts share one silent address, and then 500 messages to honest domains
of the loopback world: all of these leave within a minute.

    tests/in-world tests/postfix/with-postfix ROOT python3 tests/postfix/attack.py MTASTS [OPTION...]

The options are for `mtasts serve`, to compare with.
"""

import pathlib
import shutil
import smtplib
import socket
import socketserver
import struct
import sys
import tempfile
import threading
import time

OPTIONS = sys.argv[2:]
# What it imports reads the command line too.
del sys.argv[2:]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from daemon import Daemon  # noqa: E402
from scenarios import MTASTS, Postfix  # noqa: E402
from world import arrived  # noqa: E402

MESSAGES = 500
WITHIN = 60
SILENT = "127.83.9.9"
DNS = "127.83.9.53"
WORLD_DNS = ("127.83.0.53", 53)
HONEST = ["healthy-enforce.test", "wildcard.test", "second-mx.test", "cname.test", "split-txt.test", "unrelated-txt.test"]
ZONE = b"\x04evil\x04test\x00"
TXT, A, MX = 16, 1, 15


def about_stranger(query):
    """The answer about a name of the stranger; none if it is not his."""
    end = query.index(b"\x00", 12) + 1
    if not query[12:end].lower().endswith(ZONE):
        return None
    kind = struct.unpack("!H", query[end:end + 2])[0]
    data = {
        TXT: b"\x0ev=STSv1; id=1;",
        A: socket.inet_aton(SILENT),
        MX: b"\x00\x0a\x02mx" + ZONE,
    }.get(kind)
    answer = b"" if data is None else b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(data)) + data
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(answer), 0, 0)
    return head + query[12:end + 4] + answer


class OverUdp(socketserver.BaseRequestHandler):
    def handle(self):
        query, server = self.request
        answer = about_stranger(query)
        if answer is None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as world:
                world.settimeout(5)
                world.sendto(query, WORLD_DNS)
                answer = world.recv(65_535)
        server.sendto(answer, self.client_address)


class OverTcp(socketserver.StreamRequestHandler):
    def handle(self):
        with socket.create_connection(WORLD_DNS, 5) as world:
            length = self.rfile.read(2)
            world.sendall(length + self.rfile.read(struct.unpack("!H", length)[0]))
            answer = world.makefile("rb")
            length = answer.read(2)
            self.wfile.write(length + answer.read(struct.unpack("!H", length)[0]))


def serve_dns():
    for server in (socketserver.ThreadingUDPServer((DNS, 53), OverUdp),
                   socketserver.ThreadingTCPServer((DNS, 53), OverTcp)):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    pathlib.Path("/etc/resolv.conf").write_text(f"nameserver {DNS}\n")


def be_silent():
    """Takes connections, and never says anything."""
    listener = socket.create_server((SILENT, 443), backlog=1024)
    taken = []

    def take():
        while True:
            taken.append(listener.accept())

    threading.Thread(target=take, daemon=True).start()
    return taken


def send(recipients):
    with smtplib.SMTP("127.0.0.1", 2525, timeout=90) as client:
        for recipient in recipients:
            client.sendmail("alice@sender.test", [recipient], "Subject: a test\r\n\r\nhello\r\n")


def main():
    serve_dns()
    taken = be_silent()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postfix-attack."))
    folder.chmod(0o755)
    daemon = Daemon(MTASTS, folder, "--store", "memory", *OPTIONS)
    postfix = Postfix(folder, "socketmap:inet:127.0.0.1:8461")
    try:
        send(f"user@n{number}.evil.test" for number in range(MESSAGES))
        start = time.monotonic()
        send(f"user{number}@{HONEST[number % len(HONEST)]}" for number in range(MESSAGES))
        while (left := MESSAGES - sum(len(arrived(domain)) for domain in HONEST)) > 0:
            if time.monotonic() - start > WITHIN:
                raise SystemExit(f"FAILED: {left} of {MESSAGES} honest messages did not leave within {WITHIN} s")
            time.sleep(0.5)
        took = time.monotonic() - start
        if not taken:
            raise SystemExit("FAILED: nobody asked the silent host: it was no attack")
        log = (folder / "mail.log").read_text(errors="replace")
        if "evil.test>" in "".join(line for line in log.splitlines() if "status=sent" in line):
            raise SystemExit("FAILED: mail to the stranger was sent")
        print(f"ok: {MESSAGES} honest messages left within {took:.0f} s")
    finally:
        postfix.stop()
        daemon.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
