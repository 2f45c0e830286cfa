"""The loopback world, as tests of mail servers ask it. Within tests/in-world."""

import json
import os
import pathlib
import socket

FOLDER = pathlib.Path(os.environ["MTASTS_WORLD"])


def control(command):
    """One command to the world, one answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(FOLDER / "control"))
        connection.sendall(json.dumps(command).encode() + b"\n")
        answer = json.loads(connection.makefile().readline())
    if "error" in answer:
        raise SystemExit(f"the world: {answer['error']}")
    return answer


def arrived(domain):
    """What the MX hosts of the world took for this domain."""
    return [
        {"mx": session["host"], "encrypted": mail["over_tls"], "read_by": mail["read_by"]}
        for session in control({"command": "seen"})["seen"]["smtp"]
        for mail in session["transactions"]
        if any(recipient.endswith("@" + domain) for recipient in mail["recipients"])
    ]
