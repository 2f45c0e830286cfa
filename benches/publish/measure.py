"""See `run`."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

MTASTS = os.environ["MTASTS"]
TICKS = os.sysconf("SC_CLK_TCK")
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.{0}\r\nmx: mx2.{0}\r\nmx: backup.{0}\r\nmax_age: 2592000\r\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def certificate(folder, name):
    """A certificate with an EC key, as a CA would issue it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
         "-subj", "/", "-addext", f"subjectAltName=DNS:{name}", "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"],
        check=True, stderr=subprocess.DEVNULL)


def policy(folder, domain):
    (folder / domain).mkdir(parents=True)
    (folder / domain / "mta-sts.txt").write_bytes(POLICY.format(domain).encode())


class Server:
    """A process that serves, and those that it has started."""

    def __init__(self, arguments, port):
        # A listening port says little: `mtasts` says when it serves, as to systemd.
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{folder}/notify")
            started = time.monotonic()
            environment = os.environ | {"NOTIFY_SOCKET": f"{folder}/notify"}
            self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
            manager.settimeout(300)
            while arguments[0] == MTASTS and b"READY=1" not in manager.recv(4096):
                pass
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    if self.process.poll() is not None:
                        raise SystemExit(f"{arguments} has ended") from None
                    time.sleep(0.005)
            self.start = time.monotonic() - started

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu(self):
        """Seconds of all its processes."""
        stats = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in self.pids()]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS

    def memory(self):
        """MiB, the resident ones and the most there ever were."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return [int(re.search(rf"{key}:\s+(\d+)", status)[1]) / 1024 for key in ("VmRSS", "VmHWM")]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def mtasts(port, policies, *arguments):
    listen = ["--listen", f"127.0.0.1:{port}"] if "--plain" not in arguments else []
    return Server([MTASTS, "publish", "serve", "--policies", str(policies), *listen, *arguments], port)


def memory_and_start(folder, domains):
    policies, certificates = folder / "many", folder / "certificates"
    names = [f"d{number}.example" for number in range(domains)]
    for name in names:
        policy(policies, name)
    print(f"{domains} domains, each with a policy of its own | start, s | CPU of it, s | resident, MiB | most, MiB")
    port = free_port()
    server = mtasts(port, policies, "--plain", f"127.0.0.1:{port}")
    print("behind a reverse proxy | {:.2f} | {:.2f} | {:.1f} | {:.1f}".format(server.start, server.cpu(), *server.memory()))
    server.stop()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: certificate(certificates / name, f"mta-sts.{name}"), names))
    port = free_port()
    server = mtasts(port, policies, "--certs", str(certificates))
    print("with a certificate for each | {:.2f} | {:.2f} | {:.1f} | {:.1f}".format(server.start, server.cpu(), *server.memory()))
    server.stop()


def requests(folder, seconds, rounds):
    certificate(folder / "one", "mta-sts.one.example")
    policy(folder / "single", "one.example")
    chain, key = folder / "one/fullchain.pem", folder / "one/privkey.pem"
    (folder / "www/.well-known").mkdir(parents=True)
    (folder / "www/.well-known/mta-sts.txt").write_bytes(POLICY.format("one.example").encode())
    nginx_port = free_port()
    (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{}}
http {{
    access_log off;
    types {{ text/plain txt; }}
    server {{
        listen 127.0.0.1:{nginx_port} ssl;
        ssl_certificate {chain}; ssl_certificate_key {key};
        ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache none;
        root {folder}/www;
    }}
}}
""")
    port = free_port()
    servers = {
        "mtasts": (mtasts(port, folder / "single", "--cert", str(chain), "--key", str(key)), port),
        "nginx": (Server(["nginx", "-c", folder / "nginx.conf"], nginx_port), nginx_port),
    }
    print("new connections of TLS 1.3, one request each | connections | us of CPU each")
    costs = {name: [] for name in servers}
    for _ in range(rounds):
        for name, (server, port) in servers.items():
            before = server.cpu()
            told = subprocess.run(
                ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-tls1_3", "-time", str(seconds),
                 "-www", "/.well-known/mta-sts.txt"], check=True, capture_output=True, text=True).stdout
            count, octets = map(int, re.search(r"(\d+) connections in \d+ real seconds, (\d+) bytes read", told).groups())
            assert octets > len(POLICY), told
            costs[name].append((server.cpu() - before) / count * 1e6)
            print(f"{name} | {count} | {costs[name][-1]:.0f}")
    for server, _ in servers.values():
        server.stop()
    least = {name: min(values) for name, values in costs.items()}
    print(f"ratio of the least, mtasts to nginx: {least['mtasts'] / least['nginx']:.2f}")


parser = argparse.ArgumentParser()
parser.add_argument("--domains", type=int, default=10_000)
parser.add_argument("--seconds", type=int, default=5)
parser.add_argument("--rounds", type=int, default=3)
arguments = parser.parse_args()
with tempfile.TemporaryDirectory(prefix="publish-bench.") as scratch:
    requests(pathlib.Path(scratch), arguments.seconds, arguments.rounds)
    memory_and_start(pathlib.Path(scratch), arguments.domains)
