# SPDX-License-Identifier: PostgreSQL
"""Ways to begin: options of initdb and post_init; a backup, whole and up to a point in time; and a primary
with its standbys, made by hand, that is taken over while it runs."""
import os
import subprocess

import psycopg2
import pytest

from cluster import PG_BIN, Cluster, field, find, wait_until
from conftest import verify

SEGMENT = "bootstrap:\n  initdb: [data-checksums, 'encoding: UTF8', locale: C, wal-segsize: 32]\n"


def as_postgres(*words, environment=()):
    """Runs a program as PostgreSQL's user; what it prints."""
    user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    done = subprocess.run([*user, *words], env={**os.environ, **dict(environment)}, cwd="/", text=True,
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def playground(directory, request):
    """Makes clusters of a test's own; those that it does not drop itself show what they said if it fails."""
    made = []

    def make(name, *options, agent=""):
        path = directory / f"{name}.yaml"
        path.write_text(agent, encoding="utf-8")
        request.node.lent = None
        request.node.lent = Cluster(directory / name, "--agent", str(path), *options)
        made.append(request.node.lent)
        return request.node.lent

    yield make
    for cluster in made:
        if os.path.exists(cluster.pg.path("playground.json")):
            cluster.down()


def finish(cluster, directory, name):
    """Its log is replayed."""
    verify(cluster, directory, name)
    cluster.down()


def told(cluster, task):
    """The sequence number with which a task has ended well."""
    done = find(cluster.events(), kind="done", task=task)
    assert done, f"no done({task})"
    return done["seq"]


# ---- initdb and post_init ----------------------------------------------------------------------


@pytest.fixture
def own_directory(directory):
    """Where PostgreSQL's user may write."""
    path = directory / "own"
    path.mkdir()
    os.chmod(path, 0o777)
    yield path
    subprocess.run(["rm", "-rf", str(path)], check=True)


def test_initdb_options_and_post_init(playground, directory, own_directory):
    """post_init fails once, is tried again, and runs to its end once; the other node copies what it made.
    WAL segments of 32 MB go through a switchover, a failover and a new copy."""
    script = own_directory / "script"
    script.write_text(f"""#!/bin/sh
echo run >>{own_directory}/runs
test "$(wc -l <{own_directory}/runs)" -gt 1 || {{ echo no patience >&2; exit 3; }}
exec psql -qXd "$1" -v ON_ERROR_STOP=1 -c 'create table made (by text)' -c "insert into made values ('post_init')"
""", encoding="utf-8")
    script.chmod(0o755)
    cluster = playground("initdb", "--nodes", "2", agent=SEGMENT + f"  post_init: {script}\n")
    failed = find(cluster.events(), kind="failed", task="post_init")
    assert "no patience" in field(failed, "text")
    assert told(cluster, "initdb") < failed["seq"] < told(cluster, "post_init") < told(cluster, "first_write")
    assert (own_directory / "runs").read_text(encoding="utf-8") == "run\n" * 2
    for node in cluster.nodes:
        assert cluster.sql("select * from made", node) == [("post_init",)]
    row = cluster.sql("select current_setting('wal_segment_size'), current_setting('data_checksums'),"
                      " (select datcollate from pg_database where datname = 'postgres')")
    assert row == [("32MB", "on", "C")]
    cluster.write("one")
    cluster.pgbaton("switchover", "demo", "--wait")
    cluster.write("two")
    cluster.wait_healthy()
    old = cluster.primary()
    cluster.fault("kill-postmaster", old)
    cluster.write("three")
    cluster.wait_healthy()
    cluster.fault("rm-data", cluster.standbys()[0])
    wait_until("a new copy", lambda: find(cluster.events(), kind="done", task="basebackup",
                                          writer=cluster.standbys()[0]))
    cluster.wait_healthy()
    for node in cluster.nodes:
        wait_until("all rows", lambda n=node: cluster.rows(n) == {"one", "two", "three"})
    finish(cluster, directory, "initdb")


# ---- a backup ----------------------------------------------------------------------------------


def write_backup_conf(path, cluster):
    node = cluster.pg.member("nodes", "node-1")
    path.write_text(f"""[global]
repo1-path={path.parent}/repository
log-path={path.parent}
lock-path={path.parent}/lock
spool-path={path.parent}/spool
log-level-file=off
start-fast=y
[demo]
pg1-path={cluster.data('node-1')}
pg1-port={node['port']}
pg1-socket-path={cluster.data('node-1')}.pgbaton
pg1-user=postgres
""", encoding="utf-8")


def restored(command):
    return (f"bootstrap:\n  method: restore\n  restore:\n    command: \"{command}\"\n"
            "  post_init: psql -qXc 'create table after_restore ()'\n")


def lines(cluster, node):
    return {r[0] for r in cluster.sql("select line from story", node)}


def assert_restored(cluster, system_id, wanted):
    """The system of the backup, on a timeline of its own; every node has the rows and no recovery target."""
    assert told(cluster, "restore") < told(cluster, "post_init") < told(cluster, "first_write")
    assert not find(cluster.events(), task="initdb")
    for node in cluster.nodes:
        wait_until("the rows", lambda n=node: lines(cluster, n) == wanted)
        assert cluster.system_id(node) == system_id
        assert cluster.value("select count(*) from pg_class where relname = 'after_restore'", node) == 1
        left = ("select name, setting from pg_settings where setting <> '' and (name = 'restore_command' or name"
                " in ('recovery_target_time', 'recovery_target_lsn', 'recovery_target_name'))")
        assert cluster.sql(left, node) == []
    assert cluster.timeline(cluster.primary()) > 1


def test_restore_and_point_in_time(playground, directory, own_directory):
    """pgBackRest: a backup, then rows that only the archive has, then one that must not come back."""
    conf = own_directory / "pgbackrest.conf"
    backrest = f"pgbackrest --config={conf} --stanza=demo"
    source = playground("source", "--nodes", "1", "--parameter", "archive_mode=on", "--parameter",
                        f"archive_command={backrest} archive-push %p")
    write_backup_conf(conf, source)
    source.write("before the backup")
    as_postgres(*backrest.split(), "stanza-create")
    as_postgres(*backrest.split(), "--type=full", "backup")
    source.write("wanted")
    source.sql("select pg_sleep(1.1)")  # a backup's end is known by the second
    target = source.value("select clock_timestamp()::text")
    source.sql("select pg_sleep(0.1)")
    source.write("unwanted")
    system_id = source.system_id("node-1")
    segment = source.value("select pg_walfile_name(pg_switch_wal())")
    wait_until("the archive", lambda: source.value("select coalesce(last_archived_wal, '') from pg_stat_archiver") >= segment)
    finish(source, directory, "source")
    command = f"{backrest} --pg1-path=$PGDATA restore"
    cluster = playground("whole", "--nodes", "1", agent=restored(command))
    assert_restored(cluster, system_id, {"before the backup", "wanted", "unwanted"})
    finish(cluster, directory, "whole")
    command = f"{backrest} --pg1-path=$PGDATA --type=time --target='{target}' restore"
    cluster = playground("point", "--nodes", "2", agent=restored(command))
    assert_restored(cluster, system_id, {"before the backup", "wanted"})
    assert find(cluster.events(), kind="done", task="basebackup")
    old = cluster.primary()
    cluster.fault("kill-postgres", old)
    cluster.write("goes on")
    cluster.wait_healthy()
    assert lines(cluster, old) == {"before the backup", "wanted", "goes on"}
    finish(cluster, directory, "point")


# ---- what runs already -------------------------------------------------------------------------


def start_by_hand(cluster, node):
    home, port = cluster.pg.path(node), cluster.pg.member("nodes", node)["port"]
    with open(f"{home}/data/postgresql.conf", "a", encoding="utf-8") as f:
        f.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{home}'\n"
                "work_mem = '7MB'\nmax_connections = 50\n")
    as_postgres(f"{PG_BIN}/pg_ctl", "-D", f"{home}/data", "-l", f"{home}/by-hand.log", "-w", "start")


