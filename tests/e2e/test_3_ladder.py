# SPDX-License-Identifier: PostgreSQL
"""Every node comes back by itself, and the log says why nothing less would do: follow, pg_rewind, base
backup, each of them forced, cut off, or made impossible with real parts."""
import os
import pathlib
import shutil
import subprocess

import pytest

from cluster import field, find, processes, wait_until
from playground_lib.shape import PG_BIN

PACE = "--max-rate=1500k"  # 15 s for what there is
SEGMENTS = 12  # more than min_wal_size keeps


def install_tools(cluster):
    """PostgreSQL's programs, of which pg_basebackup goes as slowly as a file says."""
    tools = pathlib.Path(cluster.pg.path("tools"))
    tools.mkdir()
    for program in os.listdir(PG_BIN):
        (tools / program).symlink_to(os.path.join(PG_BIN, program))
    (tools / "pg_basebackup").unlink()
    (tools / "pace").write_text("")
    (tools / "pg_basebackup").write_text(
        f'#!/bin/sh\nexec {PG_BIN}/pg_basebackup $(cat {tools}/pace) "$@"\n')
    (tools / "pg_basebackup").chmod(0o755)
    for node in cluster.nodes:
        path = pathlib.Path(cluster.pg.path(node, "agent.yaml"))
        path.write_text(path.read_text().replace(
            "postgresql:\n", f"postgresql:\n  bin_directory: {tools}\n  rebuild_keep: 1\n"))
        cluster.fault("kill-agent", node)


def set_pace(cluster, pace):
    pathlib.Path(cluster.pg.path("tools", "pace")).write_text(pace)


@pytest.fixture(scope="module")
def archive(directory):
    """Where WAL is archived, as soon as it is there."""
    return pathlib.Path(directory) / "ladder-archive"


@pytest.fixture(scope="module")
def with_disks(keep_cluster, archive):
    yield from keep_cluster("ladder", "--disks", "--parameter", "archive_mode=on", "--parameter",
                            f"archive_command=test ! -d {archive} || cp %p {archive}/%f")


@pytest.fixture
def cluster(with_disks, directory, request):
    for lent in with_disks.lend(directory, request):
        if not os.path.exists(lent.pg.path("tools")):
            install_tools(lent)
        set_pace(lent, "")
        lent.wait_healthy()
        yield lent


def node_of(cluster, name):
    return next(n for n in cluster.describe()["nodes"] if n["name"] == name)


def wait_reason(cluster, after, node, **wanted):
    """The directive that took the next rung, and said why."""
    return cluster.wait_event(after, kind="directive", node=node, **wanted)


def wait_streaming(cluster, node, row):
    cluster.write(row)
    cluster.wait_healthy()
    wait_until(f"the row '{row}' on {node}", lambda: row in cluster.rows(node))


def old_copies(cluster, node):
    return [f for f in os.listdir(os.path.dirname(cluster.pg.data(node))) if ".old-" in f]


def diverge(cluster, node):
    """Commits what nobody else has, on a data directory that nobody runs."""
    signal = os.path.join(cluster.pg.data(node), "standby.signal")
    os.unlink(signal)
    done = subprocess.run(
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
         os.path.join(PG_BIN, "postgres"), "--single", "-D", cluster.pg.data(node),
         "-c", "shared_preload_libraries=", "-c", "synchronous_commit=local", "postgres"],
        input="insert into story values ('lost')\n", text=True, capture_output=True, check=False)
    assert done.returncode == 0 and "ERROR" not in done.stdout + done.stderr, done.stderr
    pathlib.Path(signal).touch()
    os.chown(signal, os.stat(cluster.pg.data(node)).st_uid, -1)


def written_bytes(pid):
    words = processes.read_proc(pid, "io").split()
    return int(words[words.index(b"wchar:") + 1]) if b"wchar:" in words else 0


def kill_rewind(cluster, node):
    """When it has written a part of what it copies into this node's directory."""
    where = f"={cluster.pg.data(node)}\0".encode()

    def strike():
        names = {p: processes.read_proc(p, "cmdline") for p in processes.all_pids()}
        pids = [p for p, name in names.items() if b"/pg_rewind\0" in name and where in name]
        pids = [p for p in pids if written_bytes(p) > 1 << 20]
        for pid in pids:
            processes.send(pid, processes.signal.SIGKILL)
        return pids
    wait_until("pg_rewind at work", strike, pause=0.002)


