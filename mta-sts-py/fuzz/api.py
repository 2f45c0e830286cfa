"""Fuzzes the Python face with atheris: every error is an MtaStsError with a code, and no reference is lost or kept.

    pip install atheris mta-sts
    python fuzz/api.py -max_total_time=60

The parsers themselves are fuzzed beside the Rust core; here it is what stands between them and Python that counts.
"""

from __future__ import annotations

import pickle
import sys

import atheris

with atheris.instrument_imports():
    import mta_sts
    from mta_sts import CacheEntry, Delivery, Lookup, MtaStsError, Policy, PolicyCache, PolicyDomain, Record
    from mta_sts.publish import Draft, Facts, History, Plan, Target
    from mta_sts.tlsrpt import Datagram, Report, ReportSender, Tally, explain

CODES = mta_sts.codes()
CACHE = PolicyCache(max_entries=8)
SENDER = ReportSender("tls@sender.test", "Sender")


def refused(error: MtaStsError, length: int) -> None:
    """A refusal has a code that is listed, and a place within the input."""
    assert error.code in CODES, error.code
    assert error.offset is None or 0 <= error.offset <= length
    assert error.line is None or error.line >= 1
    assert pickle.loads(pickle.dumps(error)).code == error.code


@atheris.instrument_func
def one_input(data: bytes) -> None:
    """Through every parser, and a lookup with what comes of it."""
    provider = atheris.FuzzedDataProvider(data)
    text, octets, now = provider.ConsumeUnicode(60), provider.ConsumeBytes(400), provider.ConsumeIntInRange(0, 2**40)
    references = sys.getrefcount(octets), sys.getrefcount(text)
    for parse in (Record.parse, Policy.parse, lambda octets: CacheEntry.parse(octets, "a.test"), Report.parse):
        try:
            value = parse(octets)
        except MtaStsError as error:
            # A report may be longer, unpacked.
            refused(error, sys.maxsize if parse is Report.parse else len(octets))
        else:
            assert pickle.loads(pickle.dumps(value)) == value
            assert hash(value) == hash(parse(octets)) and repr(value)
    count(octets, text, now)
    publish(octets, text, now)
    for finding in mta_sts.lint_policy(octets):
        assert 0 <= finding.span[0] <= finding.span[1] <= len(octets) and finding.code in CODES
    for finding in mta_sts.lint_report(octets):
        # A report may be longer, unpacked.
        assert 0 <= finding.span[0] <= finding.span[1] and finding.code in CODES
    try:
        domain = PolicyDomain.parse(text)
    except MtaStsError as error:
        refused(error, len(text.encode("utf-8", "surrogatepass")))
    except UnicodeEncodeError:
        return  # A lone surrogate has no UTF-8.
    else:
        look_up(domain, octets, now)
    assert (sys.getrefcount(octets), sys.getrefcount(text)) == references


@atheris.instrument_func
def count(octets: bytes, text: str, now: int) -> None:
    """A datagram and the text of a tally."""
    try:
        explain(text, text, text)
        datagram = Datagram.parse(octets)
        tally = Tally(SENDER, seed=1, max_octets=10_000)
        tally.count_datagram(datagram, now=now)
        assert Tally.parse(tally.to_text(), SENDER, seed=1).to_text() == tally.to_text()
        Tally.parse(octets, SENDER, seed=1)
    except MtaStsError as error:
        # Places are counted in the text that the octets are read as.
        refused(error, sys.maxsize)


@atheris.instrument_func
def publish(octets: bytes, text: str, now: int) -> None:
    """A draft, the text of a history, and a plan."""
    try:
        draft = Draft("a.test", "enforce", ["mx.a.test", text], max_age=86_400)
        assert pickle.loads(pickle.dumps(draft)) == draft and hash(draft) == hash(pickle.loads(pickle.dumps(draft)))
    except MtaStsError as error:
        refused(error, len(text.encode("utf-8", "surrogatepass")))
    try:
        history = History.parse(octets)
        assert History.parse(history.to_text()) == history
        Plan.between(history, Target("enforce", hosts=["mx.a.test"]), Facts(["mx.a.test"]), now=now)
    except MtaStsError as error:
        refused(error, len(octets))


@atheris.instrument_func
def look_up(domain: PolicyDomain, octets: bytes, now: int) -> None:
    """A lookup with these octets as its answers; at most two questions."""
    lookup = Lookup(domain, now=now, cached=CACHE.get(domain, now=now))
    questions = 0
    while not isinstance(output := lookup.poll_output(), mta_sts.Done):
        questions += 1
        assert questions <= 2
        if isinstance(output, mta_sts.QueryTxt):
            lookup.handle_txt([octets, b"v=STSv1; id=1;"], ttl=300, now=now)
        else:
            lookup.handle_response(status=200, content_type="text/plain", body=octets, now=now)
    CACHE.apply(domain, output.outcome.cache_update, now=now)
    Delivery.of(output.outcome).check_mx("mx.example.test")


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
