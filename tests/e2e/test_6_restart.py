# SPDX-License-Identifier: PostgreSQL
"""Restarts that an operator asks for: of a standby, of a leader in place, and of all, one after the other."""
import contextlib
import json
import pathlib
import signal
import subprocess

import pytest

from cluster import field, find, in_namespace, seconds, wait_until
from load import Load, strange


@pytest.fixture(scope="module")
def own(keep_cluster):
    yield from keep_cluster("restarts", "--set", "primary_start_timeout=20s")


@pytest.fixture
def cluster(own, directory, request):
    yield from own.lend(directory, request)


def restart(cluster, *words, check=True):
    done = cluster.pgbaton("restart", "demo", *words, "--wait", "--yes", check=check)
    print(done.stdout + done.stderr)
    return done


def began(cluster, nodes=None):
    """When each PostgreSQL was started."""
    return {n: cluster.value("select pg_postmaster_start_time()", n) for n in nodes or cluster.nodes}


@contextlib.contextmanager
def broken_settings(cluster, node, line="ssl = on\nssl_cert_file = 'nowhere.crt'"):
    """What runs goes on with them, and what is started ends: no look at them finds anything wrong."""
    path = pathlib.Path(cluster.data(node)) / "postgresql.conf"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def end_of(cluster, start, kind="done"):
    return find(cluster.events(start), kind=kind, task="restart")


def test_each_alone(cluster):
    """A standby, which commits do not wait for meanwhile; then the leader in place, while clients write."""
    leader, standby = cluster.primary(), cluster.standbys()[0]
    with Load(cluster) as load:
        before = began(cluster)
        dry = cluster.pgbaton("restart", "demo", leader, "--dry-run")
        assert "leads" in dry.stdout and began(cluster) == before
        restart(cluster, standby)
        stopped = find(load.events(), kind="probe", writer=standby, state="stopping")
        left = [e for e in load.events() if e["kind"] == "sync_set" and standby not in field(e, "waits")]
        assert left and left[0]["seq"] < stopped["seq"], "it stopped while commits counted on it"
        assert field(end_of(cluster, load.start), "directive_seq") == find(load.events(), kind="order")["seq"]
        restart(cluster, leader)
        after = began(cluster)
        verdict = load.verdict()
    assert {n for n in cluster.nodes if after[n] != before[n]} == {leader, standby}
    assert not load.changes() and cluster.primary() == leader
    assert not verdict.lost and not strange(verdict), strange(verdict)
    told = next(e for e in load.events() if e.get("restart"))
    assert told["restart"]["reason"] == "requested"
    down = find(load.events()[:], kind="done", task="first_write")
    print(f"outage: {1000 * verdict.longest_gap('outside'):.0f} ms, of which in the log "
          f"{1000 * (seconds(down['at']) - seconds(told['at'])):.0f} ms")


def test_all_with_one_switchover(cluster):
    """While clients write: each PostgreSQL is started anew, the leader changes once, nothing is lost."""
    old, before = cluster.primary(), began(cluster)
    with Load(cluster) as load:
        done = restart(cluster)
        assert "3 nodes are restarted" in done.stdout
        after = began(cluster)
        verdict = load.assert_one_change()
    assert all(after[n] != before[n] for n in cluster.nodes)
    assert not verdict.lost and cluster.primary() != old
    assert find(load.events(), kind="grant")["rule"] == "elect-switchover"
    assert not find(load.events(), kind="directive") and not find(load.events(), kind="failed")
    asked = [field(e, "request") for e in load.events() if e["kind"] == "request"]
    assert asked == ["restart", "restart", "switchover"]
    assert not strange(verdict), strange(verdict)
    print(f"outage: {1000 * verdict.longest_gap('outside'):.0f} ms")


