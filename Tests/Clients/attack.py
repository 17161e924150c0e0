"""What attackers have: sockets that say anything, signatures made with any part of them wrong, and a look at what they
leave behind in the server."""

import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import socket
import struct
import time
import urllib.parse

from conftest import wait_until

LIST = "/2015-03-31/functions/"
NOW = datetime.timedelta()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.code = headers.get("x-amzn-errortype", "").split(":")[0]

    @property
    def message(self):
        document = json.loads(self.body)
        return document.get("message", document.get("Message"))

    def __repr__(self):
        return f"{self.status} {self.code} {self.body[:300]!r}"


class Line:
    """One connection, which says exactly what it is told."""

    def __init__(self, server, timeout=30):
        address = urllib.parse.urlparse(server.endpoint)
        self.socket = socket.create_connection((address.hostname, address.port), timeout)
        self.bytes = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def fill(self):
        """Reads on; false at the end of the connection."""
        try:
            part = self.socket.recv(65536)
        except ConnectionResetError:
            part = b""
        self.bytes += part
        return bool(part)

    def answer(self, method="GET"):
        """The next whole answer; None when the connection ends before."""
        while b"\r\n\r\n" not in self.bytes:
            if not self.fill():
                assert not self.bytes, self.bytes
                return None
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.[01] \d{3} .*", lines[0]), lines
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        length = 0 if method == "HEAD" or status < 200 else int(headers.get("content-length", 0))
        while len(self.bytes) < length:
            assert self.fill(), f"an answer of {length} bytes has {len(self.bytes)}"
        body, self.bytes = self.bytes[:length], self.bytes[length:]
        return Answer(status, headers, body)

    def answers(self, method="GET"):
        """All that come until the server ends the connection."""
        found = []
        while (answer := self.answer(method)) is not None:
            found.append(answer)
        return found

    def is_over(self):
        """Waits for the server to end the connection, without another answer."""
        while self.fill():
            pass
        return not self.bytes

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection so that neither side remembers it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def say(server, data, method="GET"):
    """What a connection answers to these bytes until it ends. Half of it is closed, so that it ends in any case."""
    with Line(server) as line:
        line.send(data)
        line.socket.shutdown(socket.SHUT_WR)
        return line.answers(method)


class Signed:
    """A request as a client would sign it. Everything may be changed before it is signed, and after."""

    def __init__(self, server, method="GET", path=LIST, query="", body=b"", headers=(), signed=None, **scope):
        self.host = urllib.parse.urlparse(server.endpoint).netloc
        self.key, self.secret = server.credentials["access_key_id"], server.credentials["secret_access_key"]
        self.method, self.path, self.query, self.body = method, path, query, body
        self.time = datetime.datetime.now(datetime.timezone.utc) + scope.pop("age", NOW)
        self.stamp = self.time.strftime("%Y%m%dT%H%M%SZ")
        self.headers = [("Host", self.host), ("X-Amz-Date", self.stamp), *headers]
        self.day, self.region, self.service = self.stamp[:8], "us-east-1", "lambda"
        self.terminator, self.algorithm, self.payload = "aws4_request", "AWS4-HMAC-SHA256", None
        for name, value in scope.items():
            setattr(self, name, value)
        self.signed = signed or sorted({name.lower() for name, _ in self.headers})

    @property
    def scope(self):
        return f"{self.day}/{self.region}/{self.service}/{self.terminator}"

    def canonical(self):
        path = urllib.parse.quote(self.path, safe="/-_.~")
        pairs = sorted((urllib.parse.quote(name, safe="-_.~"), urllib.parse.quote(value, safe="-_.~"))
                       for name, value in urllib.parse.parse_qsl(self.query, keep_blank_values=True) if name != "X-Amz-Signature")
        query = "&".join(f"{name}={value}" for name, value in pairs)
        lines = [f"{name}:" + ",".join(" ".join(value.split()) for other, value in self.headers if other.lower() == name)
                 for name in self.signed]
        payload = self.payload or hashlib.sha256(self.body).hexdigest()
        return "\n".join([self.method, path, query, *lines, "", ";".join(self.signed), payload])

    def signature(self):
        key = ("AWS4" + self.secret).encode()
        for part in (self.day, self.region, self.service, self.terminator):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        digest = hashlib.sha256(self.canonical().encode()).hexdigest()
        text = f"{self.algorithm}\n{self.stamp}\n{self.scope}\n{digest}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def sign(self):
        value = (f"{self.algorithm} Credential={self.key}/{self.scope}, SignedHeaders={';'.join(self.signed)}, "
                 f"Signature={self.signature()}")
        self.headers.append(("Authorization", value))
        return self

    def presign(self, expires=60, **more):
        """Moves all of it into the query."""
        self.headers = [(name, value) for name, value in self.headers if name.lower() != "x-amz-date"]
        self.signed = sorted({name.lower() for name, _ in self.headers})
        parameters = {"X-Amz-Algorithm": self.algorithm, "X-Amz-Credential": f"{self.key}/{self.scope}", "X-Amz-Date": self.stamp,
                      "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": ";".join(self.signed), **more}
        own = urllib.parse.urlencode({name: value for name, value in parameters.items() if value is not None})
        self.query = f"{self.query}&{own}" if self.query else own
        self.query += f"&X-Amz-Signature={self.signature()}"
        return self

    def replace(self, name, value):
        self.headers = [(other, value if other.lower() == name.lower() else old) for other, old in self.headers]
        return self

    def bytes(self, framing=None):
        target = self.path + (f"?{self.query}" if self.query else "")
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if framing is None and (self.body or self.method in ("POST", "PUT")):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, *(framing or []), "", ""]).encode("latin-1") + self.body

    def send(self, server):
        with Line(server) as line:
            return line.send(self.bytes()).answer(self.method)


class Traces:
    """What a server holds, before and after: descriptors, threads, memory."""

    def __init__(self, server):
        self.server = server
        self.before = self.now()

    def now(self):
        process = pathlib.Path(f"/proc/{self.server.process.pid}")
        fields = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        return {"descriptors": len(os.listdir(process / "fd")), "threads": int(fields["Threads"]),
                "memory": int(fields["VmRSS"].split()[0]) // 1024}

    def are_gone(self, memory=64, threads=8, descriptors=16):
        """Waits until the server holds what it held, or little more: the allocator keeps some memory (MiB), the store a few
        readers and environments theirs. What is looked for is left once for each of hundreds of attempts."""
        def gone():
            now = self.now()
            return (now["descriptors"] <= self.before["descriptors"] + descriptors and now["threads"] <= self.before["threads"] + threads
                    and now["memory"] <= self.before["memory"] + memory)

        try:
            wait_until(gone, 60, "the end of all traces")
        except AssertionError:
            raise AssertionError(f"before {self.before}, now {self.now()}") from None
        assert Signed(self.server).sign().send(self.server).status == 200


def eventually(condition, seconds=60, what="the condition"):
    return wait_until(condition, seconds, what)


def minutes(count):
    return datetime.timedelta(minutes=count)


def monotonic():
    return time.monotonic()