def test_diverged_and_rewind_breaks_off(cluster):
    """An old primary has what nobody else has; its rewind is killed half way: a base backup mends that."""
    old, start = cluster.primary(), cluster.last_seq()
    cluster.write("before the rewind")
    wait_until("the row everywhere", lambda: all("before the rewind" in cluster.rows(n)
                                                 for n in cluster.standbys()))
    cluster.fault("kill-host", old)
    cluster.wait_event(start, kind="done", task="first_write")
    diverge(cluster, old)
    cluster.fault("start", old)
    assert field(wait_reason(cluster, start, old, task="rewind"), "reason") in ("diverged", "unclean_primary")
    kill_rewind(cluster, old)
    failed = cluster.wait_event(start, kind="failed", task="rewind", writer=old)
    assert "killed by signal 9" in field(failed, "text")
    order = wait_reason(cluster, start, old, task="basebackup")
    assert (field(order, "reason"), order["rule"]) == ("rewind_failed", "rebuild-again")
    assert field(order, "text") == field(failed, "text")
    wait_streaming(cluster, old, "after the rewind")
    assert "lost" not in cluster.rows(old) and "before the rewind" in cluster.rows(old)


def wait_progress(cluster, after, node, percent):
    """Its copy goes on, and everybody can see how far it is."""
    event = wait_until(f"progress of {node}", lambda: next(
        (e for e in cluster.events(after) if e["kind"] == "progress" and e["writer"] == node
         and e["effective"] and field(e, "percent") >= percent), None))
    assert 0 < field(event, "done_bytes") <= field(event, "total_bytes")
    assert field(event, "bytes_per_s") > 0
    return event


def test_base_backup_is_interrupted(cluster):
    """By a killed agent, a cut connection, a full disk: each time it begins again, and says why."""
    leader, victim = cluster.primary(), cluster.standbys()[0]
    set_pace(cluster, PACE)
    start = cluster.last_seq()
    cluster.fault("rm-data", victim)
    assert field(wait_reason(cluster, start, victim), "reason").startswith("data_directory_")
    wait_progress(cluster, start, victim, 1)
    seen = wait_until("progress in describe", lambda: node_of(cluster, victim)["rebuild"])
    assert seen["total_bytes"] > seen["done_bytes"] > 0 and seen["left_ms"] > 0

    start = cluster.last_seq()
    cluster.fault("kill-agent", victim)
    wait_reason(cluster, start, victim, task="basebackup")
    wait_progress(cluster, start, victim, 20)
    cluster.sql("select pg_terminate_backend(pid) from pg_stat_replication"
                " where application_name = 'pg_basebackup' and state = 'backup'", leader)
    failed = cluster.wait_event(start, kind="failed", task="basebackup", writer=victim)
    assert not os.path.exists(cluster.pg.data(victim) + ".new")

    again = wait_reason(cluster, failed["seq"], victim)
    assert field(again, "text") == field(failed, "text")
    wait_progress(cluster, again["seq"], victim, 1)
    cluster.fault("fill-disk", victim)
    failed = cluster.wait_event(again["seq"], kind="failed", writer=victim)
    assert "No space left" in field(failed, "text")
    cluster.fault("empty-disk", victim)
    set_pace(cluster, "")
    wait_streaming(cluster, victim, "after the interruptions")


def test_leader_is_lost_during_a_base_backup(cluster):
    """Another leads: the copy begins anew from that one."""
    old, victim = cluster.primary(), cluster.standbys()[0]
    set_pace(cluster, PACE)
    start = cluster.last_seq()
    cluster.fault("rm-data", victim)
    wait_progress(cluster, start, victim, 1)
    cluster.fault("kill-host", old)
    grant = cluster.wait_event(start, kind="grant")
    assert field(grant, "node") not in (old, victim)
    set_pace(cluster, "")
    order = wait_reason(cluster, grant["seq"], victim)
    assert field(order, "task") == "basebackup"
    cluster.wait_event(order["seq"], kind="done", task="basebackup", writer=victim)
    cluster.fault("start", old)
    wait_streaming(cluster, victim, "after the lost leader")


