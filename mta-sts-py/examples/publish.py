"""Publishes the policy of a domain step by step: says what to do next, and notes what was done.

    pip install mta-sts
    python examples/publish.py FOLDER DOMAIN MODE HOST...           # the steps to a policy of this mode for these MX hosts
    python examples/publish.py --done FOLDER DOMAIN MODE HOST...    # the first of them is done; then the rest

The folder keeps the history of the domain, from which the times follow, and the policy to be served, mta-sts.txt. A step that is
not due yet cannot be done: the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from mta_sts import DnsName, MtaStsError
from mta_sts.publish import ChangeMx, DeletePolicy, DeleteRecord, Facts, History, MovePolicyHost, Plan, PutPolicy, PutRecord, Step, Target


def load(path: Path, domain: str, hosts: list[str], now: float) -> History:
    """The saved history. Without its file nothing was ever published, and the hosts are those in DNS."""
    if path.exists():
        return History.parse(path.read_bytes())
    history = History(domain)
    history.note_hosts(hosts, now=now)
    return history


def save(path: Path, text: str) -> None:
    """All of it or nothing: without a history nobody knows what senders may still hold."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def in_dns(history: History) -> list[DnsName]:
    return [host.name for host in history.hosts if host.until is None]


def show(step: Step, history: History, now: float) -> str:
    when = "now" if step.earliest <= now else datetime.fromtimestamp(step.earliest, timezone.utc).isoformat()
    match step.action:
        case PutPolicy(draft) | MovePolicyHost(draft):
            what = f"serve {draft.domain.policy_url}: {draft.policy}".replace("\r\n", " ").strip()
        case PutRecord(id):
            what = f'set the TXT record of {history.domain.txt_name} to "v=STSv1; id={id}"'
        case ChangeMx(add, remove):
            what = " ".join(["change the MX records:", *(f"+{host}" for host in add), *(f"-{host}" for host in remove)])
        case DeleteRecord():
            what = f"delete the TXT record of {history.domain.txt_name}"
        case DeletePolicy():
            what = f"delete {history.domain.policy_url}"
    return f"{when}: {what}\n    {step.wait.message if step.earliest > now else step.reason} ({step.section})"


def note(step: Step, history: History, folder: Path, now: float) -> None:
    """What the step has changed."""
    match step.action:
        case PutPolicy(draft) | MovePolicyHost(draft):
            save(folder / "mta-sts.txt", draft.text)
            history.note_policy(draft.policy, now=now)
        case PutRecord(id):
            history.note_record(id, now=now)
        case ChangeMx(add, remove):
            history.note_hosts([*(host for host in in_dns(history) if host not in remove), *add], now=now)
        case DeleteRecord():
            history.note_record(None, now=now)
        case DeletePolicy():
            history.note_policy(None, now=now)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--done", action="store_true")
    parser.add_argument("folder", type=Path)
    parser.add_argument("domain")
    parser.add_argument("mode", choices=["testing", "enforce", "none"])
    parser.add_argument("hosts", nargs="+")
    options = parser.parse_args()
    path, now = options.folder / "history", time.time()
    try:
        history = load(path, options.domain, options.hosts, now)
        target = Target(options.mode, hosts=options.hosts)
        steps = Plan.between(history, target, Facts(in_dns(history)), now=now).steps
        if options.done and steps:
            if steps[0].earliest > now:
                print(f"not yet: {show(steps[0], history, now)}", file=sys.stderr)
                return 1
            note(steps[0], history, options.folder, now)
            steps = Plan.between(history, target, Facts(in_dns(history)), now=now).steps
        save(path, history.to_text())
    except MtaStsError as error:
        print(error, file=sys.stderr)
        return 1
    for step in steps:
        print(show(step, history, now))
    return 0


if __name__ == "__main__":
    sys.exit(main())
