# SPDX-License-Identifier: PostgreSQL
"""Cables that are cut, in part or in one direction, slow and bad ones, while clients write on both sides."""
import contextlib
import json
import pathlib
import subprocess
import time

import pytest

from cluster import wait_until
from load import LATE, Load, acknowledged
from nats_client import SETTLE_S, stream_state, wait_agreed
from playground_lib.shape import in_namespace


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
    assert struck < last < struck + load.lease_seconds() + LATE
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
    load.assert_no_change()


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
    load.assert_no_change()


class Follower:
    """Reads the log from its beginning, and goes on."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.path = pathlib.Path(cluster.directory) / "followed.json"
        self.said = pathlib.Path(cluster.directory) / "followed.err"
        with open(self.path, "w", encoding="utf-8") as out, open(self.said, "w", encoding="utf-8") as err:
            self.process = subprocess.Popen(
                [*in_namespace(cluster.pg.hub()), "pgbaton", "tail", "--all", "-o", "json", "--timeout", "600s"],
                stdout=out, stderr=err, env=cluster.env)

    def finish(self):
        """The records that it has read and that are not what the log holds now, and what it said of them."""
        self.process.terminate()
        self.process.wait()
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]  # the last may be cut off
        followed = [json.loads(line) for line in lines]
        said = [line for line in self.said.read_text(encoding="utf-8").split("\n") if "has lost" in line]
        self.path.unlink()
        self.said.unlink()
        assert followed, "nothing was followed"
        now = {e["seq"]: e for e in self.cluster.events()}
        return [e for e in followed if now.get(e["seq"], {}).get("at") != e["at"]], said


@contextlib.contextmanager
def cut_server(load, server):
    """What servers that are back may do to the log: nats-server 2.9 was seen to lose, then, what it had
    acknowledged since the cut, and to use the numbers again. Then it does not tell any more what was granted,
    and of the histories only who wrote when can be judged; the cluster is healthy again all the same."""
    follower = Follower(load.cluster)
    load.fault("partition-nats-server", server)
    yield
    load.fault("heal-nats-server", server)
    wait_agreed(load.cluster)
    changed, said = follower.finish()
    if changed or said:
        first = changed[0]["seq"] if changed else "?"
        print(f"the servers changed {len(changed)} records that were read, from {first} on; tail said: {said}")
    load.cluster.wait_healthy(SETTLE_S)
    if changed:
        load.verdict_on_writers()
    else:
        load.verdict()


def test_nats_server_with_the_streams_leader_is_cut_off(replicated_load):
    """The log cannot be written for seconds, until the other servers have elected: the primary may give up
    meanwhile, but there is never a second one, and in the end somebody leads."""
    load = replicated_load
    with cut_server(load, stream_state(load.cluster)[0]):
        time.sleep(12)


def test_another_nats_server_is_cut_off(replicated_load):
    load = replicated_load
    leader = stream_state(load.cluster)[0]
    with cut_server(load, next(n for n in load.cluster.pg.names("nats") if n != leader)):
        load.outlast_lease()
