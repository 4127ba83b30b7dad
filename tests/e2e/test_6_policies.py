# SPDX-License-Identifier: PostgreSQL
"""switch_policy and crash_policy row by row, and what a failover may lose: from the decisions in the log."""
import contextlib
import os
import signal
import time

import pytest

from cluster import field, find, seconds, wait_until
from load import lsn
from playground_lib import processes

OPTIONS = {
    "available": ["--set", "maximum_lag_on_failover=2MB"],
    "restart": ["--set", "crash_policy=restart", "--set", "primary_start_timeout=3s"],
    "protection": ["--set", "switch_policy=MaximumDataProtection"],
    "noop": ["--set", "switch_policy=Noop"],
    "waited": ["--set", "switch_policy=MaximumDataProtection", "--set", "synchronous=quorum"],
}


@pytest.fixture(scope="module", params=OPTIONS)
def keeper(request, keep_cluster):
    """One after the other: pytest keeps a module's parameter for all of its tests."""
    yield from keep_cluster(request.param, "--nodes", "2", "--set", "synchronous=off", *OPTIONS[request.param])


@pytest.fixture
def cluster(keeper, directory, request):
    yield from keeper.lend(directory, request)


def only(*policies):
    return pytest.mark.parametrize("keeper", policies, indirect=True, scope="module")


# ---- leaders that fall, standbys that lag ----

def wal_sender(cluster, node):
    return cluster.value("select pid from pg_stat_replication where state = 'streaming'", node)


@contextlib.contextmanager
def lagging(cluster, leader, megabytes):
    """The standby gets nothing more of what the leader commits and says, in lines, at which place."""
    cluster.write("before")
    pid = wait_until("a WAL sender", lambda: wal_sender(cluster, leader))
    processes.stop(pid)
    try:
        cluster.sql(f"insert into filling select repeat('x', 1000) from generate_series(1, {megabytes * 1000})",
                    leader)
        wait_until("the log to know where the leader is",
                   lambda: behind(cluster, leader) >= megabytes * 1000000)
        yield
    finally:
        processes.send(pid, signal.SIGCONT)


def behind(cluster, leader):
    """Of the leader's renewals, what the standby lacks."""
    here = lsn(cluster.value("select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text",
                             other(cluster, leader)))
    renewals = [e for e in cluster.events() if e["kind"] == "renew" and e["writer"] == leader]
    return lsn(renewals[-1]["position"]["lsn"]) - here


def other(cluster, node):
    return next(n for n in cluster.nodes if n != node)


def crash(cluster, leader):
    cluster.fault("kill-postgres", leader)


def vanish(cluster, leader):
    cluster.fault("kill-host", leader)


def back(cluster, leader):
    cluster.fault("start", leader)


def begin(cluster):
    """Who leads, and where the log ends."""
    cluster.write_when_possible("create table if not exists filling (line text)")
    cluster.write("begin")
    leader, since = cluster.primary(), cluster.last_seq()
    # Its agent knows that the standby streams when it has looked again: two renewals later.
    wait_until("the leader to look", lambda: len([e for e in cluster.events(since) if e["kind"] == "renew"
                                                  and e["writer"] == leader]) >= 2)
    return leader, cluster.last_seq()


def assert_restarted(cluster, start, leader):
    """In place: the same term and timeline, begun by a renewal, ended by a write, and no decision."""
    done = cluster.wait_event(start, kind="done", task="first_write")
    events = [e for e in cluster.events(start) if e["seq"] <= done["seq"]]
    begun = next(e for e in events if e.get("restart"))
    assert done["writer"] == begun["writer"] == leader and begun["effective"]
    assert begun["kind"] == "renew" and begun["state"] == "starting"
    assert begun["restart"]["reason"] == "postmaster_died"
    assert not [e for e in events if e["kind"] in ("release", "revoke", "grant", "no_candidate")]
    cluster.write(f"after {start}")
    described = cluster.describe()
    assert described["restart"]["going_on"] is False
    assert "restarted PostgreSQL in place (postmaster died)" in cluster.pgbaton("describe", "demo").stdout
    return begun


def wait_grant(cluster, start, node):
    grant = cluster.wait_event(start, kind="grant")
    assert field(grant, "node") == node
    return grant


def assert_waits(cluster, waiting, text):
    described = wait_until(f"a cluster that waits for {waiting}", lambda: (
        lambda d: d if d.get("waiting_for") == waiting else None)(cluster.describe()))
    assert text in described["reason"]
    assert text in cluster.pgbaton("describe", "demo").stdout
    return described


# ---- MaximumAvailability, crash_policy failover ----

