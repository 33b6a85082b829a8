"""A real `nexusrag serve` in a folder of its own, and what the system says about it."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

KEY = re.compile(r"nrgk_[0-9a-f]{32}_[A-Za-z0-9_-]{20,}")


class Failed(Exception):
    """Something that ends the benchmark, in a sentence."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One data folder; at most one process serving it at a time. Loopback only."""

    def __init__(self, binary, folder, settings):
        self.binary = str(pathlib.Path(binary).resolve())
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Nothing of the caller's own configuration: neither environment nor a .env of the current folder.
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder),
                            "DATA_DIR": str(self.folder / "var"), **settings}
        self.process = None
        self.port = None

    def command(self, *arguments):
        done = subprocess.run([self.binary, *arguments], cwd=self.folder, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Failed(f"nexusrag {' '.join(arguments)} ended with {done.returncode}: "
                         f"{(done.stderr or done.stdout).strip()[-600:]}")
        return done.stdout

    def new_key(self, tenant):
        match = KEY.search(self.command("keys", "create", "--tenant", tenant, "--role", "admin", "--name", "bench"))
        if not match:
            raise Failed("nexusrag keys create printed no key")
        return match.group(0)

    def start(self, **settings):
        """Starts and waits for the first 200; returns the seconds from fork to answer."""
        self.port = free_port()
        with open(self.folder / "server.log", "ab") as log:
            began = time.perf_counter()
            self.process = subprocess.Popen([self.binary, "serve", "--listen", f"127.0.0.1:{self.port}"],
                                            cwd=self.folder, env={**self.environment, **settings},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.perf_counter() - began < 30:
            if self.answers():
                return time.perf_counter() - began
            if self.process.poll() is not None:
                break
            time.sleep(0.0005)
        tail = (self.folder / "server.log").read_text(errors="replace")[-800:]
        self.stop()
        raise Failed(f"the server did not answer; its log ends with:\n{tail}")

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as link:
                link.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return link.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self):
        """SIGTERM to this very process; returns its exit status."""
        process, self.process = self.process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return process.returncode

    def memory(self):
        """Resident memory in MB: all of it, the part that is not file pages, the highest so far."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        found = dict(re.findall(r"^(VmRSS|RssAnon|VmHWM):\s+(\d+) kB$", status, re.MULTILINE))
        return {"rss": int(found["VmRSS"]) / 1024, "anonymous": int(found.get("RssAnon", 0)) / 1024,
                "highest": int(found["VmHWM"]) / 1024}

    def cpu(self):
        """Seconds of CPU so far, by thread: {(id, name): (all, share of it that is user time)}."""
        times = {}
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                stat = (task / "stat").read_text()
                exact = (task / "schedstat").read_text().split()
            except OSError:
                continue  # the thread has ended meanwhile
            name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
            user, system = int(rest[11]), int(rest[12])
            # The sum is exact to the nanosecond; how it divides is only known in ticks.
            times[int(task.name), name] = (int(exact[0]) / 1e9, user / max(user + system, 1))
        return times

    def client(self, key):
        return Client(self.port, key)


class Client:
    """One keep-alive connection for set-up work; not for measuring latency."""

    def __init__(self, port, key):
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}"}

    def call(self, method, path, body=None, content_type="application/json"):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": content_type} if body is not None else self.headers
        self.link.request(method, path, body=body, headers=headers)
        answer = self.link.getresponse()
        content = answer.read()
        if answer.status // 100 != 2:
            raise Failed(f"{method} {path} answered {answer.status}: {content[:400].decode(errors='replace')}")
        return json.loads(content).get("data") if content else None

    def upload(self, corpus, name, text):
        """A file as browsers and curl send it."""
        line = "nexusragbenchboundary"
        body = (f"--{line}\r\nContent-Disposition: form-data; name=\"corpus_id\"\r\n\r\n{corpus}\r\n"
                f"--{line}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n"
                f"Content-Type: text/markdown\r\n\r\n{text}\r\n--{line}--\r\n")
        return self.call("POST", "/v1/documents", body.encode(), f"multipart/form-data; boundary={line}")
