# SPDX-License-Identifier: PostgreSQL
"""The log is not led beside the primary for long: a monitor asks the servers to elect another leader."""
import pathlib
import time

from cluster import wait_until
from nats_client import stream_state, wait_agreed

# The minute between two elections, and what a busy machine needs.
MOVE_S = 240.0


def requests(cluster):
    """Lines of the monitors that ask for another leader of the log."""
    logs = [pathlib.Path(cluster.pg.path(m["name"], "log")) for m in cluster.pg.members("monitors")]
    return [line for log in logs for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if "leads the log beside a primary" in line]


def test_the_logs_leader_moves_off_the_primarys_host(replicated):
    """The primary comes to where the log is led, and the log's leader goes away from there; once."""
    wait_agreed(replicated)
    server = stream_state(replicated)[0]
    node = server.replace("nats", "node")
    asked = len(requests(replicated))
    if replicated.primary() != node:
        replicated.pgbaton("switchover", "demo", "--to", node, "--wait")
    wait_until("another leader of the log", lambda: stream_state(replicated)[0] not in ("", server), MOVE_S)
    assert len(requests(replicated)) > asked and server in requests(replicated)[asked]
    wait_agreed(replicated)
    replicated.wait_healthy()
    now, count, term = stream_state(replicated)[0], len(requests(replicated)), replicated.describe()["term"]
    assert now != replicated.primary().replace("node", "nats")
    time.sleep(20)
    assert (stream_state(replicated)[0], len(requests(replicated))) == (now, count)
    assert (replicated.primary(), replicated.describe()["term"]) == (node, term)
