# SPDX-License-Identifier: PostgreSQL
"""failover_mode: sealed. A leader that is not heard is replaced before its lease has run out: it may serve
on for a moment, and acknowledges nothing that waits for the quorum."""
import pytest

from cluster import field, find, wait_until
from load import Load, acknowledged
from test_6_synchronous import wait_steady

FAULTS = {"kill-host": "start", "freeze": "thaw", "partition": "heal"}


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("sealed", "--netns", "--monitors", "2", "--set", "synchronous=quorum",
                            "--set", "failover_mode=sealed")


@pytest.fixture
def cluster(keeper, directory, request):
    yield from keeper.lend(directory, request)


@pytest.mark.parametrize("fault, cure", FAULTS.items())
def test_sooner_than_the_lease(cluster, fault, cure):
    """The checker of the histories sees each answer of the old primary after the first of the new one."""
    wait_steady(cluster, 2)
    with Load(cluster) as load:
        load.fault(fault, load.old)
        grant = load.wait_grant()
        load.outlast_lease()
        load.fault(cure, load.old)
        verdict = load.assert_one_change()
    revoke = find(load.events(), kind="revoke")
    wait_ms = revoke["evidence"]["renewal_age_ms"]
    first = min(w.end for w in acknowledged(verdict, field(grant, "node")))
    print(f"{fault}: silent for {wait_ms} ms; the next answer {1000 * (first - load.fault_time):.0f} ms after the "
          f"fault; phases {cluster.describe()['last_change']['phases_ms']}")
    assert grant["rule"] == "elect-revoked" and field(grant, "loss_bytes") is not None
    assert wait_ms < cluster.describe()["lease_ttl_ms"]
    assert grant["evidence"]["renewal_age_ms"] < cluster.describe()["lease_ttl_ms"]
    assert not verdict.lost, verdict.report()
    late = [w for w in acknowledged(verdict, load.old) if w.end > first]
    assert not late, late
    wait_steady(cluster, 2)


def test_agent_killed(cluster):
    """It is back before anybody notices, or another node leads: in any case nothing is lost."""
    wait_steady(cluster, 2)
    with Load(cluster) as load:
        load.fault("kill-agent", load.old)
        cluster.wait_event(load.start, kind="hello", writer=load.old)
        load.outlast_lease()
        verdict = load.verdict()
    print(f"agent killed: {[e['kind'] for e in load.changes()]}; gap {1000 * verdict.longest_gap('outside'):.0f} ms")
    assert not verdict.lost, verdict.report()
    wait_until("the synchronous set", lambda: cluster.describe()["synchronous"]["step"] == "steady")
