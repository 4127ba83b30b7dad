# SPDX-License-Identifier: PostgreSQL
"""Disks that are full, broken, or stand still, under a primary that clients write to: each has a name, and
none of them lets two nodes write."""
import contextlib
import os
import time

import psycopg2
import pytest

from cluster import field, find, processes, wait_until
from load import Load

WATCHDOG_SECONDS = 5  # the default of watchdog.timeout


@pytest.fixture(scope="module")
def with_disks(keep_cluster):
    yield from keep_cluster("with-disks", "--netns", "--disks")


@pytest.fixture
def load(with_disks, directory, request):
    for cluster in with_disks.lend(directory, request):
        with Load(cluster) as running:
            yield running


def wait_named(load, reason):
    """Until a person who asks is told."""
    def said():
        nodes = load.cluster.describe()["nodes"]
        return reason in next(n for n in nodes if n["name"] == load.old).get("reason", "")
    wait_until(f"'{reason}' to be said", said)


def consume_wal(load):
    """Until PostgreSQL has nowhere to put it, and is given up."""
    while not find(load.events(), kind="release"):
        with contextlib.suppress(psycopg2.Error):
            for _ in range(20):
                load.cluster.sql("select pg_logical_emit_message(true, '', repeat('x', 1000000))", load.old)


def test_full_disk(load):
    """Named at once; the primary goes on as long as it can commit, and then another one does."""
    load.fault("fill-disk", load.old)
    wait_named(load, "disk full")
    assert not load.changes()
    consume_wal(load)
    load.wait_grant()
    assert field(find(load.events(), kind="release", writer=load.old), "reason") == "disk_full"
    load.fault("empty-disk", load.old)
    load.assert_one_change()


def test_read_only_disk(load):
    """It cannot even write down that it gives up: the lease runs out."""
    load.fault("read-only-disk", load.old)
    load.wait_grant()
    assert find(load.events(), kind="revoke")
    wait_named(load, "file system read-only")
    load.fault("kill-host", load.old)
    load.fault("mend-disk", load.old)
    load.fault("start", load.old)
    load.assert_one_change()


def feedings(load):
    """How often the watchdog was fed since it was asked last."""
    fd = os.open(load.cluster.pg.path(load.old, "watchdog"), os.O_RDONLY | os.O_NONBLOCK)
    try:
        return len(os.read(fd, 65536))
    except BlockingIOError:
        return 0
    finally:
        os.close(fd)


def test_disk_stands_still(load):
    """Nothing of PostgreSQL can be killed: it is not released, its lease runs out, and the watchdog is left to
    reset the machine."""
    wait_until("the watchdog to be fed", lambda: feedings(load))
    pids = load.cluster.postgres_pids(load.old)
    load.fault("freeze-disk", load.old)
    grant = load.wait_grant()
    assert not [e for e in load.changes() if e["kind"] == "release" and e["seq"] < grant["seq"]]
    assert [p for p in pids if processes.start_time(p)], "everything could be killed: nothing was tested"
    wait_named(load, "PostgreSQL does not answer")
    wait_until("the guard to say so",
               lambda: "the watchdog is no longer fed" in load.cluster.agent_log(load.old))
    feedings(load)
    time.sleep(WATCHDOG_SECONDS)
    assert feedings(load) == 0
    load.fault("thaw-disk", load.old)
    load.assert_one_change()
