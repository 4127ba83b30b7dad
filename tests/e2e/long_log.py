# SPDX-License-Identifier: PostgreSQL
"""A long log without its cluster: a beginning, and renewals of its leader, on a nats-server of its own."""
import json
import os
import pathlib
import socket
import subprocess
import time

from nats_client import Nats

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PGBATON_BUILD", ROOT / "build"))
BATCH = 2000


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def blob(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def renewal(i, wall_us):
    """As codec_encode() writes it: node-2, its second term, one more position each second. It has read all but the
    last few records: more than there are no honest writer has."""
    position = number(1, 2) + number(2, 0x8000000 + i * 64)
    body = number(1, 2) + number(2, 3000) + number(3, 30 + i) + number(4, 6) + blob(5, position)
    return (number(1, 3) + blob(2, b"demo") + blob(3, b"node-2") + number(4, 100) + number(5, 1000 + i)
            + number(6, wall_us + i * 1_000_000) + blob(17, body))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_server(directory, port):
    server = subprocess.Popen(["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", directory],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            nats = Nats("127.0.0.1", port)
            nats.socket.settimeout(600)
            return server, nats
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("nats-server does not start")


def create_stream(nats):
    """As a monitor makes it."""
    config = {"name": "PGBATON", "subjects": ["pgbaton.>"], "storage": "file", "num_replicas": 1,
              "retention": "limits", "discard": "old", "max_age": 0, "duplicate_window": 120_000_000_000,
              "republish": {"src": "pgbaton.>", "dest": "pgbaton-feed.>"}}
    answer = json.loads(nats.request("$JS.API.STREAM.CREATE.PGBATON", json.dumps(config).encode()))
    assert "error" not in answer, answer


def begin(url):
    """A cluster of three has failed over: node-2 leads term 2."""
    subprocess.run([BUILD / "tests" / "cli" / "history", url], check=True)


def fill(nats, count, start=0):
    """Renewals start to count behind what begin() has written; seen_seq need not be exact."""
    wall_us = int(time.time() * 1e6) - count * 1_000_000
    for first in range(start, count, BATCH):
        lines = []
        for i in range(first, min(first + BATCH, count)):
            data = renewal(i, wall_us)
            lines.append(b"PUB pgbaton.demo.lock.node-2 %d\r\n%s\r\n" % (len(data), data))
        nats.send(b"".join(lines))
        nats.flush()
        while state_of(nats)["last_seq"] < first - 20 * BATCH:
            time.sleep(0.01)
    while state_of(nats)["last_seq"] < count:
        time.sleep(0.1)


def state_of(nats):
    """The stream's; zeros while there is none."""
    info = json.loads(nats.request("$JS.API.STREAM.INFO.PGBATON"))
    return info.get("state", {"first_seq": 0, "last_seq": 0})


def snapshot_seq(nats):
    """Of the newest; 0: there is none."""
    question = json.dumps({"last_by_subj": "pgbaton.demo.snapshot"}).encode()
    answer = json.loads(nats.request("$JS.API.STREAM.MSG.GET.PGBATON", question))
    return answer.get("message", {}).get("seq", 0)


class Monitor:
    """Runs from entering to leaving; knows when it had read the log."""

    def __init__(self, url, *words):
        self.words = [BUILD / "monitor" / "pgbaton-monitor", "--nats", url, *words]

    def __enter__(self):
        self.begun = time.monotonic()
        self.process = subprocess.Popen(self.words, stderr=subprocess.PIPE, text=True)
        self.line = next(line for line in self.process.stderr if "read to its end" in line)
        self.seconds = time.monotonic() - self.begun
        return self

    def __exit__(self, *reason):
        self.process.terminate()
        self.process.communicate()