def lose_slot(cluster, leader, node):
    """The leader writes until PostgreSQL gives the slot up, and removes the WAL."""
    name = "pgbaton_" + node.replace("-", "_")
    for setting in ("wal_keep_size = 0", "max_slot_wal_keep_size = '16MB'"):
        cluster.sql(f"alter system set {setting}", leader)
    cluster.sql("select pg_reload_conf()", leader)
    first = cluster.value("select min(name) from pg_ls_waldir()", leader)

    def is_lost():
        for _ in range(SEGMENTS):
            cluster.sql("select pg_logical_emit_message(false, '', 'x'), pg_switch_wal()", leader)
        cluster.sql("checkpoint", leader)
        kept = cluster.value("select min(name) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'", leader)
        status = cluster.sql("select wal_status from pg_replication_slots where slot_name = %s", leader, (name,))
        return kept > first and status != [("reserved",)] or status == [("lost",)]
    wait_until("the slot to be lost", is_lost)


def keep_more_wal(cluster, leader):
    for setting in ("wal_keep_size", "max_slot_wal_keep_size"):
        cluster.sql(f"alter system reset {setting}", leader)
    cluster.sql("select pg_reload_conf()", leader)


def test_leader_has_removed_the_wal(cluster):
    """The slot of a standby that was away is lost: it is replaced, and the standby gets a new copy."""
    leader, victim = cluster.primary(), cluster.standbys()[0]
    cluster.fault("kill-host", victim)
    wait_until("its absence", lambda: node_of(cluster, victim)["status"] == "unreachable")
    lose_slot(cluster, leader, victim)
    start = cluster.last_seq()
    cluster.fault("start", victim)
    order = wait_reason(cluster, start, victim)
    assert (field(order, "reason"), field(order, "task")) == ("wal_missing", "basebackup")
    wait_streaming(cluster, victim, "after the missing WAL")
    wait_until("its slot", lambda: not cluster.sql(
        "select from pg_replication_slots where wal_status in ('lost', 'unreserved') or not active", leader))
    keep_more_wal(cluster, leader)


def test_missing_wal_is_in_the_archive(cluster, archive):
    """The leader has removed what a standby needs, and restore_command finds it: no copy is made."""
    leader, victim = cluster.primary(), cluster.standbys()[0]
    archive.mkdir()
    shutil.chown(archive, "postgres")
    cluster.fault("kill-host", victim)
    wait_until("its absence", lambda: node_of(cluster, victim)["status"] == "unreachable")
    lose_slot(cluster, leader, victim)
    path = pathlib.Path(cluster.pg.path(victim, "agent.yaml"))
    path.write_text(path.read_text().replace(
        "  parameters:\n", f"  parameters:\n    restore_command: 'cp {archive}/%f %p'\n"))
    start = cluster.last_seq()
    cluster.fault("start", victim)
    wait_streaming(cluster, victim, "after the archive")
    assert not find(cluster.events(start), kind="directive", node=victim)
    keep_more_wal(cluster, leader)


def test_operator_asks_for_a_rebuild(cluster):
    """Of a node that is well: its old directory is kept as agent.yaml says, and nobody else is disturbed."""
    leader, victim = cluster.primary(), cluster.standbys()[1]
    start = cluster.last_seq()
    done = cluster.pgbaton("rebuild", "demo", leader, "--yes", check=False)
    assert done.returncode == 1 and "leads demo" in done.stderr
    set_pace(cluster, "--max-rate=8M")
    out = cluster.pgbaton("rebuild", "demo", victim, "--yes", "--wait").stdout
    assert f"Done: {victim} streams" in out and "base backup at" in out, out
    order = find(cluster.events(start), kind="directive", node=victim)
    assert (order["rule"], field(order, "reason")) == ("rebuild-requested", "requested")
    wait_streaming(cluster, victim, "after the request")
    wait_until("the old directory to be kept", lambda: len(old_copies(cluster, victim)) == 1)
    assert not os.path.exists(cluster.pg.data(victim) + ".old")
    assert not find(cluster.events(start), kind="grant")
