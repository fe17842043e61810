# SPDX-License-Identifier: Apache-2.0
"""A peer of the libprocess wire: actors "id@ip:port" that post each other one-way messages."""

import http.server
import queue
import socket
import threading

from cluster import DEADLINE_S


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        """A message for one of the peer's actors."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sender = self.headers["Libprocess-From"]
        assert self.headers["User-Agent"] == f"libprocess/{sender}"
        _, actor, name = self.path.split("/")
        self.server.inbox(sender.split("@")[0], actor).put((name, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing is logged: what is wrong fails a test."""


class Peer(http.server.ThreadingHTTPServer):
    """One address with any actors."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.inboxes = {}
        self.connections = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def inbox(self, sender, actor):
        """The queue of the messages from one actor to another: between them the order holds."""
        with self.lock:
            return self.inboxes.setdefault((sender, actor), queue.Queue())

    def pid(self, actor):
        return f"{actor}@127.0.0.1:{self.server_port}"

    def send(self, actor, address, target, name, body):
        """Post as libprocess does, on a connection that is kept; returns the head of the answer."""
        if address not in self.connections:
            host, port = address.split(":")
            self.connections[address] = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
        head = [f"POST /{target}/{name} HTTP/1.1", f"User-Agent: libprocess/{self.pid(actor)}",
                f"Libprocess-From: {self.pid(actor)}", "Connection: Keep-Alive", "Host: "]
        content = b""
        if body:  # of an empty one Mesos says nothing
            head.append("Transfer-Encoding: chunked")
            content = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        self.connections[address].sendall("\r\n".join([*head, "", ""]).encode() + content)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            piece = self.connections[address].recv(1)
            assert piece, f"{name} was not answered"
            answer += piece
        return answer.decode().split("\r\n")

    def forget(self, address):
        """The daemon there has ended."""
        self.connections.pop(address).close()

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.shutdown()
        self.server_close()
