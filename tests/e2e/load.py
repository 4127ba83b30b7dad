# SPDX-License-Identifier: PostgreSQL
"""Clients that write all the time, and what their histories are worth afterwards.

  inside   lives where the primary lives and writes to that node for ever, whatever is cut off
  outside  follows whoever is writable; while the old primary answers it stays there
  rival    tries the other nodes all the time: should one of them be writable too soon, it writes there
"""
import os
import pathlib
import re
import select
import subprocess
import sys
import time

from cluster import DEADLINE, ROOT, field, processes, wait_until
from playground_lib import faults
from playground_lib.shape import in_namespace

sys.path.insert(0, str(ROOT / "tests" / "history"))

from checker import Verdict, read  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PGBATON_BUILD") or ROOT / "build")
WRITER = BUILD / "tests" / "history" / "writer"
# Four sessions: a write each 5 ms, and a look for a writable node each 10 ms or so. As fast as they can they
# take all of a small machine, which several clusters share, and are no faster there than that.
PACE = ("--every-ms", "20", "--rest-ms", "40")

# So long may a client wait without a change of leader, or read late what was acknowledged in time, on a machine
# that has much else to do, in seconds. How long it really takes is printed, and a campaign's to tell.
PATIENCE = 15.0
LATE = 5.0


class Writer:
    def __init__(self, cluster, name, nodes, namespace, *options):
        members = [cluster.pg.member("nodes", n) for n in nodes]
        self.path = pathlib.Path(cluster.directory) / f"{name}.history"
        self.process = subprocess.Popen(
            [*in_namespace(namespace), str(WRITER), "--client", name, "--file", str(self.path),
             "--sessions", "4", *PACE, *options,
             *(f"{m['name']}={m['address']}:{m['port']}" for m in members)],
            stdout=subprocess.PIPE, text=True)

    def wait_writing(self):
        out = self.process.stdout
        assert select.select([out], [], [], DEADLINE)[0] and out.readline() == "writing\n", (
            f"the client {self.path.stem} cannot write")

    def finish(self):
        """Everything that it wrote."""
        self.process.terminate()
        assert self.process.wait(DEADLINE) == 0
        self.process.stdout.close()
        writes = read(self.path)
        self.path.unlink()
        return writes

    def abandon(self):
        self.process.kill()
        self.process.wait()


