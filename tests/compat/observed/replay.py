# SPDX-License-Identifier: Apache-2.0
"""Comparing what our daemons answer with what Apache Mesos 1.11 was seen to answer.

What was seen is kept as templates: JSON in which "<string>", "<int>", "<float>" and "<bool>" stand for values that differ
from run to run, {"<each>": template} for an object whose members are alike but have other names, and {"<list>": template}
for an array of any length."""

import gzip
import json
import pathlib
import re
import socket

from cluster import DEADLINE_S

HERE = pathlib.Path(__file__).parent
LEAVES = {"<string>": str, "<int>": int, "<float>": float, "<bool>": bool}


def facts(name):
    """The lines of a file beside this one, each a JSON object."""
    return [json.loads(line) for line in (HERE / name).read_text().splitlines()]


def mismatches(template, value, path=""):
    """Yield (path, what is wrong) for each place where value is not as the template says."""
    if isinstance(template, str) and template in LEAVES:
        if type(value) is not LEAVES[template]:
            yield path, f"expected {template}, found {value!r}"
    elif isinstance(template, dict) and isinstance(value, dict):
        each = template.get("<each>")
        for key in [k for k in template if k not in value and each is None]:
            yield f"{path}.{key}", "missing"
        for key in value:
            if each is None and key not in template:
                yield f"{path}.{key}", f"unexpected: {value[key]!r}"
            else:
                yield from mismatches(each if each is not None else template[key], value[key], f"{path}.{key}")
    elif isinstance(template, dict) and "<list>" in template and isinstance(value, list):
        for number, element in enumerate(value):
            yield from mismatches(template["<list>"], element, f"{path}[{number}]")
    elif isinstance(template, list) and isinstance(value, list):
        if len(template) != len(value):
            yield path, f"expected {len(template)} elements, found {len(value)}: {value!r}"
        for number, (inner, element) in enumerate(zip(template, value)):
            yield from mismatches(inner, element, f"{path}[{number}]")
    elif type(template) is not type(value) or template != value:
        yield path, f"expected {template!r}, found {value!r}"


class Answer:
    """An HTTP answer taken apart."""

    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = dict(line.split(": ", 1) for line in lines[1:])
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = b"".join(chunks(self.body))
        if self.headers.get("Content-Encoding") == "gzip":
            self.body = gzip.decompress(self.body)

    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        text = re.sub(r"^[\w.]+\((.*)\)$", r"\1", self.text(), flags=re.DOTALL)
        return json.loads(text)


def chunks(body):
    while body:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return
        yield body[:int(size, 16)]
        body = body[int(size, 16) + 2:]


def exchange(address, request):
    """Send bytes, and read until the peer closes: requests ask it to."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as peer:
        peer.sendall(request)
        raw = b""
        while piece := peer.recv(65536):
            raw += piece
    return Answer(raw)


def build_request(line, headers, body):
    fields = {"Host": "127.0.0.1", **headers, "Connection": "close"}
    if body or line.startswith("POST"):
        fields["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body


def post(address, path, body, **headers):
    """POST JSON; header names are written with underscores."""
    fields = {"Content-Type": "application/json", "Accept": "application/json",
              **{name.replace("_", "-"): value for name, value in headers.items()}}
    return exchange(address, build_request(f"POST {path}", fields, json.dumps(body).encode()))


class Stream:
    """A subscription: the head of the answer, then its records one by one."""

    def __init__(self, address, path, call, headers=None):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
        body = json.dumps(call).encode()
        fields = {"Content-Type": "application/json", **({"Accept": "application/json"} if headers is None else headers)}
        self.socket.sendall(build_request(f"POST {path}", fields, body).replace(b"Connection: close\r\n", b""))
        self.received = b""
        head = self.take(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = dict(line.split(": ", 1) for line in head[1:])
        self.content = b""

    def take(self, end):
        """What comes before end, which is dropped."""
        while end not in self.received:
            piece = self.socket.recv(65536)
            assert piece, f"the stream broke off: {self.received!r}"
            self.received += piece
        taken, _, self.received = self.received.partition(end)
        return taken

    def chunk(self):
        """The next chunk; b"" at the end of the stream."""
        size = int(self.take(b"\r\n"), 16)
        while len(self.received) < size + 2:
            self.received += self.socket.recv(65536)
        content, self.received = self.received[:size], self.received[size + 2:]
        return content

    def record(self):
        """The bytes of the next record, or None at the end."""
        while b"\n" not in self.content:
            content = self.chunk()
            if not content:
                return None
            self.content += content
        size, _, rest = self.content.partition(b"\n")
        while len(rest) < int(size):
            rest += self.chunk()
        self.content = rest[int(size):]
        return rest[:int(size)]

    def event(self, *kinds):
        """The next event, of one of the kinds if any are given, or None at the end."""
        while (record := self.record()) is not None:
            event = json.loads(record)
            if not kinds or event["type"] in kinds:
                return event
        return None

    def close(self):
        self.socket.close()
