# SPDX-License-Identifier: PostgreSQL
"""A log that comes back shorter, with its numbers used again, or empty: it is noticed and named, no term is
used twice, nothing that was acknowledged is lost, and the cluster comes back by itself."""
import contextlib
import json
import shutil

import pytest

from cluster import field, find, wait_until
from load import Load, lsn
from nats_client import Nats


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("log-lost", "--monitors", "2")


@pytest.fixture
def losing(keeper, directory, request):
    yield from keeper.lend(directory, request)


class LosingLoad(Load):
    """Judged by all that was decided, also in the part of the log that is gone."""

    gone = ()

    def events(self):
        return [*self.gone, *self.cluster.events(self.start)]

    def forks(self):
        """A leader that is adopted leaves no timeline."""
        return {field(e, "timeline"): lsn(field(e, "position")["lsn"]) for e in self.events()
                if e["effective"] and e["kind"] == "grant" and field(e, "grant_kind") == "failover"}

    def loses(self):
        """From here on what is in the log now is gone; whatever it holds then counts."""
        self.gone = self.events()
        self.start = 0


@contextlib.contextmanager
def rolled_back(cluster):
    """What the log takes in meanwhile it loses."""
    store, copy = cluster.pg.path("nats-1", "store"), cluster.pg.path("store.copy")
    cluster.run("fault", "kill-nats", "1")
    shutil.copytree(store, copy)
    cluster.run("fault", "start-nats", "1")
    yield
    cluster.run("fault", "kill-nats", "1")
    shutil.rmtree(store)
    shutil.move(copy, store)
    cluster.run("fault", "start-nats", "1")


def wait_told(cluster, nodes):
    """Until the log knows, from each of them, that it has lost something."""
    def told():
        return {e["writer"] for e in cluster.events() if e["kind"] == "hello" and e["lost"]} >= set(nodes)

    wait_until("hellos that tell of the loss", told)


def test_a_failover_is_lost(losing):
    """The grant, all renewals of its term, and what commits wait for since. Whoever holds that term gives it
    up, a higher one is granted, on the timeline that the lost one has opened."""
    with LosingLoad(losing) as load:
        with rolled_back(losing):
            losing.wait_healthy()
            load.fault("kill-postgres", load.old)
            load.wait_grant()
            losing.wait_healthy()
            lost_term = losing.describe()["term"]
            load.loses()
        wait_told(losing, losing.nodes)
        losing.wait_healthy()
        grant = find(losing.events(), kind="grant", term=lost_term + 1)
        assert grant and grant["effective"], "the next term is above the one that was lost"
        load.verdict()
    losing.pgbaton("switchover", "demo", "--wait")


def test_what_commits_wait_for_is_lost(losing):
    """Who leads goes on, unless its lease runs out while its agent starts again: machines are slow at times."""
    with LosingLoad(losing) as load:
        standby = losing.standbys()[0]
        with rolled_back(losing):
            losing.wait_healthy()
            before, start = losing.describe(), losing.last_seq()
            load.fault("kill-host", standby)
            losing.wait_event(start, kind="sync_set")
            load.fault("start", standby)
            losing.wait_healthy()
            load.loses()
        wait_told(losing, losing.nodes)
        losing.wait_healthy()
        after = losing.describe()
        late = find(losing.events(), kind="release", term=before["term"])
        assert (after["term"], after["leader"]) == (before["term"], before["leader"]) or \
            (late and field(late, "reason") == "lease_expired")
        load.verdict()


def loss(cluster):
    """What `pgbaton log status` says of it."""
    done = cluster.pgbaton("log", "status", "demo", "-o", "json", check=False)
    (shown,) = json.loads(done.stdout)["clusters"]
    assert (done.returncode == 1) >= (shown["log_lost"] is not None)
    return shown["log_lost"]


def stored_count(cluster):
    """Records in the log, heartbeats among them."""
    return json.loads(cluster.pgbaton("log", "status", "-o", "json", check=False).stdout)["stream"]["last_seq"]


