#!/usr/bin/env python3
"""Writes a C program that calls every function of mtasts.h with NULL in each pointer argument.

    nulls.py include/mtasts.h >nulls.c

The list of functions is the header's, so none is missed. Each function is called with NULL everywhere, then with one
NULL at a time and valid objects elsewhere, lengths zero and not. A call with a NULL that must not be has to fail and to
leave its results as they were; one that may be NULL is done without.
"""

import re
import sys

# Where NULL says that there is none; the others must not be NULL.
OPTIONAL = {"error", "config", "evicted", "content_type", "retry_at", "fault", "reason"}
OPTIONAL_OF = {
    ("mtasts_lookup_new", "entry"),
    ("mtasts_outcome_apply", "entry"),
    ("mtasts_lint_tlsrpt_rrset", "domain"),
    ("mtasts_event_of_row", "policy"),
    ("mtasts_event_of_row", "mx_host"),
    ("mtasts_history_note_policy", "policy"),
    ("mtasts_history_note_record", "id"),
}
# Where NULL is none of these, although it is elsewhere.
NOT_OPTIONAL_OF = {
    ("mtasts_event_set_reason", "reason"),
    ("mtasts_report_builder_set_failure_reason_code", "reason"),
}
# What an argument is where it is not NULL.
PLAIN = {
    "const char *": '"mx.example.test"',
    "const uint8_t *": "octets",
    "const mtasts_bytes *": "rrs",
    "const mtasts_status *": "faults",
    "const char *const *": "names",
    "const mtasts_mx_host *const *": "hosts",
    "const mtasts_report *const *": "reports",
    "const uint64_t *": "times",
    "mtasts_conclusion *": "&number",
    "uint64_t *": "&a_time",
}


def functions(header):
    """The declarations: result, name, and (type, name) of each parameter."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    for result, name, inside in re.findall(r"([\w ]+?[ *]+)(mtasts_\w+)\(([^)]*)\);", text):
        parameters = []
        for parameter in inside.split(","):
            parameter = " ".join(parameter.split())
            if parameter != "void":
                kind, own = re.match(r"(.*?)(\w+)$", parameter).groups()
                parameters.append((kind.strip() if kind.endswith(" ") else kind, own))
        yield " ".join(result.split()), name, parameters


def main():
    found = list(functions(open(sys.argv[1]).read()))
    print(f"/* {len(found)} functions. */\n#include \"nulls.h\"\n")
    print("int main(void)\n{\n    make_all();")
    for result, name, parameters in found:
        pointers = [own for kind, own in parameters if kind.endswith("*")]
        frees = name.endswith("_free")
        rounds = [set(pointers)] + ([] if frees else [{own} for own in pointers] + [set()])
        for null in rounds:
            for length in ("0", "1"):
                call(result, name, parameters, null, length)
    print(f"    free_all();\n    puts(\"nulls: {len(found)} functions ok\");\n    return 0;\n}}")


def call(result, name, parameters, null, length):
    arguments, outs = [], []
    must_fail = False
    has_array = any(own in ("len", "count") for _, own in parameters)
    for kind, own in parameters:
        is_pointer = kind.endswith("*")
        if own in null:
            arguments.append("NULL")
            array = has_array and kind in ("const uint8_t *", "const uint64_t *", "const mtasts_bytes *",
                                           "const mtasts_status *", "const char *const *", "const mtasts_mx_host *const *", "const mtasts_report *const *")
            optional = (own in OPTIONAL and (name, own) not in NOT_OPTIONAL_OF) or (name, own) in OPTIONAL_OF or (array and length == "0")
            must_fail = must_fail or not optional
        elif kind in PLAIN:
            arguments.append(PLAIN[kind])
        elif is_pointer and kind.endswith("**"):
            arguments.append(f"&out_{own}")
            outs.append((kind[:-1].strip(), own))
        elif is_pointer:
            arguments.append(kind.replace("const", "").replace("*", "").strip().replace("mtasts_", "a_", 1))
        else:
            arguments.append(length)
    print("    {")
    for kind, own in outs:
        print(f"        {kind} out_{own} = NULL;")
    said = f"{name}({', '.join(arguments)})"
    changes = any(part in name for part in ("_set_", "_add_", "_handle_", "_note_"))
    if result == "mtasts_status" and (changes or any(kind.endswith("**") or kind == "mtasts_conclusion *" for kind, _ in parameters)):
        print(f"        mtasts_status status = {said};")
        if must_fail:
            print("        CHECK(status != MTASTS_OK);")
            print("".join(f"        CHECK(out_{own} == NULL);\n" for _, own in outs if own != "error"), end="")
        print("        (void)status;")
        for kind, own in outs:
            print(f"        {kind.replace('const', '').replace('*', '').strip()}_free(out_{own});")
    elif result.endswith("*") and not result.startswith("const"):
        print(f"        {result.replace('*', '').strip()}_free({said});")
    else:
        print(f"        (void){said};" if result != "void" else f"        {said};")
    print("    }")


main()
