"""A relay that enforces MTA-STS on the mail it sends on, with aiosmtpd in front and aiosmtplib behind.

It has no queue: what cannot go out now is answered 451, and the client keeps it.

    python relay.py --listen 127.0.0.1:8025
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
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
    PolicyDomain,
    SessionDecision,
    SessionFault,
    Skip,
    TlsResult,
    TlsrptRow,
)
from mta_sts.aio import Resolver

TRY_AGAIN = "451 4.4.0 not delivered now, try again later"


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

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Sends the message to the domain of each recipient; all or none is the client's to keep."""
        content = envelope.original_content or b""
        groups: dict[PolicyDomain, list[str]] = {}
        for recipient in envelope.rcpt_tos:
            groups.setdefault(PolicyDomain.of_recipient(recipient), []).append(recipient)
        answers = [
            await self.send(domain, envelope.mail_from or "", recipients, content)
            for domain, recipients in groups.items()
        ]
        return next((answer for answer in answers if not answer.startswith("250")), answers[0])

    async def send(self, domain: PolicyDomain, sender: str, recipients: list[str], content: bytes) -> str:
        """Finds the policy, then tries one MX host after the other."""
        outcome = await self.resolver.discover(domain)
        if outcome.failure is not None:
            self.report(str(domain), None, outcome.failure)
        if outcome.no_policy is not None and outcome.no_policy.reason == "dns-failed":
            return TRY_AGAIN
        # With the header field `TLS-Required: No`, the sender wants delivery rather than TLS (RFC 8689, 5).
        fields = message_from_bytes(content).get_all("TLS-Required", [])
        message = MessageTls.of(
            tls_required_no=mta_sts.tls_required_no(map(str, fields)), null_reverse_path=not sender
        )
        delivery = Delivery(outcome.policy, message=message)
        try:
            hosts = await self.resolver.mx_hosts(domain)
        except dns.exception.DNSException:
            return TRY_AGAIN

        # Where there is a policy the certificate is checked, and reported, even if nothing depends on it.
        checked = outcome.policy is not None and outcome.policy.mode != Mode.NONE
        faults: list[SessionFault | None] = []
        for host in hosts:
            verdict = delivery.check_mx(host)
            self.count(domain, host, verdict.rows)
            if isinstance(verdict.decision, Skip):
                faults.append(verdict.decision.fault)
                continue
            with suppress(OSError, aiosmtplib.SMTPException, dns.exception.DNSException):
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
                    await client.sendmail(sender, recipients, content)
                return "250 2.0.0 delivered"
            faults.append(None)
        match delivery.conclude(faults):
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", metavar="ADDR:PORT", default="127.0.0.1:8025")
    options = parser.parse_args()
    address, _, port = options.listen.rpartition(":")

    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Relay(Resolver(), print_report), address, int(port)))


async def serve(relay: Relay, address: str, port: int) -> None:
    """Until it is cancelled."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(relay), address, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
