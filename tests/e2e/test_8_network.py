# SPDX-License-Identifier: PostgreSQL
"""Cables that are cut, in part or in one direction, slow and bad ones, while clients write on both sides."""
import json
import time

import pytest

from cluster import inside
from load import Load, acknowledged
from nats_client import Nats


@pytest.fixture
def load(networked):
    with Load(networked) as running:
        yield running


@pytest.fixture
def replicated_load(replicated):
    with Load(replicated) as running:
        yield running


def assert_cut_off(load, fault):
    """The client inside the partition goes on writing until the lease ends, and no longer."""
    pids = load.cluster.postgres_pids(load.old)
    struck = time.monotonic()
    load.fault(fault, load.old)
    load.wait_grant()
    load.wait_dead(pids)
    load.fault("heal", load.old)
    verdict = load.assert_one_change()
    last = max(w.end for w in acknowledged(verdict, load.old))
    assert struck < last < struck + load.lease_seconds() + 2.0
    return verdict


@pytest.mark.parametrize("fault", ["partition", "partition-nats", "lose-out", "lose-in"])
def test_primary_is_cut_off(load, fault):
    verdict = assert_cut_off(load, fault)
    inside = [w for w in acknowledged(verdict, load.old) if w.client == "inside" and w.end > verdict.zero]
    assert inside, "the client inside wrote nothing after the fault"


def test_primary_without_standbys_goes_on(load):
    """It hears the log, so it leads; what it writes meanwhile reaches the others afterwards."""
    load.fault("partition-standbys", load.old)
    load.outlast_lease()
    load.fault("heal", load.old)
    load.assert_no_change(gap=1.0)


def test_monitors_are_cut_off(load):
    """All of them: the leader needs none. One of them: the other is enough for a failover."""
    load.fault("partition-monitor", "all")
    load.outlast_lease()
    assert not load.changes()
    load.fault("heal-monitor", "2")
    load.fault("kill-postmaster", load.old)
    grant = load.wait_grant()
    assert grant["writer"] == "monitor-2"
    load.fault("heal-monitor", "1")
    load.assert_one_change()


@pytest.mark.parametrize("fault", ["delay", "loss"])
def test_bad_cable_of_the_primary(load, fault):
    load.fault(fault, load.old)
    load.outlast_lease()
    load.outlast_lease()
    load.fault("heal", load.old)
    load.assert_no_change(gap=2.5)


def stream_leader(cluster):
    """The NATS server on which the log's appends depend."""
    server = cluster.pg.members("nats")[0]
    with inside(cluster.pg.hub()):
        nats = Nats(server["address"], server["port"])
    said = json.loads(nats.request("$JS.API.STREAM.INFO.PGBATON"))
    nats.close()
    return said["cluster"]["leader"]


def test_nats_server_with_the_streams_leader_is_cut_off(replicated_load):
    """The log cannot be written for seconds, until the other servers have elected: the primary may give up
    meanwhile, but there is never a second one, and in the end somebody leads."""
    load = replicated_load
    server = stream_leader(load.cluster)
    load.fault("partition-nats-server", server)
    time.sleep(12)
    load.fault("heal-nats-server", server)
    load.verdict()


def test_another_nats_server_is_cut_off(replicated_load):
    load = replicated_load
    leader = stream_leader(load.cluster)
    server = next(n for n in load.cluster.pg.names("nats") if n != leader)
    load.fault("partition-nats-server", server)
    load.outlast_lease()
    load.fault("heal-nats-server", server)
    load.verdict()
