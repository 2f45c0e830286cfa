"""A relay that enforces MTA-STS on the mail it sends on, with aiosmtpd in front and aiosmtplib behind.

It has no queue: what cannot go out now is answered 451, and the client keeps it. SMTP has one answer for a message, however
many recipients it has. So a message has one recipient here, and what is answered is true of it; the client sends the others
again, each by itself. Where the client is Postfix, `relay_destination_recipient_limit = 1` saves it the second try.

    python relay.py --listen 127.0.0.1:8025
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from email import message_from_bytes

import aiosmtplib
import dns.exception
from aiosmtpd.smtp import SMTP, Envelope, Session

import mta_sts
from mta_sts import (
    Bounce,
    Delivery,
    MessageTls,
    Mode,
    MtaStsError,
    PolicyDomain,
    QueueLifetime,
    SessionDecision,
    SessionFault,
    Skip,
    TlsResult,
    TlsrptRow,
)
from mta_sts.aio import Resolver

TRY_AGAIN = "451 4.4.0 not delivered now, try again later"

REFUSED = (
    aiosmtplib.SMTPSenderRefused,
    aiosmtplib.SMTPRecipientRefused,
    aiosmtplib.SMTPRecipientsRefused,
    aiosmtplib.SMTPDataError,
)


class Relay:
    """What aiosmtpd calls for each message. `report` is told every TLSRPT row, with its domain and MX host."""

    def __init__(
        self,
        resolver: Resolver,
        report: Callable[[str, str | None, TlsrptRow | mta_sts.PolicyFailure], None],
        *,
        smtp_port: int = 25,
    ) -> None:
        self.resolver, self.report, self.smtp_port = resolver, report, smtp_port
        self.verifying = resolver.network.ssl_context
        self.unverified = ssl._create_unverified_context()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes one recipient; the client keeps the others (RFC 5321, 4.5.3.1.10)."""
        try:
            PolicyDomain.of_recipient(address)
        except MtaStsError as error:
            return f"553 5.1.3 {error}"
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Sends the message on, and answers what became of it."""
        (recipient,) = envelope.rcpt_tos
        return await self.send(envelope.mail_from or "", recipient, envelope.original_content or b"")

    async def send(self, sender: str, recipient: str, content: bytes) -> str:
        """Finds the policy, then tries one MX host after the other."""
        domain = PolicyDomain.of_recipient(recipient)
        try:
            outcome = await self.resolver.discover(domain, timeout=60)
        except TimeoutError:
            return TRY_AGAIN
        if outcome.failure is not None:
            self.report(str(domain), None, outcome.failure)
        # With the header field `TLS-Required: No`, the sender wants delivery rather than TLS (RFC 8689, 3).
        fields = message_from_bytes(content).get_all("TLS-Required", [])
        message = MessageTls.of(
            tls_required_no=mta_sts.tls_required_no(map(str, fields)), null_reverse_path=not sender
        )
        # Where it is not known whether there is a policy, no host gets the message now.
        delivery = Delivery.of(outcome, message=message)
        try:
            hosts = await self.resolver.mx_hosts(domain)
        except dns.exception.DNSException:
            return TRY_AGAIN

        # Where there is a policy the certificate is checked, and reported, even if nothing depends on it.
        checked = outcome.mode in (Mode.ENFORCE, Mode.TESTING)
        faults: list[SessionFault | None] = []
        for host in hosts:
            verdict = delivery.check_mx(host)
            self.count(domain, host, verdict.rows)
            if isinstance(verdict.decision, Skip):
                faults.append(verdict.decision.fault)
                continue
            try:
                client, tls = await self.connect(host, self.verifying if checked else self.unverified)
                session = delivery.check_session(host, tls)
                self.count(domain, host, session.rows)
                if session.decision == SessionDecision.TRY_NEXT_MX:
                    faults.append(session.fault)
                    client.close()
                    continue
                if not client.is_connected:
                    # The certificate is not good, and need not be.
                    client, _ = await self.connect(host, self.unverified)
                async with client:
                    await client.sendmail(sender, [recipient], content)
                return "250 2.0.0 delivered"
            except REFUSED as error:
                refusal = error.recipients[0] if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else error
                if refusal.code >= 500:
                    # The host speaks for the domain, and means it.
                    return f"{refusal.code} {' '.join(refusal.message.split())}"
            except (OSError, aiosmtplib.SMTPException, dns.exception.DNSException, MtaStsError):
                pass
            faults.append(None)
        # How long the message may wait is for the client, which has the queue.
        match delivery.conclude(faults, lifetime=QueueLifetime.RUNNING):
            case Bounce(status):
                return f"550 {status} no host may have this message"
        return TRY_AGAIN

    async def connect(self, host: str, context: ssl.SSLContext) -> tuple[aiosmtplib.SMTP, TlsResult]:
        """A session with the host, and how STARTTLS went; closed if it went wrong after the command."""
        for address in await self.resolver.addresses(host):
            client = aiosmtplib.SMTP(hostname=address, port=self.smtp_port, start_tls=False, timeout=30)
            with suppress(OSError, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError):
                await client.connect()
                break
        else:
            raise ConnectionError(f"no address of {host} takes a connection")
        await client.ehlo()
        if not client.supports_extension("starttls"):
            return client, TlsResult.NOT_OFFERED
        try:
            await client.starttls(server_hostname=host, tls_context=context)
        except aiosmtplib.SMTPResponseException:
            return client, TlsResult.REFUSED
        except ssl.SSLCertVerificationError as error:
            client.close()
            return client, certificate_fault(error)
        except (ssl.SSLError, aiosmtplib.SMTPServerDisconnected):
            client.close()
            return client, TlsResult.HANDSHAKE_FAILED
        verified = context.verify_mode == ssl.CERT_REQUIRED
        return client, TlsResult.AUTHENTICATED if verified else TlsResult.CERTIFICATE_NOT_CHECKED

    def count(self, domain: PolicyDomain, host: str, rows: Iterable[TlsrptRow]) -> None:
        """Tells the rows."""
        for row in rows:
            self.report(str(domain), host, row)


def certificate_fault(error: ssl.SSLCertVerificationError) -> TlsResult:
    """What is wrong with a certificate, by the number that OpenSSL gives it (X509_V_ERR_*)."""
    faults = {
        9: TlsResult.CERTIFICATE_NOT_YET_VALID,
        10: TlsResult.CERTIFICATE_EXPIRED,
        62: TlsResult.CERTIFICATE_HOST_MISMATCH,
    }
    return faults.get(error.verify_code, TlsResult.CERTIFICATE_NOT_TRUSTED)


def print_report(domain: str, host: str | None, row: TlsrptRow | mta_sts.PolicyFailure) -> None:
    """One line of JSON, for what makes the reports of RFC 8460."""
    result_type = row.result_type and row.result_type.value
    print(json.dumps({"domain": domain, "mx": host, "result_type": result_type}), flush=True)


async def refresh(resolver: Resolver) -> None:
    """Fetches policies anew while the old ones still protect, and tells of those that cannot be had."""
    while True:
        for domain, outcome in await resolver.refresh_due():
            if outcome.alert is not None:
                print(f"{domain}: {outcome.alert}", file=sys.stderr, flush=True)
        await asyncio.sleep(300)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", metavar="ADDR:PORT", default="127.0.0.1:8025")
    address, _, port = parser.parse_args().listen.rpartition(":")
    async with Resolver() as resolver:
        relay = Relay(resolver, print_report)
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(relay), address, int(port))
        await asyncio.gather(server.serve_forever(), refresh(resolver))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
