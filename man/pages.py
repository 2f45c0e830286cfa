#!/usr/bin/env python3
"""Writes the manual pages of the function groups from mtasts.h, whose comments are the only source of their text.

    man/pages.py include/mtasts.h FOLDER

The introductions stand here; mtasts(3), the overview, is written by hand.
"""

import pathlib
import re
import sys
import textwrap

# Page: what it is, its introduction, the beginnings of the names of its functions and of its numbers.
PAGES = {
    "status": ("the status of a call",
               "A function that can fail returns a status, and details in its last parameter.",
               ["mtasts_status_", "mtasts_error_", "mtasts_version", "mtasts_has_idna"], ["OK", "ERR_"]),
    "name": ("host names, Policy Domains and mx patterns",
             "Functions accept names as strings, and normalise them; these objects hold the normal form.",
             ["mtasts_name_", "mtasts_domain_", "mtasts_mx_pattern_", "mtasts_dns_id_matches"], []),
    "record": ("the TXT record of a domain",
               "A lookup parses records itself; these functions are for programs that only need the record.",
               ["mtasts_record_"], []),
    "config": ("the configuration of lookups",
               "Without a configuration the defaults apply, as suggested in RFC 8461.",
               ["mtasts_config_"], ["STRICTNESS_", "MISSING_CONTENT_TYPE_"]),
    "policy": ("the policy of a domain",
               "A policy says which MX hosts may receive the mail of a domain, and how strictly this is applied.",
               ["mtasts_policy_parse", "mtasts_policy_from", "mtasts_policy_mode", "mtasts_mode_word", "mtasts_policy_max",
                "mtasts_policy_mx", "mtasts_policy_matc", "mtasts_policy_text", "mtasts_policy_written",
                "mtasts_policy_line", "mtasts_policy_clone", "mtasts_policy_free"], ["MODE_"]),
    "lookup": ("policy discovery",
               "A lookup says what to query over DNS and HTTPS, takes the answers, and ends with an outcome.",
               ["mtasts_lookup_"], ["PURPOSE_", "OUTPUT_", "TXT_", "FETCH_"]),
    "outcome": ("the outcome of a lookup",
                "An outcome has the policy to apply or the reason why there is none, what to remember, and what to report.",
                ["mtasts_outcome_"], ["SOURCE_", "UPDATE_", "RECORD_CHECK_", "NO_POLICY_"]),
    "entry": ("the cache entry of a domain",
              "An entry is a plain value: keep its text in a file or a database, and parse it again.",
              ["mtasts_entry_"], []),
    "cache": ("an in-memory cache of policies",
              "A cache is bounded, locks internally, and says when a policy is due for a refresh.",
              ["mtasts_cache_", "mtasts_entries_"], []),
    "delivery": ("decisions about MX hosts and sessions",
                 "A delivery decides before each connection, after each TLS attempt, and at the end.",
                 ["mtasts_delivery_", "mtasts_mx_host_", "mtasts_mx_verdict_", "mtasts_mx_plan_", "mtasts_plan",
                  "mtasts_check_", "mtasts_session_", "mtasts_conclu", "mtasts_message_tls", "mtasts_tls_required"],
                 ["MESSAGE_", "FACT_", "MINIMUM_", "DANE_", "TLS_", "MX_", "SESSION_", "QUEUE_", "RECHECK_", "CONCLUSION_", "FAULT_"]),
    "tlsrpt": ("TLSRPT records, and the terms of TLS reports",
               "A domain asks for reports in a TLSRPT record. The numbers of results are those of libtlsrpt, so they can be "
               "passed to it directly.",
               ["mtasts_tlsrpt_", "mtasts_result_type_", "mtasts_policy_type_"], []),
    "report": ("TLS reports, read and built",
               "A report is parsed within limits, and as tolerantly as real senders require; deviations from RFC 8460 are returned. Its "
               "strings are untrusted.",
               ["mtasts_report_", "mtasts_failure_"], ["REPORT_TOLERANT", "REPORT_STRICT", "DEVIATION_"]),
    "event": ("the events in TLS reports, and the datagrams of libtlsrpt",
              "A mail server makes an event from each row of a verdict and from each failed lookup, and counts it or sends it on.",
              ["mtasts_event_", "mtasts_datagram_"], []),
    "tally": ("counts of sessions, and due TLS reports",
              "A tally counts events by day and domain, within bounds, and says which reports are due. It does not read the clock, and "
              "sends nothing.",
              ["mtasts_tally_", "mtasts_counted_", "mtasts_due_report_", "mtasts_report_sender_", "mtasts_report_mail_",
               "mtasts_report_subject_", "mtasts_report_file_name_"], ["COUNTED_", "REPORT_DELIVERY_"]),
    "ready": ("explanations of failures, and whether to enforce a policy",
              "Whether a policy in mode testing can be enforced is assessed from reports, a check and facts from the owner; a hint "
              "explains a failure.",
              ["mtasts_ready_", "mtasts_readiness_", "mtasts_shortfall_", "mtasts_hint_", "mtasts_whose_"], ["READY_", "WHOSE_"]),
    "text": ("texts written by the library",
             "A text that is long, or that may fail to be written, is returned as a separate object.",
             ["mtasts_text_"], []),
    "lint": ("findings about what a domain publishes",
             "A parser stops at the first error; a linter continues, and says how to fix each one.",
             ["mtasts_lint_", "mtasts_finding"], ["SEVERITY_"]),
    "publish": ("what a domain publishes, and plans to change it",
                "A draft is a policy that cannot stop mail by a mistake of its own. A history says what senders may still hold; a plan, "
                "what to publish now and what only later, so that no mail is refused for a change.",
                ["mtasts_draft_", "mtasts_history_", "mtasts_served_policy_", "mtasts_seen_record_", "mtasts_seen_host_",
                 "mtasts_publish_"], ["PUBLISH_"]),
    "postfix": ("a policy as the answer to Postfix",
                "The answer to a lookup of smtp_tls_policy_maps, in the form of Postfix and sendmail.",
                ["mtasts_postfix_"], ["POSTFIX_"]),
}


