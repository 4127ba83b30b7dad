# SPDX-License-Identifier: PostgreSQL
"""Maintenance of a running cluster: nothing happens by itself while it is paused."""
import time

from cluster import field, find, wait_until
from load import Load


def node_of(cluster, name):
    return [n for n in cluster.describe()["nodes"] if n["name"] == name][0]


def test_paused_leader_outlasts_agent_monitor_and_log(cluster):
    """What ends every other leader's writes within a lease is nothing to one whose lease is lifted."""
    old = cluster.primary()
    with Load(cluster) as load:
        cluster.pgbaton("pause", "demo", "--wait")
        paused = cluster.describe()
        assert paused["paused"]["by"] and paused["lease_lifted"]
        assert "Paused since" in cluster.pgbaton("describe", "demo").stdout
        cluster.fault("kill-monitor")
        cluster.fault("kill-nats")
        cluster.fault("kill-agent", old)
        load.fault_time = time.monotonic()
        time.sleep(paused["lease_ttl_ms"] / 1000 + 2.0)
        cluster.fault("start-nats")
        cluster.fault("start-monitor")
        wait_until("the log", lambda: cluster.describe()["lease_lifted"])
        done = cluster.pgbaton("resume", "demo", "--wait")
        assert "Done." in done.stdout
        load.assert_no_change()
    state = cluster.describe()
    assert state["paused"] is None and not state["lease_lifted"]
    assert cluster.pgbaton("resume", "demo", check=False).returncode == 1


def test_paused_primary_is_mended_after_the_resume(cluster):
    """Its PostgreSQL is killed, and nobody takes over; neither is a standby started again."""
    old, start, ttl_s = cluster.primary(), cluster.last_seq(), cluster.describe()["lease_ttl_ms"] / 1000
    standby = cluster.standbys()[0]
    cluster.pgbaton("pause", "demo", "--wait")
    cluster.fault("kill-postgres", old)
    cluster.fault("kill-postgres", standby)
    cluster.wait_event(start, kind="probe", writer=old, state="stopped")
    cluster.wait_event(start, kind="probe", writer=standby, state="stopped")
    time.sleep(ttl_s + 2.0)
    for kind in ("grant", "revoke", "release", "directive"):
        assert not find(cluster.events(start), kind=kind)
    assert not cluster.postgres_pids(old) and not cluster.postgres_pids(standby)
    asked = cluster.pgbaton("failover", "demo", "--to", cluster.nodes[-1], check=False)
    assert asked.returncode == 1 and "holds term" in asked.stderr
    cluster.pgbaton("resume", "demo")
    cluster.write("after the pause")
    cluster.wait_healthy()
    order = find(cluster.events(start), kind="order", request="resume")
    mended = cluster.events(order["seq"])
    assert find(mended, kind="grant") or find(mended, kind="done", task="first_write")


def slots(cluster):
    return {row[0] for row in cluster.sql("select slot_name from pg_replication_slots")}


def test_removed_node_is_forgotten_and_may_return(cluster):
    gone = cluster.standbys()[0]
    start, count = cluster.last_seq(), len(slots(cluster))
    asked = cluster.pgbaton("node", "remove", "demo", gone, check=False)
    assert asked.returncode == 1 and "answers" in asked.stderr
    asked = cluster.pgbaton("node", "remove", "demo", cluster.primary(), check=False)
    assert asked.returncode == 1 and "leads" in asked.stderr
    cluster.fault("kill-host", gone)
    wait_until("the removal", lambda: cluster.pgbaton("node", "remove", "demo", gone, check=False).returncode == 0)
    assert gone not in [n["name"] for n in cluster.describe()["nodes"]]
    wait_until("the slot to go", lambda: len(slots(cluster)) == count - 1)
    cluster.fault("start", gone)
    cluster.wait_healthy()
    wait_until("its slot", lambda: len(slots(cluster)) == count)
    assert field(find(cluster.events(start), kind="order", request="remove", reason="none"), "node") == gone
    assert not find(cluster.events(start), kind="grant")
