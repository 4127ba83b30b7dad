# SPDX-License-Identifier: PostgreSQL
"""A log on three servers that is purged, deleted, loses a replica, or comes back older on a majority of them."""
import json
import pathlib
import shutil

import pytest

from cluster import field, find, wait_until
from load import Load
from nats_client import SETTLE_S, ask
from test_5_log_lost import LosingLoad, wait_told


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("log-three", "--nats", "3", "--monitors", "2")


@pytest.fixture
def three(keeper, directory, request):
    yield from keeper.lend(directory, request)


def log_status(cluster):
    return json.loads(cluster.pgbaton("log", "status", "demo", "-o", "json", check=False).stdout)


def wait_whole(cluster):
    """All replicas have everything, and no loss is known."""
    def is_whole():
        now = log_status(cluster)
        return (now["health"] == "writable" and now["clusters"][0]["log_lost"] is None and
                [r["current"] for r in now["stream"]["replicas"]] == [True, True])

    wait_until("a whole log", is_whole, SETTLE_S)


def losses_told(cluster):
    """What agents and monitors have said of a log that has lost what they had read."""
    files = [cluster.pg.path(n, "agent.log") for n in cluster.nodes]
    files += [cluster.pg.path(m["name"], "log") for m in cluster.pg.members("monitors")]
    return [line for f in files for line in pathlib.Path(f).read_text(encoding="utf-8", errors="replace").splitlines()
            if "the log has lost" in line]


def test_a_replica_is_erased(three):
    """One server starts with an empty store: it fetches everything, and nobody notices."""
    wait_whole(three)
    now = log_status(three)["stream"]
    server = now["replicas"][0]["server"]
    before, told = three.describe(), losses_told(three)
    with Load(three) as load:
        load.fault("kill-nats", server)
        shutil.rmtree(three.pg.path(server, "store"))
        load.fault("start-nats", server)
        wait_whole(three)
        load.verdict()
    after = three.describe()
    assert [after[k] for k in ("term", "leader")] == [before[k] for k in ("term", "leader")]
    assert losses_told(three) == told


def emptied(cluster, api):
    """Who leads goes on, or is adopted with the next term; nobody else comes up. Returns the terms before and after."""
    wait_whole(cluster)
    with LosingLoad(cluster) as load:
        term, leader = [cluster.describe()[k] for k in ("term", "leader")]
        load.loses()
        assert ask(cluster, f"$JS.API.STREAM.{api}.PGBATON")["success"]
        if api == "DELETE":
            wait_told(cluster, cluster.nodes)
        cluster.wait_healthy(SETTLE_S)
        now = cluster.describe()
        assert (now["leader"], now["log_lost"]) == (leader, None)
        wait_whole(cluster)
        load.verdict()
        return term, now["term"]


def test_the_stream_is_purged_and_deleted(three):
    """By hand. After a purge the numbers go on; a stream that is deleted a monitor creates again."""
    before, after = emptied(three, "PURGE")
    assert after >= before
    before, after = emptied(three, "DELETE")
    assert after > before


def test_two_of_three_come_back_older(three):
    """The servers were stopped, and two of them have an old copy of their stores. It is known by name, no term is
    used twice, and what was acknowledged is there."""
    servers = ["nats-1", "nats-2"]
    wait_whole(three)
    with LosingLoad(three) as load:
        load.fault("kill-nats", "all")
        for server in servers:
            shutil.copytree(three.pg.path(server, "store"), three.pg.path(server, "copy"))
        load.fault("start-nats", "all")
        three.wait_healthy(SETTLE_S)
        load.fault("kill-postgres", load.old)
        load.wait_grant()
        three.wait_healthy(SETTLE_S)
        lost_term = three.describe()["term"]
        load.loses()
        load.fault("kill-nats", "all")
        for server in servers:
            shutil.rmtree(three.pg.path(server, "store"))
            shutil.move(three.pg.path(server, "copy"), three.pg.path(server, "store"))
        for server in servers:
            load.fault("start-nats", server)
        wait_told(three, three.nodes)
        load.fault("start-nats", "nats-3")
        three.wait_healthy(SETTLE_S)
        wait_whole(three)
        grants = [e for e in three.events() if e["kind"] == "grant" and e["effective"]]
        assert three.describe()["term"] > lost_term
        assert len({field(e, "term") for e in grants}) == len(grants)
        assert find(three.events(), kind="grant", term=lost_term) is None
        load.verdict()
