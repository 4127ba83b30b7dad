# SPDX-License-Identifier: PostgreSQL
"""Replication slots: those of the members and permanent ones are on every node, follow on the standbys, and
outlive a failover."""
import os
import subprocess

import pytest

from cluster import PG_BIN, wait_until

LOGICAL = "permanent_logical_slots=[{name: cdc, database: postgres, plugin: test_decoding}]"
OPTIONS = ("--nodes", "2", "--set", "permanent_slots=[archive]", "--set", LOGICAL, "--parameter", "wal_level=logical",
           "--parameter", "hot_standby_feedback=on")


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("slots", *OPTIONS)


@pytest.fixture
def slotted(keeper, directory, request):
    yield from keeper.lend(directory, request)


def slots(cluster, node):
    """Each slot's place, in bytes; those of a base backup under way are temporary."""
    return dict(cluster.sql("select slot_name, restart_lsn - '0/0' from pg_replication_slots where not temporary"
                            " and slot_type = 'physical'", node))


def place(cluster, node):
    return slots(cluster, node).get("archive", 0)


def receive(cluster, node, target, end):
    """A consumer of the slot that takes everything up to a place, and tells that it has it."""
    port = cluster.pg.member("nodes", node)["port"]
    done = subprocess.run([f"{PG_BIN}/pg_receivewal", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-D",
                           str(target), "--slot", "archive", "--endpos", end, "--synchronous", "--no-loop"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def switch_wal(cluster, node):
    """The end of a segment that has something in it."""
    cluster.sql("select pg_logical_emit_message(true, 'test', 'x')", node)
    cluster.sql("select pg_switch_wal()", node)
    cluster.sql("select pg_logical_emit_message(true, 'test', 'x')", node)
    return cluster.value("select pg_current_wal_flush_lsn()", node)


def bring_level(cluster, leader, standby, target):
    """A standby makes its slot where its WAL begins: further than the consumer may be, until that moves on."""
    wait_until("a slot", lambda: place(cluster, standby))
    while place(cluster, standby) > place(cluster, leader):
        receive(cluster, leader, target, switch_wal(cluster, leader))
    wait_until("the standby's slot follows", lambda: place(cluster, standby) == place(cluster, leader))


def test_permanent_slot_outlives_failover(slotted, directory):
    """Its consumer goes on at the new leader where it was; a standby keeps no WAL that the consumer has."""
    cluster = slotted
    target = directory / "received"
    target.mkdir()
    old, new = cluster.primary(), cluster.standbys()[0]
    names = {old: {"archive", f"pgbaton_{new}".replace("-", "_")},
             new: {"archive", f"pgbaton_{old}".replace("-", "_")}}
    for node in cluster.nodes:
        wait_until(f"the slots of {node}", lambda n=node: set(slots(cluster, n)) == names[n])
    assert cluster.value("show max_slot_wal_keep_size", old) == "16GB"
    receive(cluster, old, target, switch_wal(cluster, old))
    bring_level(cluster, old, new, target)
    cluster.fault("kill-postgres", old)
    wait_until("a new leader", lambda: cluster.primary() == new)
    cluster.write("after")
    receive(cluster, new, target, switch_wal(cluster, new))
    segments = {int(name[16:24], 16) for name in os.listdir(target) if not name.endswith(".history")}
    assert segments == set(range(min(segments), max(segments) + 1)), "a gap in what was received"
    cluster.wait_healthy()
    wait_until("the slots of the old one", lambda: set(slots(cluster, old)) == names[old])
    bring_level(cluster, new, old, target)


def logical(cluster, node):
    """How far the consumer of the logical slot is; None: the slot is not there."""
    rows = cluster.sql("select confirmed_flush_lsn - '0/0' from pg_replication_slots where slot_name = 'cdc'", node)
    return rows[0][0] if rows else None


def consume(cluster, node):
    """What the slot's consumer is told, and confirms."""
    changes = cluster.sql("select data from pg_logical_slot_get_changes('cdc', null, null)", node)
    return [c[0].split("'")[1] for c in changes if "table public.story: INSERT" in c[0]]


def copied(cluster, leader, standby):
    """A standby copies the slot when it has all WAL that the slot may need: when the consumer has come past the
    beginning of its base backup."""
    cluster.sql("checkpoint", leader)
    consume(cluster, leader)
    return logical(cluster, standby)


def say_safe(cluster, node):
    return cluster.agent_log(node).count("logical slot cdc is safe to be used here")


def test_logical_slot_outlives_failover(slotted):
    """A standby copies the slot, is started again to load it, follows the consumer; after a failover the consumer is
    told all that it has not confirmed. The old leader comes back as a standby with the slot."""
    cluster = slotted
    old, new = cluster.primary(), cluster.standbys()[0]
    wait_until("the leader's slot", lambda: logical(cluster, old))
    wait_until("the standby's slot", lambda: copied(cluster, old, new))
    cluster.wait_healthy()
    cluster.write("consumed")
    consume(cluster, old)
    wait_until("it is safe", lambda: say_safe(cluster, new))
    cluster.write("not consumed yet")
    wait_until("the standby's follows", lambda: logical(cluster, new) == logical(cluster, old))
    cluster.fault("kill-postgres", old)
    wait_until("a new leader", lambda: cluster.primary() == new)
    cluster.write("after the failover")
    told = []
    wait_until("the row after the failover", lambda: told.extend(consume(cluster, new)) or "after the failover" in told)
    assert told == ["not consumed yet", "after the failover"]
    assert "is dropped and made anew" not in cluster.agent_log(new)
    cluster.wait_healthy()
    wait_until("the old one follows", lambda: logical(cluster, old) == logical(cluster, new))