def main():
    header, folder = pathlib.Path(sys.argv[1]).read_text(), pathlib.Path(sys.argv[2])
    functions = re.findall(r"/\*\*\n((?: \*.*\n)+?) \*/\n([^#/;{]*?\b(mtasts_\w+)\([^;]*\));", header)
    numbers = re.findall(r"/\*\*\n?((?:.*\n)*?.*?)\*/\n#define MTASTS_(\w+) \d+\n", header)
    left = {name for _, _, name in functions}
    for page, (what, introduction, _, groups) in PAGES.items():
        own = [found for found in functions if page_of(found[2]) == page]
        left -= {name for _, _, name in own}
        (folder / f"mtasts_{page}.3").write_text(written(page, what, introduction, own, [
            (name, " ".join(comment.replace("*", " ").split())) for comment, name in numbers
            if any(name.startswith(group) for group in groups)]))
    assert not left, f"on no page: {left}"


def page_of(name):
    """The page with the longest of the prefixes that the name has."""
    found = [(len(prefix), page) for page, (_, _, prefixes, _) in PAGES.items() for prefix in prefixes if name.startswith(prefix)]
    return max(found)[1] if found else None


def written(page, what, introduction, functions, numbers):
    lines = [".\\\" Written by man/pages.py from mtasts.h.", ".Dd November 24, 2026", f".Dt MTASTS_{page.upper()} 3",
             ".Os", ".Sh NAME"]
    lines += [f".Nm {name} ," for _, _, name in functions[:-1]] + [f".Nm {functions[-1][2]}", f".Nd {what}"]
    lines += [".Sh SYNOPSIS", ".In mtasts.h"]
    for _, declaration, name in functions:
        result, inside = " ".join(declaration.split()).split(f"{name}(", 1)
        arguments = " ".join(f'"{argument.strip()}"' for argument in inside.rstrip(")").split(","))
        lines += [f'.Ft "{result.strip()}"', f".Fn {name} {arguments}"]
    lines += [".Sh DESCRIPTION"] + prose(introduction) + [".Bl -tag -width Ds"]
    for comment, _, name in functions:
        lines.append(f".It Fn {name}")
        paragraphs = re.split(r"\n\s*\n", re.sub(r"^ \* ?", "", comment, flags=re.M).strip())
        for index, paragraph in enumerate(paragraphs):
            if index:
                lines.append(".Pp")
            for sentence in re.split(r"\n(?=Ownership: |Threads: |Since: )", paragraph):
                if sentence.startswith(("Threads: ", "Since: ")) and lines[-1] != ".Pp":
                    lines.append(".br")
                lines += prose(sentence)
    lines.append(".El")
    if numbers:
        lines += [".Sh NUMBERS", ".Bl -tag -width Ds"]
        for name, meaning in numbers:
            lines += [f".It Dv MTASTS_{name}"] + prose(meaning)
        lines.append(".El")
    return "\n".join(lines + [".Sh SEE ALSO", ".Xr mtasts 3", ""])


def prose(text):
    """One sentence a line, as mdoc wants it, in lines of 79 characters."""
    text = " ".join(text.split()).replace("\\", "\\e").replace("`", "")
    lines = []
    for sentence in re.split(r"(?<=[.:]) (?=[A-Z0-9*])", text):
        # Function names as mdoc marks them, and no line that begins as a macro.
        for line in textwrap.wrap(sentence, 79, break_long_words=False, break_on_hyphens=False):
            lines += re.sub(r"\s*(mtasts_\w+)\(\)([.,;:)]*)\s*",
                            lambda found: f"\n.Fn {found[1]}" + (f" {found[2]}" if found[2] else "") + "\n",
                            line).strip().split("\n")
    return [("\\&" + line) if line.startswith("'") or (line.startswith(".") and not line.startswith(".Fn ")) else line
            for line in lines if line]


main()
