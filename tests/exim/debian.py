"""docs/exim.md on Debian's own configuration: its commands are run as they stand there, and mail goes out.

    tests/in-world python3 tests/exim/debian.py exim-mtasts.so CONFIGURATION PAGE

CONFIGURATION is the folder /etc/exim4 of a new exim4-config. Needs dkimpy. All that the package keeps is mounted from a folder
of this test, in the mount namespace of the world.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import dkim  # noqa: E402
from world import FOLDER as WORLD, control  # noqa: E402

MODULE, CONFIGURATION, PAGE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
SCRATCH = pathlib.Path("/tmp") / f"exim-debian.{os.getpid()}"
EXIM = "/usr/sbin/exim4"

failures = []


def check(what, good):
    print(f"{'ok' if good else 'FAILED'}: {what}")
    if not good:
        failures.append(what)
        print(*(log.read_text(errors="replace") for log in pathlib.Path("/var/log/exim4").iterdir()))


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, **options)
    if done.returncode:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def commands(heading):
    """The commands of the page under a heading."""
    [section] = re.findall(rf"^### {heading}\n(.*?)(?=^##)", PAGE.read_text(), re.S | re.M)
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))


def new_machine(name, kind, macros, split):
    """Debian's configuration as it is after its installation, of this kind, with macros of the operator."""
    folder = SCRATCH / name
    shutil.copytree(CONFIGURATION, folder / "etc")
    for part, place in (("etc", "/etc/exim4"), ("lib", "/var/lib/exim4"), ("spool", "/var/spool/exim4"), ("log", "/var/log/exim4")):
        (folder / part).mkdir(exist_ok=True)
        if part != "etc":
            shutil.chown(folder / part, "Debian-exim", "Debian-exim")
        pathlib.Path(place).mkdir(exist_ok=True)
        run("mount", "--bind", str(folder / part), place)
    (folder / "spool" / "mta-sts").mkdir()
    shutil.chown(folder / "spool" / "mta-sts", "Debian-exim", "Debian-exim")
    (folder / "etc" / "update-exim4.conf.conf").write_text(
        f"dc_eximconfig_configtype='{kind}'\ndc_other_hostnames='sender.test'\ndc_local_interfaces='127.0.0.1'\n"
        "dc_readhost=''\ndc_relay_domains='relayed.test'\ndc_minimaldns='false'\ndc_relay_nets=''\n"
        "dc_smarthost='mx.healthy-enforce.test'\nCFILEMODE='644'\n"
        f"dc_use_split_config='{'true' if split else 'false'}'\ndc_hide_mailname=''\ndc_mailname_in_oh='true'\n"
        "dc_localdelivery='mail_spool'\n")
    place = folder / "etc" / ("conf.d/main/000_localmacros" if split else "exim4.conf.localmacros")
    place.write_text("".join(f"{name} = {value}\n" for name, value in macros.items()))


def send(recipient):
    run(EXIM, "-odf", "-oi", "-f", "alice@sender.test", recipient,
        input=f"From: alice@sender.test\nTo: {recipient}\nSubject: a test\nDate: Fri, 27 Nov 2026 12:00:00 +0000\n\nhello\n")


def arrived(domain):
    return [mail for session in control({"command": "seen"})["seen"]["smtp"] for mail in session["transactions"]
            if any(recipient.endswith("@" + domain) for recipient in mail["recipients"])]


def log():
    return pathlib.Path("/var/log/exim4/mainlog").read_text(errors="replace")


def waiting():
    return len(list(pathlib.Path("/var/spool/exim4/input").rglob("*-H")))


def is_signed(mail, key):
    return dkim.verify(mail["message"].encode(), dnsfunc=lambda name, timeout=5: key)


def address_of(host):
    text = (WORLD / "zone").read_text()
    [address] = re.findall(rf"^{re.escape(host)}\.?\s+(?:\d+\s+)?(?:IN\s+)?A\s+(\S+)", text, re.M)[:1]
    return address


