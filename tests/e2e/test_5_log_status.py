# SPDX-License-Identifier: PostgreSQL
"""`pgbaton log status` with three servers, while they go away one after the other and come back."""
import json

import pytest

from cluster import wait_until


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("log-status", "--nats", "3", "--nodes", "2")


@pytest.fixture
def watched(keeper, directory, request):
    yield from keeper.lend(directory, request)


def status(cluster):
    done = cluster.pgbaton("log", "status", "-o", "json", check=False)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == (found["health"] == "writable"), done
    return found


def wait_status(cluster, health):
    def reached():
        found = status(cluster)
        return found if found["health"] == health else None

    return wait_until(f"a log that is {health}", reached)


def names(found, replicas_current):
    stream = found["stream"]
    return {r["server"] for r in stream["replicas"] if r["current"] is replicas_current}


def test_servers_go_away(watched):
    servers = {f"nats-{i}" for i in (1, 2, 3)}
    found = wait_status(watched, "writable")
    leader = found["stream"]["leader"]
    wait_until("current replicas", lambda: names(status(watched), True) == servers - {leader})
    (cluster,) = found["clusters"]
    assert cluster["leader"] == watched.primary() and cluster["log_lost"] is None
    assert {a["node"] for a in cluster["agents"] if a["heard"] and a["heard_ms"] < 10000} == set(watched.nodes)
    reached = max(e["seq"] for e in watched.events())
    wait_until("agents that have read it", lambda: all(
        a.get("read_seq", 0) >= reached for a in status(watched)["clusters"][0]["agents"]))
    assert [(m["monitor"], m["heard"]) for m in found["monitors"]] == [("monitor-1", True)]
    first, second = sorted(servers - {leader})

    watched.fault("kill-nats", first)
    wait_until("a replica that is away", lambda: names(status(watched), False) == {first})
    found = status(watched)
    assert "a majority" in found["waits_for"] and [s["reached"] for s in found["servers"]].count(True) == 2

    watched.fault("kill-nats", second)
    found = wait_status(watched, "unreadable")
    assert "1 of the 3 servers" in found["waits_for"]
    assert "promises between the agents" in found["waits_for"] and "start the servers" in found["can_do"]

    watched.fault("kill-nats", leader)
    assert wait_status(watched, "unreachable")["agents_heard"] == []

    for server in sorted(servers):
        watched.fault("start-nats", server)
    wait_status(watched, "writable")
    watched.wait_healthy()
