# SPDX-License-Identifier: PostgreSQL
"""A NATS client of forty lines: enough to publish what no honest program would, and to fetch records."""
import base64
import json
import socket

from cluster import inside, wait_until

# Until three servers agree again.
SETTLE_S = 300.0


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


def ask(cluster, subject):
    """The API's answer, by whichever server is there."""
    for server in cluster.pg.members("nats"):
        try:
            with inside(cluster.pg.hub()):
                client = Nats(server["address"], server["port"])
        except OSError:
            continue
        try:
            return json.loads(client.request(subject))
        finally:
            client.close()
    raise OSError("no server answers")


def stream_state(cluster):
    """(leader, replicas that are up to date) of the log's stream; an error while it has no leader."""
    said = ask(cluster, "$JS.API.STREAM.INFO.PGBATON")["cluster"]
    return said["leader"], len([r for r in said["replicas"] if r["current"]])


def wait_agreed(cluster):
    """A NATS server that is back may unseat the stream's leader seconds later, and their election takes up
    to a minute or so on a busy machine: none of it may reach into the next test."""
    seen = []

    def is_settled():
        try:
            now = stream_state(cluster)
        except (OSError, KeyError, ValueError):
            now = None
        if now is None or now[1] != 2 or seen[-1:] != [now]:
            seen.clear()
        seen.append(now)
        return len(seen) >= 16

    wait_until("servers that agree on the log", is_settled, SETTLE_S, pause=0.5)