def test_a_member_never_reports(losing):
    """An operator says that it is gone. Until then, and while it is heard, that is refused; from then on a
    failover happens by itself again. When the member comes back all the same it reports, and nothing breaks."""
    refused = losing.pgbaton("log", "recover", "demo", "--yes", check=False)
    assert refused.returncode == 1 and "no loss of a part of the log of demo is known" in refused.stderr
    gone, other = losing.standbys()
    with rolled_back(losing):
        losing.wait_healthy()
        losing.write("after the copy")
        start = losing.last_seq()
        losing.fault("kill-host", gone)
        losing.wait_event(start, kind="sync_set")
    wait_told(losing, [n for n in losing.nodes if n != gone])
    waits = wait_until("two reports", lambda: loss(losing) and loss(losing)["reported"] == 2 and loss(losing))
    assert gone in waits["waits_for"] and "pgbaton log recover demo" in waits["can_do"]
    asked = losing.pgbaton("log", "recover", "demo", check=False)
    assert asked.returncode == 1 and f"\n  {gone}\n" in asked.stderr and "--yes agrees" in asked.stderr
    assert loss(losing)

    done = wait_until("a monitor that hears it no more", lambda: recovered(losing))
    assert done["outcome"] == "done" and loss(losing) is None
    wait_until("commits that wait for the other one", lambda: leads_again(losing, other))
    old, start = losing.primary(), losing.last_seq()
    (heir,) = {*losing.nodes} - {gone, old}
    losing.fault("kill-postgres", old)
    losing.wait_event(start, kind="grant", node=heir)
    losing.wait_event(start, kind="done", task="first_write")
    losing.fault("start", gone)
    losing.wait_healthy()
    assert loss(losing) is None and "after the copy" in losing.rows(gone)


def leads_again(cluster, node):
    """If the lost part had another term nobody leads: that the member which is gone may have had more is accepted."""
    now = cluster.describe()
    if now["leader"] is None and "accept-loss" in now["reason"]:
        cluster.pgbaton("failover", "demo", "--to", node, "--accept-loss", check=False)
    return now["leader"] and now["synchronous"]["step"] == "steady"


def recovered(cluster):
    done = cluster.pgbaton("log", "recover", "demo", "--yes", "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def test_only_monitors_know_of_the_failover(losing):
    """Who led before it, and the other standby, were down: by the log that is left they would go on, past what the
    new leader has written. The monitors remember its term, so everybody waits for that node."""
    old = losing.primary()
    heir, other = losing.standbys()
    losing.write("before")
    with rolled_back(losing):
        losing.wait_healthy()
        term, start = losing.describe()["term"], losing.last_seq()
        losing.fault("kill-host", other)
        losing.wait_event(start, kind="sync_set")
        losing.fault("kill-host", old)
        losing.wait_event(start, kind="grant", node=heir)
        losing.write("after the failover")
        wait_remembered(losing, term + 1)
        losing.fault("kill-host", heir)
        held = [e["seq"] for e in losing.events() if e["kind"] == "anchor"]
    wait_until("a monitor that tells", lambda: [
        e for e in losing.events() if e["kind"] == "anchor" and e["effective"] and e["seq"] not in held])
    losing.fault("start", old)
    losing.fault("start", other)
    waits = wait_until("two reports", lambda: loss(losing) and loss(losing)["reported"] == 2 and loss(losing))
    assert waits["waits_for"].count(heir) and losing.describe()["leader"] is None
    start, heard = losing.last_seq(), stored_count(losing)
    # A lease and the hold-off later nobody would wait any more, if not for the loss.
    wait_until("heartbeats of eight seconds", lambda: stored_count(losing) >= heard + 2 * 8)
    assert not find(losing.events(start), kind="grant") and losing.describe()["leader"] is None

    losing.fault("start", heir)
    losing.wait_healthy()
    assert losing.describe()["term"] > term + 1 and loss(losing) is None
    for node in losing.nodes:
        assert {"before", "after the failover"} <= losing.rows(node)


def wait_remembered(cluster, term):
    """Until each monitor has this term on its disk."""
    def remembered():
        paths = [cluster.pg.path(m["name"], "state", "demo.json") for m in cluster.pg.members("monitors")]
        return all(json.loads(open(path, encoding="ascii").read())["term"] == str(term) for path in paths)

    wait_until(f"term {term} on each monitor's disk", remembered)


def test_stream_is_deleted(losing):
    """A monitor creates it again. Nobody knows of a leader, and the one that there was is adopted."""
    with LosingLoad(losing) as load:
        term, leader = [losing.describe()[k] for k in ("term", "leader")]
        server = losing.pg.members("nats")[0]
        load.loses()
        nats = Nats(server["address"], server["port"])
        assert json.loads(nats.request("$JS.API.STREAM.DELETE.PGBATON"))["success"]
        nats.close()
        wait_told(losing, losing.nodes)
        losing.wait_healthy()
        now = losing.describe()
        assert (now["term"], now["leader"], now["log_lost"]) == (term + 1, leader, None)
        load.verdict()