@only("available")
def test_available_crash(cluster):
    """A standby that lacks nothing takes over; what may be lost is said all the same."""
    leader, start = begin(cluster)
    crash(cluster, leader)
    grant = wait_grant(cluster, start, other(cluster, leader))
    assert grant["rule"] == "elect-released" and not grant["loss_known"] and grant["leader_position_at"]
    assert "may lose" in cluster.pgbaton("describe", "demo").stdout
    assert cluster.rows(field(grant, "node")) >= {"begin"}


@only("available")
def test_available_vanished(cluster):
    leader, start = begin(cluster)
    vanish(cluster, leader)
    grant = wait_grant(cluster, start, other(cluster, leader))
    assert grant["rule"] == "elect-revoked" and not grant["loss_known"]
    back(cluster, leader)


@only("available")
def test_available_crash_too_far_behind(cluster):
    """Further than maximum_lag_on_failover: nobody could take over, and the leader goes on."""
    leader, start = begin(cluster)
    with lagging(cluster, leader, 4):
        crash(cluster, leader)
        assert_restarted(cluster, start, leader)


@only("available")
def test_available_vanished_too_far_behind(cluster):
    """Nobody is promoted until the old leader comes back: it has everything, and the other may get that from it
    before the election."""
    leader, start = begin(cluster)
    with lagging(cluster, leader, 4):
        vanish(cluster, leader)
    verdict = cluster.wait_event(start, kind="no_candidate")
    assert {c["node"]: c["verdict"] for c in verdict["candidates"]}[other(cluster, leader)] == "lag"
    assert_waits(cluster, "candidate", "maximum_lag_on_failover")
    back(cluster, leader)
    grant = cluster.wait_event(start, kind="grant")
    assert grant["loss_known"] and grant["loss_bytes"] == 0 or grant["loss_bytes"] < 1000000
    wait_until("what was written", lambda: "before" in cluster.rows(field(grant, "node")))


@only("available")
@pytest.mark.parametrize("fall", [crash, vanish])
def test_available_loses_what_it_said(cluster, fall):
    """Within the bound a standby that lags takes over. Of what was acknowledged nothing is lost but what the
    grant says: up to the position that it names, and what was written after the time that it names."""
    leader, start = begin(cluster)
    cluster.write_when_possible("create table if not exists lines (line text, number serial)")
    said = []
    connection = cluster.connect(leader)
    with lagging(cluster, leader, 1), connection.cursor() as cursor:
        for number in range(60):
            cursor.execute("insert into lines values (%s)", (f"{start} {number}",))
            said_at = time.time()
            cursor.execute("select pg_current_wal_lsn()")
            said.append((f"{start} {number}", said_at, lsn(cursor.fetchone()[0])))
        fall(cluster, leader)
    node = other(cluster, leader)
    grant = wait_grant(cluster, start, node)
    assert grant["loss_bytes"] > 1000000 and not grant["loss_known"]
    here, there = lsn(grant["position"]["lsn"]), lsn(grant["leader_position"]["lsn"])
    assert there - here == grant["loss_bytes"]
    wait_until("the new leader", lambda: cluster.primary() == node)
    if fall is vanish:
        back(cluster, leader)
    kept = {r[0] for r in cluster.sql("select line from lines", node)}
    lost = [(line, when, place) for line, when, place in said if line not in kept]
    assert lost, "nothing was lost: this test shows nothing"
    assert all(here < place for _, _, place in lost)
    known_until = seconds(grant["leader_position_at"])
    for line, when, place in lost:
        assert place <= there or when >= known_until, f"{line} was lost, and nobody said so"


# ---- crash_policy restart ----

@only("restart")
def test_restart_crash(cluster):
    leader, start = begin(cluster)
    timeline = cluster.timeline(leader)
    crash(cluster, leader)
    assert_restarted(cluster, start, leader)
    assert cluster.timeline(leader) == timeline and "begin" in cluster.rows(leader)


@only("restart")
def test_restart_only_the_postmaster(cluster):
    """Its backends live on, and could commit: they are dead before PostgreSQL starts again."""
    leader, start = begin(cluster)
    session = cluster.connect(leader)
    old = set(cluster.postgres_pids(leader))
    cluster.fault("kill-postmaster", leader)
    assert_restarted(cluster, start, leader)
    assert not old & set(cluster.postgres_pids(leader))
    session.close()


@only("restart")
def test_restart_takes_too_long(cluster):
    """What cannot start within primary_start_timeout is given up, and followed."""
    leader, start = begin(cluster)
    needed = cluster.data(leader) + "/global/pg_filenode.map"
    hidden = needed + ".hidden"
    os.rename(needed, hidden)
    crash(cluster, leader)
    release = cluster.wait_event(start, kind="release")
    os.rename(hidden, needed)
    assert field(release, "reason") == "restart_timeout"
    begun = next(e for e in cluster.events(start) if e.get("restart"))
    assert seconds(release["at"]) - seconds(begun["at"]) > 2.5
    wait_grant(cluster, start, other(cluster, leader))