def make_by_hand(cluster):
    """A primary and two standbys, as the manual says; what ALTER SYSTEM left behind would stop a standby."""
    first, *others = cluster.nodes
    as_postgres(f"{PG_BIN}/initdb", "-D", cluster.data(first), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--locale=C")
    start_by_hand(cluster, first)
    cluster.sql("create table story (line text primary key)", first)
    cluster.sql("insert into story values ('by hand')", first)
    cluster.sql("alter system set recovery_target_time = '2001-01-01 00:00:00+00'", first)
    port = cluster.pg.member("nodes", first)["port"]
    for node in others:
        as_postgres(f"{PG_BIN}/pg_basebackup", "-D", cluster.data(node), "-h", "127.0.0.1", "-p", str(port), "-U",
                    "postgres", "-R", "-c", "fast")
        with open(f"{cluster.data(node)}/postgresql.auto.conf", encoding="utf-8") as f:
            lines_left = [line for line in f if "recovery_target" not in line]
        with open(f"{cluster.data(node)}/postgresql.auto.conf", "w", encoding="utf-8") as f:
            f.writelines(lines_left)
        start_by_hand(cluster, node)
    wait_until("two standbys", lambda: cluster.value("select count(*) from pg_stat_replication", first) == 2)


def test_running_primary_and_standbys_are_taken_over(playground, directory):
    """A standby's agent comes first and is granted nothing: its primary serves. Nobody copies anything. Then
    somebody promotes a standby by hand, and it comes back by itself."""
    cluster = playground("by-hand", "--nodes", "3", "--idle")
    make_by_hand(cluster)
    first, second, third = cluster.nodes
    system_id = cluster.system_id(first)
    cluster.fault("start-nats")
    cluster.fault("start-monitor")
    cluster.fault("start", third)
    said = cluster.wait_event(0, kind="no_candidate")
    assert [(c["node"], c["verdict"]) for c in field(said, "candidates")] == [(third, "primary_unseen")]
    cluster.sql("insert into story values ('while agents come')", first)
    cluster.fault("start", first)
    cluster.wait_event(0, kind="done", task="first_write", writer=first)
    cluster.fault("start", second)
    cluster.wait_healthy()
    cluster.write("with agents")
    for node in cluster.nodes:
        wait_until("all rows", lambda n=node: cluster.rows(n) == {"by hand", "while agents come", "with agents"})
        assert (cluster.system_id(node), cluster.value("show work_mem", node)) == (system_id, "7MB")
    assert find(cluster.events(), kind="grant")["rule"] == "adopt"
    for task in ("initdb", "basebackup", "rewind", "restore"):
        assert not [e for e in cluster.events() if field(e, "task") == task]

    start = cluster.last_seq()
    cluster.sql("select pg_promote(false)", second)
    cluster.wait_event(start, kind="done", task="rewind", writer=second)
    cluster.wait_healthy()
    assert cluster.primary() == first and not find(cluster.events(start), kind="grant")
    cluster.write("goes on")
    wait_until("the row", lambda: "goes on" in cluster.rows(second))
    finish(cluster, directory, "by-hand")
