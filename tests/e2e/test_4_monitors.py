# SPDX-License-Identifier: PostgreSQL
"""Monitors that die in the middle of a failover, and two that decide at once."""
import os
import signal

from cluster import field, find, processes, wait_until
from nats_client import Nats


def assert_failed_over(cluster, old, start, row):
    """The row is written when the old primary is known to be dead: it would take it until then."""
    cluster.wait_event(start, kind="grant")
    cluster.write(row)
    cluster.wait_healthy()
    assert cluster.primary() != old
    assert len([e for e in cluster.events(start) if e["kind"] == "grant" and e["effective"]]) == 1
    wait_until("the row on the old primary", lambda: row in cluster.rows(old))


def test_monitor_is_away_before_the_release(cluster):
    old, start = cluster.primary(), cluster.last_seq()
    cluster.fault("kill-monitor")
    cluster.fault("rm-data", old)
    cluster.wait_event(start, kind="release", writer=old)
    assert not find(cluster.events(start), kind="grant")
    cluster.fault("start-monitor")
    assert_failed_over(cluster, old, start, "monitor away before release")


def test_monitor_dies_after_the_release(cluster):
    """It hears nothing of the release, or cannot act on it, before it dies: it is stopped meanwhile."""
    old, start = cluster.primary(), cluster.last_seq()
    os.kill(processes.recorded_pid(cluster.pg, "monitor-1"), signal.SIGSTOP)
    cluster.fault("rm-data", old)
    cluster.wait_event(start, kind="release", writer=old)
    cluster.fault("kill-monitor")
    cluster.fault("start-monitor")
    assert_failed_over(cluster, old, start, "monitor dies after release")


def test_monitor_restarts_while_the_primary_dies(cluster):
    old, start = cluster.primary(), cluster.last_seq()
    cluster.fault("kill-monitor")
    cluster.fault("start-monitor")
    cluster.fault("kill-postmaster", old)
    assert_failed_over(cluster, old, start, "monitor restarts meanwhile")


def test_monitor_dies_after_the_grant(cluster):
    """The grant is in the log: the grantee needs no monitor to become writable."""
    old, start = cluster.primary(), cluster.last_seq()
    monitor = processes.recorded_pid(cluster.pg, "monitor-1")
    server = cluster.pg.members("nats")[0]
    nats = Nats(server["address"], server["port"])
    nats.send(b"SUB pgbaton-feed.demo.decision 2\r\n")
    nats.flush()
    cluster.fault("rm-data", old)
    while not nats.lines.readline().startswith((b"MSG pgbaton-feed", b"HMSG pgbaton-feed")):
        pass
    os.kill(monitor, signal.SIGKILL)
    nats.close()
    cluster.wait_event(start, kind="grant")
    cluster.write("written without a monitor")
    assert processes.recorded_pid(cluster.pg, "monitor-1") is None
    cluster.fault("start-monitor")
    assert_failed_over(cluster, old, start, "monitor dies after grant")


def test_two_monitors_never_both_win(monitored):
    for number in range(3):
        old, start = monitored.primary(), monitored.last_seq()
        monitored.fault("rm-data" if number % 2 else "kill-postgres", old)
        assert_failed_over(monitored, old, start, f"two monitors {number}")
    grants = [e for e in monitored.events() if e["kind"] == "grant"]
    assert [field(e, "term") for e in grants if e["effective"]] == list(range(1, 5))
    assert all(e["void_reason"] for e in grants if not e["effective"])


def test_one_of_two_monitors_is_enough(monitored):
    for dead in monitored.pg.names("monitors"):
        old, start = monitored.primary(), monitored.last_seq()
        monitored.fault("kill-monitor", dead)
        monitored.fault("kill-postmaster", old)
        monitored.wait_event(start, kind="grant")
        monitored.fault("start-monitor", dead)
        assert_failed_over(monitored, old, start, f"with {dead} again")