class Load:
    """Use it in a with statement; verdict() ends the writing."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.old = cluster.primary()
        self.start = cluster.last_seq()
        self.promised = cluster.describe()["synchronous"]["step"] == "steady"
        self.fault_time = None
        self.writers = []

    def __enter__(self):
        cluster = self.cluster
        cluster.sql("drop table if exists history")
        cluster.sql("create table history (client text, n bigint, primary key (client, n))")
        home = cluster.pg.member("nodes", self.old)["namespace"]
        # A client that is told nothing for so long gives a write up, well before the lease ends, so
        # that an answer of an old primary that was under way cannot reach it later.
        patience = ("--answer-ms", "1500")
        others = [n for n in cluster.nodes if n != self.old]
        self.writers = [Writer(cluster, "outside", cluster.nodes, cluster.pg.hub(), *patience),
                        Writer(cluster, "inside", [self.old], home),
                        Writer(cluster, "rival", others, cluster.pg.hub(), *patience, "--sessions", "1")]
        for writer in self.writers[:2]:
            writer.wait_writing()
        return self

    def __exit__(self, *_):
        for writer in self.writers:
            writer.abandon()

    def fault(self, name, member=None, number=None):
        """Strikes, without the time that a command takes to start; the first one is what the histories' times
        are relative to."""
        names = faults.resolve(self.cluster.pg, faults.FAULTS[name][0], member)
        if self.fault_time is None:
            self.fault_time = time.monotonic()
        faults.strike(self.cluster.pg, name, names, number)

    # ---- the log ----

    def events(self):
        return self.cluster.events(self.start)

    def changes(self):
        """What ended or began a term since the load began."""
        return [e for e in self.events() if e["effective"] and e["kind"] in ("release", "revoke", "grant")]

    def wait_grant(self):
        """Until another node writes; returns its grant."""
        grant = self.cluster.wait_event(self.start, kind="grant")
        self.cluster.wait_event(grant["seq"], kind="done", task="first_write")
        return grant

    def wait_dead(self, pids):
        wait_until("the death of PostgreSQL", lambda: not [p for p in pids if processes.start_time(p)])

    def lease_seconds(self):
        return self.cluster.describe()["lease_ttl_ms"] / 1000

    def outlast_lease(self):
        """Long enough for a failover if there were a reason for one."""
        time.sleep(self.lease_seconds() + 2.0)

    # ---- the end ----

    def verdict(self):
        """Ends the writing, asks the primary what is there, and judges. Shown with -s or -rA."""
        self.cluster.wait_healthy()
        writes = self.finish_writing()
        present = set(self.cluster.sql("select client, n from history"))
        verdict = Verdict(writes, present, self.forks(), self.fault_time)
        print(verdict.summary())
        assert not verdict.violations, verdict.report()
        assert not (verdict.lost and self.is_promised()), verdict.report()
        return verdict

    def finish_writing(self):
        writes = [w for writer in self.writers for w in writer.finish()]
        self.writers = []
        return writes

    def verdict_on_writers(self):
        """The same when nobody may lead: who wrote when is all that can be judged."""
        verdict = Verdict(self.finish_writing(), fault=self.fault_time)
        print(verdict.summary())
        assert not verdict.violations, verdict.report()

    def is_promised(self):
        """All the time commits waited for standbys, so that none which was acknowledged may be lost."""
        return self.promised and not any(e.get("rule") == "sync-give-up" for e in self.events())

    def forks(self):
        """For each timeline the position up to which its node was known to have the one before."""
        return {field(e, "timeline"): lsn(field(e, "position")["lsn"]) for e in self.events()
                if e["effective"] and e["kind"] == "grant"}

    def assert_one_change(self):
        """One other node was granted the next term, once; the old primary is its standby now."""
        verdict = self.verdict()
        grants = [e for e in self.changes() if e["kind"] == "grant"]
        assert len(grants) == 1 and field(grants[0], "node") != self.old
        assert self.cluster.primary() == field(grants[0], "node")
        assert acknowledged(verdict, self.cluster.primary())
        return verdict

    def assert_no_change(self):
        """Nobody gave up, was deposed or granted, and no client hung."""
        verdict = self.verdict()
        assert not self.changes()
        assert self.cluster.primary() == self.old
        assert not verdict.lost
        assert {w.node for w in verdict.acknowledged} == {self.old}
        for client in ("inside", "outside"):
            assert verdict.longest_gap(client) < PATIENCE, f"{client}: {verdict.summary()}"
        return verdict


def gaps(verdict, client="outside"):
    """For each timeline but the first: how long nothing was acknowledged to that client before it, in s."""
    ends = {}
    for w in verdict.acknowledged:
        if w.client == client:
            first, last = ends.get(w.timeline, (w.end, w.end))
            ends[w.timeline] = (min(first, w.end), max(last, w.end))
    timelines = sorted(ends)
    return [ends[b][0] - ends[a][1] for a, b in zip(timelines, timelines[1:])]


# What a client meets whose primary stops in order, until it finds the next one.
OF_A_SWITCHOVER = re.compile(
    r"shutting down|starting up|server closed the connection|connection to server|read-only transaction|"
    r"terminating connection|no connection to the server|interrupted|not (yet )?accepting connections|"
    r"in recovery mode|could not|not waited for|no answer in time|^$")


def strange(verdict):
    """Answers that a switchover does not explain."""
    return sorted({w.detail for w in verdict.writes if w.outcome != "ok" and not OF_A_SWITCHOVER.search(w.detail)})


def lsn(text):
    """ValueError for one that is not known (None)."""
    high, _, low = (text or "").partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def acknowledged(verdict, node):
    return [w for w in verdict.acknowledged if w.node == node]
