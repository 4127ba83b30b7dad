# SPDX-License-Identifier: PostgreSQL
"""What should not be in the log: duplicates, late copies, and bytes that mean nothing."""
import random

import pytest

from cluster import find, wait_until
from nats_client import Nats


@pytest.fixture
def nats(cluster):
    server = cluster.pg.members("nats")[0]
    client = Nats(server["address"], server["port"])
    yield client
    client.close()


def outcomes(cluster, sequences):
    """The events with these sequence numbers, when they have all arrived."""
    wanted = set(sequences)

    def arrived():
        found = [e for e in cluster.events() if e["seq"] in wanted]
        return found if len(found) == len(wanted) else None

    return wait_until("the injected events", arrived)


def assert_unmoved(cluster, before):
    now = cluster.describe()
    assert [now[k] for k in ("status", "leader", "term")] == \
        [before[k] for k in ("status", "leader", "term")]


def test_malformed_events_are_void(cluster, nats):
    before = cluster.describe()
    rng = random.Random(1)
    subjects = ["pgbaton.demo.decision", f"pgbaton.demo.lock.{before['leader']}",
                "pgbaton.demo.probe.node-1", "pgbaton.demo.node.node-2", "pgbaton.demo.node.stranger"]
    sequences = [nats.append(s, rng.randbytes(n)) for s in subjects for n in (0, 1, 17, 400)]
    for e in outcomes(cluster, sequences):
        assert not e["effective"] and e["void_reason"] in ("malformed", "newer_version")
    assert_unmoved(cluster, before)


def test_damaged_copies_are_void(cluster, nats):
    """Real events with a byte changed: a decision's hash or digest, or anything else, gives it away."""
    before = cluster.describe()
    grant = find(cluster.events(), kind="grant")
    subject, data = nats.stored(grant["seq"])
    rng = random.Random(2)
    copies = []
    for _ in range(40):
        copy = bytearray(data)
        copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
        copies.append(nats.append(subject, bytes(copy)))
    assert all(not e["effective"] and e["void_reason"] for e in outcomes(cluster, copies))
    assert_unmoved(cluster, before)


def test_late_copies_of_everything_are_void(cluster, nats):
    """Every record of the log once more, in another order: nothing moves."""
    before = cluster.describe()
    events = [e for e in cluster.events() if e["effective"]]
    chosen = events[-300:]
    random.Random(3).shuffle(chosen)
    sequences = {nats.append(*nats.stored(e["seq"])): e for e in chosen}
    for e in outcomes(cluster, sequences):
        assert not e["effective"], f"a copy of seq {sequences[e['seq']]['seq']} had an effect: {e}"
        assert e["void_reason"]
    assert_unmoved(cluster, before)
    cluster.wait_healthy()


def test_an_event_on_the_wrong_subject_is_void(cluster, nats):
    before = cluster.describe()
    renew = [e for e in cluster.events() if e["kind"] == "renew" and e["effective"]][-1]
    other = next(name for name in cluster.nodes if name != renew["writer"])
    _, data = nats.stored(renew["seq"])
    seq = nats.append(f"pgbaton.demo.lock.{other}", data)
    assert outcomes(cluster, [seq])[0]["void_reason"] == "wrong_subject"
    assert_unmoved(cluster, before)


def test_failover_in_a_noisy_log(cluster, nats):
    """Noise before, during and after a failover, on every subject: the failover is as always."""
    if not find(cluster.events(), kind="release"):
        start = cluster.last_seq()
        cluster.fault("kill-postgres", cluster.primary())
        cluster.wait_event(start, kind="done", task="first_write")
        cluster.wait_healthy()
    old, start = cluster.primary(), cluster.last_seq()
    release = find(cluster.events(), kind="release")
    subject, copy = nats.stored(release["seq"])
    rng = random.Random(4)

    def noise():
        for _ in range(10):
            nats.append("pgbaton.demo.decision", rng.randbytes(60))
            nats.append(subject, copy)

    noise()
    cluster.fault("rm-data", old)
    noise()
    cluster.wait_event(start, kind="grant")
    cluster.write("in the noise")
    noise()
    cluster.wait_healthy()
    assert cluster.primary() != old
    wait_until("the row on the old primary", lambda: "in the noise" in cluster.rows(old))
    assert len([e for e in cluster.events(start) if e["kind"] == "grant" and e["effective"]]) == 1
