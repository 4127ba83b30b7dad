# SPDX-License-Identifier: PostgreSQL
"""The seed's story: the primary's data directory is deleted while it runs. Ten rounds in a row."""
import re

import pytest

from cluster import FenceWatch, field, find, seconds, wait_until

ROUNDS = 10


def assert_phases(events, old, term):
    """Release, grant, lease, promotion and first write stand in the log, in this order."""
    release = find(events, kind="release", term=term, writer=old)
    grant = find(events, kind="grant", term=term + 1)
    assert release and grant, "no release or no grant"
    new = field(grant, "node")
    renew = find(events, kind="renew", term=term + 1, writer=new)
    promoted = find(events, kind="done", task="promote", writer=new)
    written = find(events, kind="done", task="first_write", writer=new)
    order = [e["seq"] for e in (release, grant, renew, promoted, written)]
    assert order == sorted(order)
    assert grant["rule"] == "elect-released"
    assert not find(events, kind="revoke")
    return release, grant, new


def assert_followers(cluster, new):
    """Exactly the other nodes stream from the new leader."""
    wanted = sorted((n, "streaming") for n in cluster.nodes if n != new)
    query = ("select application_name, state from pg_stat_replication "
             "where application_name not like 'pg_basebackup%%' order by 1")
    wait_until("all rows of pg_stat_replication", lambda: cluster.sql(query, new) == wanted)


def assert_timeline(cluster, start):
    """Each phase of the change stands in the timeline, with the ms that it took."""
    said = cluster.pgbaton("replay", "timeline", "--from", str(start)).stdout
    for phase in ("detected", "fenced", "released", "granted", "lease held", "promoted", "first write"):
        assert re.search(rf"{phase} +\d+ ms", said), phase


@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
def test_deleted_data_directory(cluster, number):
    old = cluster.primary()
    start = cluster.last_seq()
    before, after = f"before {number}", f"after {number}"
    cluster.write(before)
    old_describe = cluster.describe()
    old_timeline = cluster.timeline(old)
    system_id = cluster.system_id(old)
    log_size = len(cluster.agent_log(old))

    watch = FenceWatch(cluster, old)
    struck = cluster.fault("rm-data", old)
    cluster.wait_event(start, kind="done", task="first_write")
    cluster.write(after)
    fenced = watch.finish()
    release, _, new = assert_phases(cluster.events(start), old, old_describe["term"])
    assert field(release, "reason").startswith("data_directory_")
    detected = seconds(field(release, "detected_at"))
    assert struck <= detected <= struck + 1.0
    assert fenced <= seconds(release["at"])
    assert detected <= seconds(field(release, "fenced_at")) <= seconds(release["at"])

    assert cluster.value("select pg_is_in_recovery()", new) is False
    assert cluster.timeline(new) == old_timeline + 1
    assert {before, after} <= cluster.rows(new)

    cluster.wait_healthy()
    assert_followers(cluster, new)
    wait_until("the row on the old primary", lambda: after in cluster.rows(old))
    assert cluster.system_id(old) == system_id
    assert "initdb" not in cluster.agent_log(old)[log_size:]
    assert not find(cluster.events(start), task="initdb")
    assert find(cluster.events(start), kind="done", task="basebackup", writer=old)

    now = cluster.describe()
    roles = {n["name"]: n["role"] for n in now["nodes"]}
    assert roles == {n: "primary" if n == new else "secondary" for n in cluster.nodes}
    assert (now["leader"], now["term"]) == (new, old_describe["term"] + 1)
    change = now["last_change"]
    assert (change["from"], change["to"], change["term"]) == (old, new, now["term"])
    assert change["phases_ms"]
    assert_timeline(cluster, start)


def test_role_probe(cluster):
    primary = cluster.primary()
    assert cluster.pgbaton("role", "--node", primary).stdout.strip() == "primary"
    other = cluster.standbys()[0]
    assert cluster.pgbaton("role", "--node", other).stdout.strip() == "secondary"
    assert cluster.pgbaton("role", "--node", "nobody", check=False).returncode == 1
