"""The loopback world, as tests of mail servers ask it. Within tests/in-world."""

import base64
import json
import os
import pathlib
import socket

FOLDER = pathlib.Path(os.environ["MTASTS_WORLD"])
# A TLSRPT record by which reports go to hosts that take them, with a name that tells whose they are.
RECORD = "v=TLSRPTv1; rua=mailto:{name}@tlsrpt-mail.test,https://rua.tlsrpt-https.test/v1/tlsrpt?of={name}"


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


def received_reports():
    """The mails and the POSTs with reports that RECORD has led to: name and octets."""
    seen = control({"command": "seen"})["seen"]
    mails = [(transaction["recipients"][0].split("@")[0], transaction["message"].encode())
             for session in seen["smtp"] if session["host"] == "mx.tlsrpt-mail.test"
             for transaction in session["transactions"] if transaction["message"]]
    posts = [(request["path"].split("of=")[1], base64.b64decode(request["body"]))
             for request in seen["https"] if request["method"] == "POST"]
    return mails, posts
