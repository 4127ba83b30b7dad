# SPDX-License-Identifier: PostgreSQL
"""Killed processes and a killed host: failover, no earlier than is safe, and the old node comes back."""
import subprocess
import threading

import psycopg2
import pytest

from cluster import FenceWatch, field, find, processes, seconds, wait_until
from playground_lib.shape import PG_BIN


def keep_a_backend_busy(cluster, node):
    """A session that computes without end: it does not notice that the postmaster is gone."""
    connection = cluster.connect(node)
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]

    def run():
        try:
            with connection.cursor() as cursor:
                cursor.execute("set statement_timeout = 0")
                cursor.execute("do $$ begin loop perform 1; end loop; end $$")
        except psycopg2.Error:
            pass

    threading.Thread(target=run, daemon=True).start()
    query = (f"select count(*) from pg_stat_activity where pid = {pid} and state = 'active' "
             "and query like 'do %%'")
    wait_until("the busy backend", lambda: cluster.value(query, node) == 1)
    return pid


def assert_back(cluster, old, row):
    cluster.wait_healthy()
    assert cluster.primary() != old
    wait_until("the row on the old primary", lambda: row in cluster.rows(old))


@pytest.mark.parametrize("fault", ["kill-postmaster", "kill-postgres"])
def test_postgres_killed(cluster, fault):
    old, start = cluster.primary(), cluster.last_seq()
    cluster.write(f"before {fault}")
    busy = keep_a_backend_busy(cluster, old)
    watch = FenceWatch(cluster, old)
    assert busy in watch.pids
    struck = cluster.fault(fault, old)
    release = cluster.wait_event(start, kind="release", writer=old)
    fenced = watch.finish()
    cluster.write(f"after {fault}")
    assert field(release, "reason") == "postmaster_died"
    assert seconds(field(release, "detected_at")) <= struck + 1.0
    assert fenced <= seconds(release["at"])
    assert_back(cluster, old, f"after {fault}")
    assert f"before {fault}" in cluster.rows(cluster.primary())


def test_host_killed(cluster):
    """Nobody is left to release: the lease runs out first, and only then somebody is granted."""
    old, start = cluster.primary(), cluster.last_seq()
    cluster.write("before kill-host")
    cluster.fault("kill-host", old)
    cluster.write("after kill-host")
    events = cluster.events(start)
    revoke, grant = find(events, kind="revoke"), find(events, kind="grant")
    renewals = [e for e in cluster.events() if e["kind"] == "renew" and e["effective"]
                and e["writer"] == old and e["seq"] < revoke["seq"]]
    assert revoke["rule"] == "revoke-silent" and grant["rule"] == "elect-revoked"
    assert not find(events, kind="release")
    lease_seconds = cluster.describe()["lease_ttl_ms"] / 1000
    assert seconds(revoke["at"]) >= seconds(renewals[-1]["at"]) + lease_seconds
    assert seconds(grant["at"]) >= seconds(renewals[-1]["at"]) + lease_seconds
    assert not processes.node_pids(cluster.pg, old)
    cluster.fault("start", old)
    assert_back(cluster, old, "after kill-host")


def test_agent_restarted_under_load(cluster):
    """PostgreSQL goes on untouched: no term ends, no write fails."""
    old, term, start = cluster.primary(), cluster.describe()["term"], cluster.last_seq()
    cluster.write("load")
    postmaster = cluster.postmaster(old)
    agent = processes.agent_pid(cluster.pg, old)
    connection = cluster.connect(old)
    written = 0
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists load (n int)")
        cluster.fault("kill-agent", old)
        while not find(cluster.events(start), kind="hello", writer=old):
            for _ in range(20):
                cursor.execute("insert into load values (%s)", (written,))
                written += 1
        hello = find(cluster.events(start), kind="hello", writer=old)
        cluster.wait_event(hello["seq"], kind="renew", writer=old)
        cursor.execute("insert into load values (-1)")
        cursor.execute("select count(*) from load")
        assert cursor.fetchone()[0] == written + 1
        cursor.execute("drop table load")
    connection.close()
    assert processes.agent_pid(cluster.pg, old) != agent
    assert cluster.postmaster(old) == postmaster
    assert (cluster.primary(), cluster.describe()["term"]) == (old, term)
    assert not any(find(cluster.events(start), kind=k) for k in ("release", "revoke", "grant"))


def start_by_hand(cluster, node):
    """PostgreSQL as a person would start it, with what pgbaton has left in the data directory."""
    command = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups",
               f"{PG_BIN}/pg_ctl", "-D", cluster.data(node), "-w", "-l", "/dev/null", "start"]
    # Until the dead one has been reaped its lock file counts.
    wait_until("PostgreSQL to start by hand",
               lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0)
    return cluster.postmaster(node)


def test_postgres_started_by_hand(cluster):
    """It stands by, commits nothing when a person promotes it, and is replaced by the agent's own."""
    victim, leader, term = cluster.standbys()[0], cluster.primary(), cluster.describe()["term"]
    cluster.fault("kill-host", victim)
    stranger = start_by_hand(cluster, victim)
    assert cluster.value("select pg_is_in_recovery()", victim) is True
    assert cluster.value("select current_setting('pgbaton_fence.state')", victim) == "unguarded"
    session = cluster.connect(victim)
    cluster.sql("begin; select pg_promote(false); rollback", victim)
    wait_until("the refusal", lambda: "without pgbaton's guard" in refusal_of(session))
    session.close()
    cluster.fault("start", victim)
    cluster.wait_healthy()
    assert cluster.postmaster(victim) != stranger
    assert (cluster.primary(), cluster.describe()["term"]) == (leader, term)
    cluster.write("after a stranger")
    wait_until("the row on the node", lambda: "after a stranger" in cluster.rows(victim))


def refusal_of(session):
    """What a session is told that was there before the promotion: none is opened afterwards."""
    try:
        with session.cursor() as cursor:
            cursor.execute("create table stranger (n int)")
    except psycopg2.Error as error:
        assert error.pgcode == "25006", error
        return str(error)
    raise AssertionError("committed")