# ---- MaximumDataProtection ----

@only("protection")
def test_protection_crash(cluster):
    """Nobody is proven to miss nothing: the leader goes on, in place."""
    leader, start = begin(cluster)
    crash(cluster, leader)
    assert_restarted(cluster, start, leader)


@only("protection")
def test_protection_vanished(cluster):
    """Nobody is promoted, and the reason says what for; the old leader leads again when it is back."""
    leader, start = begin(cluster)
    vanish(cluster, leader)
    verdict = cluster.wait_event(start, kind="no_candidate")
    assert {c["node"]: c["verdict"] for c in verdict["candidates"]}[other(cluster, leader)] == "unproven"
    assert_waits(cluster, "proof", "MaximumDataProtection")
    back(cluster, leader)
    grant = wait_grant(cluster, start, leader)
    assert grant["loss_known"] and "begin" in cluster.rows(leader)


@only("protection")
def test_protection_stopped(cluster):
    """A leader that stops in order says where its WAL ends: who has all of it is proven."""
    leader, start = begin(cluster)
    processes.send(processes.guard_pid(cluster.pg, leader), signal.SIGTERM)
    grant = wait_grant(cluster, start, other(cluster, leader))
    assert grant["loss_known"] and grant["loss_bytes"] == 0 and grant["rule"] == "elect-released"
    wait_until("the new leader", lambda: cluster.primary() == other(cluster, leader))
    assert "nothing is lost" in cluster.pgbaton("describe", "demo").stdout
    # The playground starts what ends by itself.


@only("protection")
def test_protection_operator(cluster):
    """A person may accept what nobody can prove, and has to say so."""
    leader, start = begin(cluster)
    vanish(cluster, leader)
    cluster.wait_event(start, kind="no_candidate")
    refused = cluster.pgbaton("failover", "demo", "--to", other(cluster, leader), check=False)
    assert refused.returncode == 1 and "--accept-loss" in refused.stderr
    cluster.pgbaton("failover", "demo", "--to", other(cluster, leader), "--accept-loss")
    assert wait_grant(cluster, start, other(cluster, leader))["rule"] == "elect-requested"
    back(cluster, leader)


@only("waited")
@pytest.mark.parametrize("fall", [crash, vanish])
def test_protection_with_commits_that_waited(cluster, fall):
    """The standby for which they waited is proven to miss none of them: it takes over."""
    leader, start = begin(cluster)
    fall(cluster, leader)
    grant = wait_grant(cluster, start, other(cluster, leader))
    assert grant["rule"] == ("elect-released" if fall is crash else "elect-revoked")
    wait_until("the new leader", lambda: cluster.primary() == other(cluster, leader))
    assert "no acknowledged commit is lost" in cluster.pgbaton("describe", "demo").stdout
    assert "begin" in cluster.rows(other(cluster, leader))
    if fall is vanish:
        back(cluster, leader)


# ---- Noop ----

@only("noop")
def test_noop_crash(cluster):
    leader, start = begin(cluster)
    crash(cluster, leader)
    assert_restarted(cluster, start, leader)


@only("noop")
def test_noop_vanished(cluster):
    """What would have been done is recorded; the old leader leads again when it is back."""
    leader, start = begin(cluster)
    vanish(cluster, leader)
    would = cluster.wait_event(start, kind="no_candidate", rule="policy-noop")
    assert field(would, "node") == other(cluster, leader) and field(would, "reason") == "policy"
    described = assert_waits(cluster, "policy", f"would have promoted {other(cluster, leader)}")
    assert described["would_promote"] == other(cluster, leader)
    back(cluster, leader)
    grant = wait_grant(cluster, start, leader)
    assert grant["loss_known"] and "begin" in cluster.rows(leader)


@only("noop")
def test_noop_operator(cluster):
    """Whoever is asked for is promoted."""
    leader, start = begin(cluster)
    vanish(cluster, leader)
    cluster.wait_event(start, kind="no_candidate", rule="policy-noop")
    cluster.pgbaton("failover", "demo", "--to", other(cluster, leader))
    assert wait_grant(cluster, start, other(cluster, leader))["rule"] == "elect-requested"
    back(cluster, leader)


@only("noop", "protection", "restart", "available")
def test_switchover(cluster):
    """A leader that is up is followed by a node that has all of its WAL, under every policy."""
    leader, start = begin(cluster)
    assert "Done:" in cluster.pgbaton("switchover", "demo", "--wait").stdout
    grant = wait_grant(cluster, start, other(cluster, leader))
    assert grant["rule"] == "elect-switchover" and grant["loss_known"] and grant["loss_bytes"] == 0
