# SPDX-License-Identifier: PostgreSQL
"""NATS is away: the leader goes on while every node that could follow it promises not to, and no longer."""
import shutil
import socket
import subprocess
import time

import pytest

from cluster import field, find, wait_until
from load import LATE, Load, acknowledged
from nats_client import stream_state, wait_agreed

# Several leases: 3 s each, by default.
AWAY_S = 9.0


def make_certificate(directory):
    """One for all nodes, signed by itself: what it takes for an agent to be believed by another."""
    names = ",".join(f"DNS:node-{n}" for n in (1, 2, 3))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", directory / "agents.key", "-out", directory / "agents.crt", "-days", "2",
                    "-subj", "/CN=agents", "-addext", f"subjectAltName={names}"], check=True, capture_output=True)
    shutil.chown(directory / "agents.key", "postgres")


@pytest.fixture(scope="module")
def keeper(keep_cluster, directory):
    """Its agents speak TLS with each other; those of the other playgrounds here do not."""
    make_certificate(directory)
    extra = directory / "tls.yaml"
    extra.write_text(f"tls:\n  certificate: {directory}/agents.crt\n  key: {directory}/agents.key\n"
                     f"  ca: {directory}/agents.crt\n", encoding="utf-8")
    yield from keep_cluster("failsafe", "--monitors", "2", "--agent", str(extra))


@pytest.fixture
def load(keeper, directory, request):
    for cluster in keeper.lend(directory, request):
        with Load(cluster) as running:
            yield running


@pytest.fixture
def pair(keep_cluster, directory, request):
    """Commits wait for nobody."""
    for keeper in keep_cluster("pair", "--nodes", "2", "--set", "synchronous=off"):
        yield from keeper.lend(directory, request)


@pytest.fixture
def replicated_load(replicated):
    with Load(replicated) as running:
        yield running


def named_by_the_leader(cluster):
    """Whom the last effective renewal names."""
    renewals = [e for e in cluster.events() if e["kind"] == "renew" and e["effective"]]
    return field(renewals[-1], "electable")


def wait_named(cluster, names):
    wait_until(f"the leader to name {names}", lambda: sorted(named_by_the_leader(cluster)) == sorted(names))


def log_returns(load, servers="all"):
    load.fault("start-nats", servers)
    load.cluster.wait_healthy()


def assert_speaks_tls_only(cluster, node):
    member = cluster.pg.member("nodes", node)
    with socket.create_connection((member["address"], member["agent_port"]), timeout=30) as plain:
        plain.sendall(b"whoever reaches the port\n")
        assert plain.recv(100)[:1] in (b"", b"\x15"), "anything but the end or an alert"


def test_log_is_away(load):
    """All servers are dead for some leases: no client notices."""
    wait_named(load.cluster, load.cluster.standbys())
    assert_speaks_tls_only(load.cluster, load.old)
    load.fault("kill-nats", "all")
    time.sleep(AWAY_S)
    log_returns(load)
    load.outlast_lease()
    verdict = load.assert_no_change()
    print(f"longest gap of a client: {verdict.longest_gap('outside') * 1000:.0f} ms")
    assert "by promises of the nodes that could follow it" in load.cluster.agent_log(load.old)


def test_log_is_away_and_a_standby_was_dead_before(load):
    """It was not named any more, and is not asked."""
    lost, other = load.cluster.standbys()
    load.fault("kill-host", lost)
    wait_named(load.cluster, [other])
    load.fault("kill-nats", "all")
    time.sleep(AWAY_S)
    load.fault("start-nats", "all")
    load.fault("start", lost)
    load.assert_no_change()


def test_log_is_away_and_a_standby_becomes_unreachable(load):
    """It could have been granted the next term: the leader stops in time, and nobody else writes."""
    pids = load.cluster.postgres_pids(load.old)
    lost, _ = load.cluster.standbys()
    wait_named(load.cluster, load.cluster.standbys())
    load.fault("kill-nats", "all")
    time.sleep(AWAY_S)
    before = time.monotonic()
    load.fault("kill-host", lost)
    struck = time.monotonic()
    load.wait_dead(pids)
    dead = time.monotonic()
    load.fault("start-nats", "all")
    load.fault("start", lost)
    verdict = load.verdict()
    last = max(w.end for w in acknowledged(verdict, load.old) if w.end < dead)
    assert before < last < struck + load.lease_seconds() + LATE


def test_log_is_away_and_the_primary_dies(load):
    """Nobody is promoted before the log is back; then one is, soon."""
    wait_named(load.cluster, load.cluster.standbys())
    load.fault("kill-nats", "all")
    time.sleep(5)
    load.fault("kill-host", load.old)
    time.sleep(5)
    back = time.monotonic()
    load.fault("start-nats", "all")
    load.wait_grant()
    print(f"writable {time.monotonic() - back:.1f} s after the log's return")
    load.fault("start", load.old)
    load.assert_one_change()


def unasked(events):
    """Who could lead, if the last leader would ask them for a promise."""
    return [c["node"] for e in events if e["kind"] == "no_candidate" and e["effective"]
            for c in field(e, "candidates") if c["verdict"] == "not_asked"]


def test_node_that_is_not_named_is_not_granted(pair):
    """A node comes back when the leader is away, which had not named it: it may live on, for all that is known."""
    cluster, old, start = pair, pair.primary(), pair.last_seq()
    (lost,) = cluster.standbys()
    cluster.fault("kill-host", lost)
    wait_named(cluster, [])
    cluster.fault("kill-host", old)
    cluster.fault("start", lost)
    wait_until("the verdict on who came back", lambda: lost in unasked(cluster.events(start)))
    assert "must wait: the last leader may live on promises" in cluster.pgbaton("describe", "demo").stdout
    assert not find(cluster.events(start), kind="grant")
    cluster.fault("start", old)
    cluster.wait_healthy()


def test_stream_leader_dies(replicated_load):
    """Three servers elect for seconds; the PostgreSQL client notices nothing."""
    load = replicated_load
    wait_named(load.cluster, load.cluster.standbys())
    for _ in range(2):
        leader = stream_state(load.cluster)[0]
        load.fault("kill-nats", leader)
        wait_until("another leader of the stream", lambda: stream_state(load.cluster)[0] not in ("", leader))
        load.fault("start-nats", leader)
        wait_agreed(load.cluster)
    verdict = load.assert_no_change()
    print(f"longest gap of a client: {verdict.longest_gap('outside') * 1000:.0f} ms")


def test_all_three_servers_are_restarted(replicated_load):
    load = replicated_load
    wait_named(load.cluster, load.cluster.standbys())
    load.fault("kill-nats", "all")
    time.sleep(1)
    log_returns(load)
    verdict = load.assert_no_change()
    print(f"longest gap of a client: {verdict.longest_gap('outside') * 1000:.0f} ms")
