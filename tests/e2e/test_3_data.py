# SPDX-License-Identifier: PostgreSQL
"""Data that disappears or cannot be read, on the primary and elsewhere, with and without a successor."""
import os

import pytest

from cluster import field, find, wait_until


def test_standby_loses_its_data(cluster):
    leader, term, start = cluster.primary(), cluster.describe()["term"], cluster.last_seq()
    victim = cluster.standbys()[0]
    cluster.write("before rm standby")
    cluster.fault("rm-data", victim)
    done = cluster.wait_event(start, kind="done", task="basebackup", writer=victim)
    cluster.write("after rm standby")
    cluster.wait_healthy()
    wait_until("the row on the standby", lambda: "after rm standby" in cluster.rows(victim))
    order = find(cluster.events(start), kind="directive", node=victim)
    assert order["rule"] in ("rebuild-empty", "rebuild-again") and order["seq"] < done["seq"]
    assert (cluster.primary(), cluster.describe()["term"]) == (leader, term)


@pytest.mark.parametrize("fault, reason", [("rm-base", "data_directory_damaged"),
                                           ("chmod-data", "data_directory_unreadable")])
def test_primary_cannot_use_its_data(cluster, fault, reason):
    old, start = cluster.primary(), cluster.last_seq()
    cluster.write(f"before {fault}")
    cluster.fault(fault, old)
    release = cluster.wait_event(start, kind="release", writer=old)
    cluster.write(f"after {fault}")
    assert field(release, "reason") == reason
    cluster.wait_healthy()
    assert cluster.primary() != old
    wait_until("the row on the old primary", lambda: f"after {fault}" in cluster.rows(old))
    assert not find(cluster.events(start), task="initdb")
    wait_until("the old directory to be removed", lambda: not os.path.exists(cluster.data(old) + ".old"))


def test_primary_loses_its_data_and_nobody_can_succeed(cluster):
    old, term = cluster.primary(), cluster.describe()["term"]
    others = cluster.standbys()
    cluster.write("before alone")
    rows = cluster.rows(old)
    wait_until("the row everywhere", lambda: all(cluster.rows(n) == rows for n in others))
    for node in others:
        cluster.fault("kill-host", node)
    wait_until("both standbys to be unreachable", lambda: all(
        n["status"] == "unreachable" for n in cluster.describe()["nodes"] if n["name"] in others))
    start = cluster.last_seq()
    cluster.fault("rm-data", old)

    cluster.wait_event(start, kind="release", writer=old)
    wanted = {old: ("no_data", "failed"), **{n: ("unreachable",) for n in others}}
    wait_until("a verdict on each node", lambda: any(
        all(c["verdict"] in wanted[c["node"]] for c in e["candidates"])
        for e in cluster.events(start) if e["kind"] == "no_candidate" and e["effective"]))
    now = cluster.describe()
    assert now["status"] != "running"
    assert all(n in now["reason"] for n in cluster.nodes)
    assert not any(find(cluster.events(start), kind=k) for k in ("grant", "directive"))
    assert not find(cluster.events(start), task="initdb")

    # The old leader gave up waiting for standbys: none of them is known to have all that it acknowledged.
    cluster.fault("start", others[0])
    wait_until("the reason", lambda: "pgbaton failover --accept-loss --to " + others[0] in
               cluster.describe()["reason"])
    cluster.pgbaton("failover", "demo", "--to", others[0], "--accept-loss")
    grant = cluster.wait_event(start, kind="grant")
    assert (field(grant, "node"), field(grant, "term")) == (others[0], term + 1)
    cluster.write("after alone")
    cluster.fault("start", others[1])
    cluster.wait_healthy()
    assert rows <= cluster.rows(others[0])
    wait_until("the row on the old primary", lambda: "after alone" in cluster.rows(old))
