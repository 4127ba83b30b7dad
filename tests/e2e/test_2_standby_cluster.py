# SPDX-License-Identifier: PostgreSQL
"""A standby cluster: made from a remote primary, fed through a cascade, led by another node when its leader dies,
following the remote's own failover; and one day promoted. Until then nobody can write in it."""
import os
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

from cluster import PG_BIN, Cluster, field, find, wait_until
from conftest import verify
from playground_lib.shape import free_ports

PRIMARY, STANDBY = "127.0.0.2", "127.0.0.3"  # the remote cluster's nodes


def as_postgres(*words):
    user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    done = subprocess.run([*user, *words], cwd="/", text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"


class Remote:
    """Two bare PostgreSQLs, one a standby of the other, on the same port of two addresses."""

    def __init__(self, directory):
        self.port = free_ports(1)[0]
        self.directory = directory / "remote"
        self.directory.mkdir()
        os.chmod(self.directory, 0o777)
        as_postgres(f"{PG_BIN}/initdb", "-D", self.data(PRIMARY), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                    "--locale=C")
        with open(f"{self.data(PRIMARY)}/postgresql.conf", "a", encoding="utf-8") as f:
            f.write(f"port = {self.port}\nunix_socket_directories = ''\nmax_connections = 50\nwal_log_hints = on\n"
                    "listen_addresses = '127.0.0.2'\n")
        with open(f"{self.data(PRIMARY)}/pg_hba.conf", "a", encoding="utf-8") as f:
            f.write("host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n")
        self.start(PRIMARY)
        self.sql(PRIMARY, "create role replicator login replication")
        self.sql(PRIMARY, "select pg_create_physical_replication_slot('dr')")
        self.sql(PRIMARY, "create table story (line text primary key)")
        as_postgres(f"{PG_BIN}/pg_basebackup", "-D", self.data(STANDBY), "-h", PRIMARY, "-p", str(self.port), "-U",
                    "postgres", "-R", "-c", "fast")
        with open(f"{self.data(STANDBY)}/postgresql.auto.conf", "a", encoding="utf-8") as f:
            f.write("listen_addresses = '127.0.0.3'\n")
        self.start(STANDBY)

    def data(self, address):
        return str(self.directory / address)

    def start(self, address):
        as_postgres(f"{PG_BIN}/pg_ctl", "-D", self.data(address), "-l", f"{self.data(address)}.log", "-w", "start")

    def stop(self, address):
        if os.path.exists(f"{self.data(address)}/postmaster.pid"):
            as_postgres(f"{PG_BIN}/pg_ctl", "-D", self.data(address), "-m", "fast", "-w", "stop")

    def sql(self, address, statement, *arguments):
        connection = psycopg2.connect(host=address, port=self.port, dbname="postgres", user="postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, arguments)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def fail_over(self):
        """In order, so that nothing is lost."""
        self.stop(PRIMARY)
        self.sql(STANDBY, "select pg_promote()")
        self.sql(STANDBY, "select pg_create_physical_replication_slot('dr')")


@pytest.fixture
def remote(directory):
    made = Remote(directory)
    yield made
    for address in (STANDBY, PRIMARY):
        made.stop(address)
    subprocess.run(["rm", "-rf", str(made.directory)], check=True)


class Intruder(threading.Thread):
    """Tries to write on every node all the time."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.ended, self.tries, self.written = cluster, threading.Event(), 0, []
        self.start()

    def run(self):
        while not self.ended.is_set():
            for node in self.cluster.nodes:
                try:
                    self.cluster.sql("insert into story values (%s)", node, (f"by an intruder {self.tries}",))
                    self.written.append(node)
                except psycopg2.Error:
                    self.tries += 1
                time.sleep(0.01)

    def finish(self):
        self.ended.set()
        self.join(30)
        return self.written


@pytest.fixture
def standbys(directory, remote, request):
    request.node.lent = None
    where = f"standby_cluster={{host: '{PRIMARY},{STANDBY}', port: {remote.port}, primary_slot_name: dr}}"
    remote.sql(PRIMARY, "insert into story values ('before')")
    request.node.lent = Cluster(directory / "standbys", "--nodes", "3", "--set", where)
    yield request.node.lent
    request.node.lent.down()


def leader(cluster):
    return wait_until("a standby leader", lambda: cluster.role_of("standby_leader"))[0]


def arrives(cluster, remote, address, line):
    remote.sql(address, "insert into story values (%s)", line)
    for node in cluster.nodes:
        wait_until(f"the row '{line}' on {node}", lambda n=node: line in cluster.rows(n))


def test_standby_cluster_until_it_is_promoted(standbys, remote, directory, request):
    cluster = standbys
    first = leader(cluster)
    assert find(cluster.events(), kind="done", task="clone", writer=first)
    assert find(cluster.events(), kind="grant")["rule"] == "bootstrap"
    system_id = remote.sql(PRIMARY, "select system_identifier from pg_control_system()")[0][0]
    assert {cluster.system_id(n) for n in cluster.nodes} == {system_id}
    arrives(cluster, remote, PRIMARY, "through the cascade")
    assert remote.sql(PRIMARY, "select slot_name, active from pg_replication_slots") == [("dr", True)]
    streams = cluster.sql("select application_name from pg_stat_replication order by 1", first)
    assert [s[0] for s in streams] == [n for n in cluster.nodes if n != first]
    told = cluster.describe()
    assert told["standby_cluster"]["port"] == remote.port and told["synchronous"]["step"] == "none"
    wait_until("the host", lambda: cluster.describe()["standby_cluster"]["streams_from"] == PRIMARY)
    wait_until("the lag of each", lambda: None not in [n["lag_bytes"] for n in cluster.describe()["nodes"]])
    assert "Standby cluster of" in cluster.pgbaton("describe", "demo").stdout
    refused = cluster.pgbaton("switchover", "demo", check=False)
    assert refused.returncode == 1 and "is a standby cluster" in refused.stderr
    cluster.pgbaton("pause", "demo", "--wait")
    cluster.pgbaton("resume", "demo", "--wait")
    intruder = Intruder(cluster)

    # Another node takes over; nobody is promoted, nothing is rewound.
    start = cluster.last_seq()
    cluster.fault("kill-postgres", first)
    grant = cluster.wait_event(start, kind="grant")
    second = field(grant, "node")
    assert second != first
    cluster.wait_event(grant["seq"], kind="done", task="stream", writer=second)
    arrives(cluster, remote, PRIMARY, "after a failover")
    cluster.wait_healthy()
    assert leader(cluster) == second and cluster.role_of("secondary")

    # Neither its agent nor the log is needed for what it streams.
    cluster.fault("kill-agent", second)
    cluster.fault("kill-nats")
    arrives(cluster, remote, PRIMARY, "while the log is away")
    time.sleep(3.5)  # longer than a lease
    arrives(cluster, remote, PRIMARY, "while it is still away")
    cluster.fault("start-nats")
    cluster.wait_healthy()
    # It holds off as long after the log's return as a monitor waits for it: another may be granted the term.
    returned = cluster.last_seq()
    wait_until("a leader that renews", lambda: find(cluster.events(returned), kind="renew"))
    cluster.wait_healthy()
    second = leader(cluster)
    first = next(n for n in cluster.nodes if n != second)

    # The remote has a failover of its own: a new timeline, which all follow.
    remote.fail_over()
    arrives(cluster, remote, STANDBY, "after the remote's failover")
    cluster.wait_healthy()
    wait_until("the other host", lambda: cluster.describe()["standby_cluster"]["streams_from"] == STANDBY)
    wait_until("the remote's timeline", lambda: {n["timeline"] for n in cluster.describe()["nodes"]} == {2})

    # Somebody promotes a node by hand: it cannot commit, is killed, and comes back as a standby.
    start = cluster.last_seq()
    cluster.sql("select pg_promote(false)", first)
    cluster.wait_event(start, kind="done", task="rewind", writer=first)
    arrives(cluster, remote, STANDBY, "after a promotion by hand")
    cluster.wait_healthy()
    assert intruder.finish() == [] and intruder.tries > 100
    assert not find(cluster.events(), kind="done", task="first_write")
    assert not find(cluster.events(), kind="done", task="promote")

    # Promoted: its leader opens a timeline of its own, and is what the others follow and commits wait for.
    done = cluster.pgbaton("promote", "demo", "--wait")
    assert "Done" in done.stdout
    assert cluster.primary() == second
    cluster.write("ours")
    cluster.wait_healthy()
    assert cluster.describe()["standby_cluster"] is None
    remote.sql(STANDBY, "insert into story values ('theirs')")
    for node in cluster.nodes:
        wait_until("the row", lambda n=node: "ours" in cluster.rows(n))
        assert "theirs" not in cluster.rows(node)
    refused = cluster.pgbaton("promote", "demo", check=False)
    assert refused.returncode == 1 and "no standby cluster" in refused.stderr
    cluster.pgbaton("switchover", "demo", "--wait")
    cluster.wait_healthy()
    verify(cluster, directory, request.node.name)
