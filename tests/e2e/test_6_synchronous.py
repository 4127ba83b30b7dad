# SPDX-License-Identifier: PostgreSQL
"""Commits that wait for a standby: whatever breaks, none that was acknowledged is lost."""
import pytest

from cluster import field, find, wait_until
from load import Load

FAULTS = {"kill-postmaster": None, "kill-postgres": None, "rm-data": None, "freeze": "thaw", "partition": "heal",
          "partition-nats": "heal"}


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("synchronous", "--netns", "--set", "synchronous=quorum")


@pytest.fixture
def cluster(keeper, directory, request):
    yield from keeper.lend(directory, request)


def wait_steady(cluster, count):
    """Commits wait for one of so many, and an election knows it."""
    def is_steady():
        sync = cluster.describe()["synchronous"]
        return sync["step"] == "steady" and len(sync["waits_for"]) == count
    wait_until("the synchronous set", is_steady)


def names(cluster):
    return cluster.value("show synchronous_standby_names")


@pytest.mark.parametrize("fault, cure", FAULTS.items())
def test_nothing_is_lost(cluster, fault, cure):
    wait_steady(cluster, 2)
    with Load(cluster) as load:
        load.fault(fault, load.old)
        load.wait_grant()
        if cure is not None:
            load.fault(cure, load.old)
        verdict = load.assert_one_change()
    assert not verdict.lost, verdict.report()
    wait_steady(cluster, 2)


def test_cancelled_waits_are_not_told(cluster):
    """Clients that lose patience while the leader is cut off from its standbys: none is told COMMIT."""
    wait_steady(cluster, 2)
    with Load(cluster) as load:
        load.fault("partition", load.old)
        cancelled = wait_until("commits that wait", lambda: cluster.cancel_commits(load.old))
        load.wait_grant()
        load.fault("heal", load.old)
        verdict = load.assert_one_change()
    assert cancelled > 0
    assert not verdict.lost, verdict.report()
    wait_steady(cluster, 2)


def test_two_in_a_row(cluster):
    """The second leader falls as soon as the set allows it: what the first acknowledged is still there."""
    wait_steady(cluster, 2)
    with Load(cluster) as load:
        load.fault("kill-host", load.old)
        first = load.wait_grant()
        cluster.wait_event(first["seq"], kind="done", task="sync")
        second = field(first, "node")
        load.fault("kill-postgres", second)
        cluster.wait_event(first["seq"], kind="grant")
        load.fault("start", load.old)
        verdict = load.verdict()
    assert not verdict.lost, verdict.report()
    wait_steady(cluster, 2)


def test_no_standby_is_left(cluster):
    """The guarantee is given up by a decision, which describe shows; it comes back with the first standby."""
    wait_steady(cluster, 2)
    start, standbys = cluster.last_seq(), cluster.standbys()
    for node in standbys:
        cluster.fault("kill-host", node)
    given_up = cluster.wait_event(start, kind="sync_set", count=0)
    assert given_up["rule"] == "sync-give-up"
    assert "wait for no standby" in cluster.describe()["synchronous"]["text"]
    wait_until("commits that wait for nobody", lambda: names(cluster) == "")
    cluster.write("alone")
    cluster.fault("start", standbys[0])
    wait_steady(cluster, 1)
    assert names(cluster) == f'ANY 1 ("{standbys[0]}")'
    cluster.fault("start", standbys[1])
    wait_steady(cluster, 2)


def test_switchover(cluster):
    wait_steady(cluster, 2)
    with Load(cluster) as load:
        assert "Done:" in cluster.pgbaton("switchover", "demo", "--wait").stdout
        verdict = load.assert_one_change()
    assert not verdict.lost, verdict.report()
    assert not find(load.events(), kind="directive")