def test_broken_off(cluster):
    """Ctrl-C in the middle leaves a whole cluster, which nobody needs to mend."""
    leader, start = cluster.primary(), cluster.last_seq()
    words = ["pgbaton", "restart", "demo", "--yes"]
    # What starts the tests in the background may have it ignored.
    tool = subprocess.Popen([*in_namespace(cluster.pg.hub()), *words], env=cluster.env, stdout=subprocess.PIPE,
                            text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while "is to restart its PostgreSQL" not in tool.stdout.readline():
        assert tool.poll() is None
    tool.send_signal(signal.SIGINT)
    tool.stdout.read()
    assert tool.wait() == -signal.SIGINT
    cluster.wait_event(start, kind="done", task="restart")
    cluster.wait_healthy()
    asked = [e for e in cluster.events(start) if e["kind"] == "request"]
    assert len(asked) == 1 and cluster.primary() == leader
    one = json.loads(cluster.pgbaton("restart", "demo", field(asked[0], "node"), "--wait", "--yes", "-o", "json").stdout)
    assert one["outcome"] == "done" and one["node"] == field(asked[0], "node")


def test_standby_that_cannot_start(cluster):
    """It is named, the others serve, and it is back when its settings are mended."""
    leader, (standby, other) = cluster.primary(), cluster.standbys()
    start = cluster.last_seq()
    with broken_settings(cluster, standby):
        done = restart(cluster, check=False)
        assert done.returncode == 1 and f"restart of {standby} failed: PostgreSQL did not start: FATAL: " in done.stderr
        assert "nowhere.crt" in done.stderr
        assert f"Restarted: none; not: {standby}, {other}, {leader}" in done.stderr
        cluster.write("while it is down")
        refused = restart(cluster, standby, check=False)
        assert refused.returncode == 1 and "does not run" in refused.stderr
    assert field(end_of(cluster, start, "failed"), "reason") == "start_failed"
    cluster.wait_healthy()
    assert cluster.primary() == leader and not find(cluster.events(start), kind="grant")


def test_leader_that_cannot_start(cluster):
    """After primary_start_timeout another leads; and while the cluster is paused nobody would."""
    leader, start = cluster.primary(), cluster.last_seq()
    cluster.write("before")
    with broken_settings(cluster, leader):
        done = restart(cluster, leader, check=False)
        assert done.returncode == 1 and "could not be restarted in place in time: FATAL: " in done.stderr
        grant = cluster.wait_event(start, kind="grant")
        assert field(grant, "node") != leader
        release = find(cluster.events(start), kind="release")
        told = next(e for e in cluster.events(start) if e.get("restart"))
        assert field(release, "reason") == "restart_timeout"
        assert seconds(grant["at"]) - seconds(told["at"]) > 5
    cluster.wait_healthy()
    assert "before" in cluster.rows(cluster.primary())


def node_of(cluster, name):
    return [n for n in cluster.describe()["nodes"] if n["name"] == name][0]


def test_only_what_waits_for_it(cluster):
    """The leader first, in place, when it lowers what standbys need as much of; none whose files are wrong."""
    leader, (standby, other) = cluster.primary(), cluster.standbys()
    assert "No parameter of demo waits" in restart(cluster, "--pending").stdout
    before = began(cluster)
    files = {n: pathlib.Path(cluster.data(n), "postgresql.auto.conf") for n in (leader, standby)}
    saved = {n: path.read_text(encoding="utf-8") for n, path in files.items()}
    with broken_settings(cluster, standby, "work_mem = much"):
        for n, path in files.items():
            path.write_text(saved[n] + "max_locks_per_transaction = 50\n", encoding="utf-8")
            cluster.sql("select pg_reload_conf()", n)
        wait_until("what waits", lambda: all(node_of(cluster, n)["pending_restart"] for n in files))
        wait_until("what is refused", lambda: node_of(cluster, standby)["refused_parameters"])
        refused = restart(cluster, "--pending", check=False)
        assert refused.returncode == 1 and "does not take work_mem" in refused.stderr
    wait_until("the mended file", lambda: not node_of(cluster, standby)["refused_parameters"])
    plan = cluster.pgbaton("restart", "demo", "--pending", "--dry-run").stdout
    assert f"1. {leader}, the leader, in place" in plan and f"2. {standby}" in plan and other not in plan
    assert "2 nodes are restarted" in restart(cluster, "--pending").stdout
    after = began(cluster)
    assert {n for n in cluster.nodes if after[n] != before[n]} == {leader, standby}
    assert cluster.primary() == leader
    assert cluster.value("show max_locks_per_transaction", leader) == "50"
    for n, path in files.items():
        path.write_text(saved[n], encoding="utf-8")
        cluster.sql("select pg_reload_conf()", n)


def test_paused(cluster):
    """An operator's word counts while nothing happens by itself; the lease has an end meanwhile."""
    leader, standby = cluster.primary(), cluster.standbys()[0]
    cluster.pgbaton("pause", "demo", "--wait")
    before, start = began(cluster), cluster.last_seq()
    restart(cluster, leader)
    restart(cluster, standby)
    wait_until("the lease to be lifted again", lambda: cluster.describe()["lease_lifted"])
    after = began(cluster)
    assert {n for n in cluster.nodes if after[n] != before[n]} == {leader, standby}
    assert not find(cluster.events(start), kind="grant")
    cluster.pgbaton("resume", "demo", "--wait")
