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
    cluster.forged = True
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
    """Every record of the log once more, in another order: nothing moves. What a snapshot says is as true the
    second time; test_log_nats_snapshot has late copies of those."""
    before = cluster.describe()
    events = [e for e in cluster.events() if e["effective"] and e["kind"] != "snapshot"]
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


def forged(cluster, nats, subject, data):
    """Appends it; the void event that it becomes."""
    seq = nats.append(subject, data)
    (event,) = outcomes(cluster, [seq])
    assert not event["effective"]
    return event


def assert_found(cluster, directory, events):
    """Tail names each of them and why it has no effect; verify counts it by that name, and finds the log in order."""
    shown = cluster.pgbaton("tail", "--no-follow", "--all").stdout.splitlines()
    path = directory / "forged.log"
    cluster.pgbaton("replay", "capture", str(path))
    verified = cluster.pgbaton("replay", "verify", str(path), check=False)
    path.unlink()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for e in events:
        (line,) = [x for x in shown if f" {e['seq']} " in x]
        assert "ignored" in line, line
        assert e["void_reason"] in verified.stdout, (e, verified.stdout)


def test_forged_and_replayed_records_are_void(cluster, nats, directory):
    """A decision again, another one on its predecessor, an altered copy, a renewal of old, a stranger's cluster,
    garbage: each is void for its own reason."""
    before = cluster.describe()
    events = cluster.events()
    decisions = [e for e in events if e["kind"] in ("sync_set", "grant", "config", "order") and e["effective"]]
    subject, replayed = nats.stored(decisions[0]["seq"])
    renews = [e for e in events if e["kind"] == "renew" and e["effective"] and e["writer"] == before["leader"]]
    lock, renewal = nats.stored(renews[0]["seq"])
    _, latest = nats.stored(decisions[-1]["seq"])
    changed = latest.replace(b"monitor-1", b"monitor-9", 1)
    assert changed != latest
    foreign = latest.replace(b"demo", b"deme", 1)
    found = {
        "replayed": forged(cluster, nats, subject, replayed),
        "altered": forged(cluster, nats, subject, changed),
        "renewed": forged(cluster, nats, lock, renewal),
        "foreign": forged(cluster, nats, subject, foreign),
        "garbage": forged(cluster, nats, subject, b"\xff" * 40),
    }
    assert {k: e["void_reason"] for k, e in found.items()} == {
        "replayed": "stale_predecessor", "altered": "stale_predecessor", "renewed": "duplicate",
        "foreign": "wrong_subject", "garbage": "malformed"}
    assert_found(cluster, directory, found.values())
    assert_unmoved(cluster, before)
