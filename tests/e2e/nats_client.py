# SPDX-License-Identifier: PostgreSQL
"""A NATS client of forty lines: enough to publish what no honest program would, and to fetch records."""
import base64
import json
import socket


class Nats:
    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), timeout=5)
        self.lines = self.socket.makefile("rb")
        assert self.lines.readline().startswith(b"INFO")
        self.send(b'CONNECT {"verbose":false,"pedantic":false,"name":"test"}\r\n')
        self.send(b"SUB inbox.test 1\r\n")
        self.flush()

    def send(self, data):
        self.socket.sendall(data)

    def flush(self):
        """Returns when the server has taken everything that was sent."""
        self.send(b"PING\r\n")
        while self.lines.readline().strip() != b"PONG":
            pass

    def publish(self, subject, data, reply=""):
        self.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")

    def request(self, subject, data=b""):
        self.publish(subject, data, "inbox.test")
        while True:
            words = self.lines.readline().split()
            if words and words[0] == b"MSG":
                return self.lines.read(int(words[-1]) + 2)[:-2]

    def append(self, subject, data):
        """Publishes to the stream and waits for its acknowledgement; returns the sequence number."""
        answer = json.loads(self.request(subject, data))
        return answer["seq"]

    def stored(self, seq):
        """(subject, payload) of a stored record."""
        answer = json.loads(self.request("$JS.API.STREAM.MSG.GET.PGBATON",
                                         json.dumps({"seq": seq}).encode()))
        message = answer["message"]
        return message["subject"], base64.b64decode(message.get("data", ""))

    def close(self):
        self.lines.close()
        self.socket.close()
