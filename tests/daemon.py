"""mtasts serve, as tests of mail servers run it. Within tests/in-world."""

import signal
import subprocess
import time

DEADLINE = 60


class Daemon:
    """One that listens; it logs into FOLDER/mtasts.log, after what is there."""

    def __init__(self, mtasts, folder, *arguments, environment=None):
        self.log = folder / "mtasts.log"
        self.log.touch()
        before = self.log.read_text().count('"listening"')
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [mtasts, "serve", "--log-level", "debug", "--log-format", "json", *arguments], stderr=log, env=environment)
        for _ in range(DEADLINE * 20):
            if self.log.read_text().count('"listening"') > before:
                return
            time.sleep(0.05)
        raise SystemExit("mtasts serve does not listen")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


def lookup(connection, request):
    """The answer to a request of Postfix over a connection to a socketmap server."""
    request = request.encode()
    connection.sendall(b"%d:%s," % (len(request), request))
    received = b""
    while octets := connection.recv(65_536):
        received += octets
        length, _, rest = received.partition(b":")
        if rest and len(rest) > (end := int(length)):
            assert rest[end:] == b",", received
            return rest[:end].decode()
    raise SystemExit(f"no answer to {request}: {received}")