def internet(split):
    name = "split" if split else "one file"
    control({"command": "reset"})
    key = SCRATCH / f"dkim.{name}.pem"
    run("openssl", "genrsa", "-out", str(key), "2048")
    shutil.chown(key, "Debian-exim")
    public = run("openssl", "rsa", "-in", str(key), "-pubout")
    record = ("v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])).encode()
    # The whole world is on loopback, which Debian ignores: its own macro ignores one host of the world instead.
    new_machine(name, "internet", {
        "MTASTS_SO": MODULE, "MTASTS_CA_FILE": WORLD / "ca.pem", "MTASTS_MX_CA_FILE": WORLD / "ca.pem",
        "ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS": f"<; 192.168.0.0/16 ; {address_of('mx.wildcard.test')} ; fe80::/10",
        "DKIM_DOMAIN": "sender.test", "DKIM_SELECTOR": "s1", "DKIM_PRIVATE_KEY": key,
        "IGNORE_SMTP_LINE_LENGTH_LIMIT": "yes",
    }, split)
    run("sh", "-euxc", commands("Split configuration" if split else "One file"), cwd=PAGE.parents[1])
    run("update-exim4.conf")

    ours, debians = (set(run(EXIM, "-bP", "transport", transport).splitlines()) for transport in ("remote_smtp_mta_sts", "remote_smtp"))
    check(f"{name}: the new transport is Debian's, but for TLS and connections", {
        re.split(r" = |^no_", line, maxsplit=1)[-1 if line.startswith("no_") else 0] for line in ours ^ debians
    } == {"connection_max_messages", "hosts_require_tls", "multi_domain", "tls_sni", "tls_verify_certificates", "tls_verify_hosts",
          "debug_print", "event_action"})
    send("user@healthy-enforce.test")
    mails = arrived("healthy-enforce.test")
    check(f"{name}: a policy that enforces is met", len(mails) == 1 and mails[0]["over_tls"])
    check(f"{name}: over verified TLS, by the transport of its own",
          re.search(r"=> user@healthy-enforce.test .*T=remote_smtp_mta_sts .*CV=yes", log()) is not None)
    check(f"{name}: with Debian's DKIM signature", is_signed(mails[0], record))
    send("user@no-mta-sts.test")
    check(f"{name}: a domain without a policy is as before",
          len(arrived("no-mta-sts.test")) == 1 and is_signed(arrived("no-mta-sts.test")[0], record)
          and re.search(r"=> user@no-mta-sts.test .*T=remote_smtp ", log()) is not None)
    for domain in ("mx-spoofed.test", "untrusted-ca.test"):
        send(f"user@{domain}")
        check(f"{name}: mail to {domain} waits", not arrived(domain) and waiting() == 1 and "** " not in log())
        run("sh", "-c", "rm -rf /var/spool/exim4/input/* /var/spool/exim4/msglog/* /var/spool/exim4/db/*")
    send("user@wildcard.test")
    check(f"{name}: a host that Debian ignores stays ignored", not arrived("wildcard.test"))
    run("sh", "-c", "rm -rf /var/spool/exim4/input/*")
    routed = subprocess.run(
        [EXIM, "-bt", "user@relayed.test"], capture_output=True, text=True, timeout=90, check=False).stdout
    check(f"{name}: domains that are relayed for are Debian's", "mta_sts" not in routed)


def smart_host(host, is_good):
    control({"command": "reset"})
    macros = dict(re.findall(r"(\w+) = (.*)", commands("Smart hosts")))
    macros["REMOTE_SMTP_SMARTHOST_TLS_VERIFY_CERTIFICATES"] = WORLD / "ca.pem"
    new_machine(f"smart host {host}", "smarthost", macros, True)
    settings = pathlib.Path("/etc/exim4/update-exim4.conf.conf")
    settings.write_text(settings.read_text().replace("mx.healthy-enforce.test", host))
    run("update-exim4.conf")
    send("user@healthy-enforce.test")
    mails = arrived("healthy-enforce.test")
    if is_good:
        check(f"the smart host {host} takes the mail over verified TLS", len(mails) == 1 and " CV=yes " in log())
    else:
        check(f"mail for the smart host {host} waits", not mails and waiting() == 1)


SCRATCH.mkdir(mode=0o755)
try:
    [ours] = re.findall(r"^ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS = (.*)", (PAGE.parents[1] / "exim/router").read_text(), re.M)
    [debians] = set(re.findall(r"^ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS = (.*)", (CONFIGURATION / "exim4.conf.template").read_text(), re.M))
    check("the router ignores what Debian ignores", ours == debians)
    for is_split in (True, False):
        internet(is_split)
    smart_host("mx.healthy-enforce.test", True)
    smart_host("mx.untrusted-ca.test", False)
finally:
    for place in ("/etc/exim4", "/var/lib/exim4", "/var/spool/exim4", "/var/log/exim4"):
        while subprocess.run(["umount", place], capture_output=True, check=False).returncode == 0:
            pass
    shutil.rmtree(SCRATCH)
print(f"{len(failures)} failed")
sys.exit(bool(failures))
