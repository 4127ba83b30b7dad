#!/usr/bin/python3
# SPDX-License-Identifier: PostgreSQL
"""checker - judges the histories that writers kept of one cluster.

  checker.py [--fault SECONDS] [--conninfo CONNINFO] HISTORY...

A promotion opens a new timeline, so a timeline stands for a term. What must not be:

  answered late   a write on a lower timeline is acknowledged after the first acknowledgement on a
                  higher one, as the clients saw it
  begun late      ... and the client even sent it after that: no delay of a client can explain it
  two writers     two nodes acknowledge writes on one timeline
  lost            an acknowledged write is not on the final primary (--conninfo), although the node
                  that was promoted had WAL beyond its commit (when the caller knows where it stood)
  came back       a write that was refused is there

Every violation is shown with what both sides saw around it. Times are relative to the fault
(CLOCK_MONOTONIC), or to the first write. The last line says what there was; the exit status is 1 if
anything must not be.
"""
import argparse
import bisect
import collections
import dataclasses
import sys

SHOWN = 6  # writes of each side around a violation
NAMED = 10  # violations of a kind that are told one by one


@dataclasses.dataclass(frozen=True)
class Write:
    client: str
    n: int
    node: str
    timeline: int
    lsn: int
    invoke: float  # seconds
    end: float
    outcome: str
    detail: str = ""

    @property
    def key(self):
        return self.client, self.n


def read(path):
    """A writer's file."""
    writes = []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            client, n, node, timeline, lsn, invoke, end, outcome, detail = line.rstrip("\n").split("\t")
            writes.append(Write(client, int(n), node, int(timeline), int(lsn), int(invoke) / 1e6,
                                int(end) / 1e6, outcome, detail))
    return writes


@dataclasses.dataclass
class Violation:
    kind: str
    text: str
    writes: tuple  # those that contradict each other; what happened around them is shown


class Verdict:
    """What a history is worth. present: the keys on the final primary, None when nobody asked it.
    forks: for each timeline where the WAL of the one before ended for certain not earlier."""

    def __init__(self, writes, present=None, forks=None, fault=None):
        self.writes = sorted(writes, key=lambda w: w.end)
        self.acknowledged = [w for w in self.writes if w.outcome == "ok"]
        self.zero = fault if fault is not None else min((w.invoke for w in writes), default=0.0)
        self.violations = []
        self.lost = []
        self.check_order()
        self.check_writers()
        if present is not None:
            self.check_present(present, forks or {})

    # ---- who may write ----

    def first_acknowledgements(self):
        first = {}
        for w in self.acknowledged:
            first.setdefault(w.timeline, w)
        return first

    def check_order(self):
        """Against the earliest acknowledgement on any higher timeline."""
        first = self.first_acknowledgements()
        for w in self.acknowledged:
            later = [first[t] for t in first if t > w.timeline and first[t].end < w.end]
            if later:
                other = min(later, key=lambda o: o.end)
                late = "begun late" if w.invoke > other.end else "answered late"
                self.violations.append(Violation(late, (
                    f"{name(w)} was acknowledged by {w.node} on timeline {w.timeline} "
                    f"{1000 * (w.end - other.end):.1f} ms after {name(other)} by {other.node} on "
                    f"timeline {other.timeline}"), (other, w)))

    def check_writers(self):
        first = {}
        for w in self.acknowledged:
            other = first.setdefault(w.timeline, w)
            if other.node != w.node:
                self.violations.append(Violation("two writers", (
                    f"timeline {w.timeline} is written by {other.node} ({name(other)}) and by {w.node} "
                    f"({name(w)})"), (other, w)))

    # ---- what must be there ----

    def check_present(self, present, forks):
        self.lost = [w for w in self.acknowledged if w.key not in present]
        bounds = {timeline: CommitBound(self.writes, timeline) for timeline in {w.timeline for w in self.lost}}
        for w in self.lost:
            fork = min((t for t in forks if t > w.timeline), default=None)
            proof = fork and bounds[w.timeline].after(w)
            if proof and proof.lsn <= forks[fork]:
                self.violations.append(Violation("lost", (
                    f"{name(w)}, acknowledged by {w.node} on timeline {w.timeline}, is lost, although the "
                    f"node of timeline {fork} had the WAL up to {forks[fork]} and {name(proof)}, sent "
                    f"after the acknowledgement, stood at {proof.lsn}"), (w, proof)))
        for w in self.writes:
            if w.outcome == "fail" and w.key in present:
                self.violations.append(Violation("came back", (
                    f"{name(w)} was refused by {w.node} ({w.detail}) and is there"), (w,)))

    # ---- what a person reads ----

    def line(self, w, mark):
        return (f"  {mark} {w.invoke - self.zero:+10.4f} {w.end - self.zero:+10.4f} s  {w.node:8} timeline "
                f"{w.timeline:3}  {w.outcome:4}  {name(w)}  {w.detail}".rstrip())

    def around(self, w):
        """What the same node answered just before and after a write."""
        mine = [o for o in self.writes if o.node == w.node]
        at = mine.index(w)
        return mine[max(0, at - SHOWN):at + SHOWN]

    def show(self, violation):
        shown = {o for w in violation.writes for o in self.around(w)}
        lines = [f"{violation.kind}: {violation.text}", "      sent       ended"]
        lines += [self.line(w, "*" if w in violation.writes else " ")
                  for w in sorted(shown, key=lambda w: w.end)]
        return "\n".join(lines)

    def report(self):
        """The first violation of each kind with both histories, the others in a line each."""
        lines = []
        kinds = collections.Counter(v.kind for v in self.violations)
        for kind, count in kinds.items():
            mine = [v for v in self.violations if v.kind == kind]
            lines.append(self.show(mine[0]))
            lines += [f"{kind}: {v.text}" for v in mine[1:NAMED]]
            if count > NAMED:
                lines.append(f"{kind}: and {count - NAMED} more")
        lines += [f"not there: {name(w)}, acknowledged by {w.node} on timeline {w.timeline} at "
                  f"{w.end - self.zero:+.4f} s" for w in self.lost[:NAMED]]
        return "\n".join(lines + [self.summary()])

    def summary(self):
        counts = collections.Counter(w.outcome for w in self.writes)
        kinds = collections.Counter(v.kind for v in self.violations)
        wrong = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"
        writers = sorted({(w.timeline, w.node) for w in self.acknowledged})
        return (f"{counts['ok']} acknowledged, {counts['fail']} refused, {counts['info']} unknown; "
                f"{len(self.lost)} lost; timelines {' '.join(f'{t}:{n}' for t, n in writers)}; "
                f"longest gap {1000 * self.longest_gap():.1f} ms; violations: {wrong}")

    def longest_gap(self, client=None):
        """The longest time in which nothing was acknowledged (to this client)."""
        ends = [w.end for w in self.acknowledged if client in (None, w.client)]
        return max((b - a for a, b in zip(ends, ends[1:])), default=0.0)


class CommitBound:
    """For a write on a timeline: one that was sent after its acknowledgement and shows how far the WAL had
    come at the most when it was committed; the one that shows the least."""

    def __init__(self, writes, timeline):
        mine = sorted((w for w in writes if w.timeline == timeline and w.lsn), key=lambda w: w.invoke)
        self.invokes = [w.invoke for w in mine]
        self.least = mine[:]
        for i in range(len(mine) - 2, -1, -1):
            self.least[i] = min(mine[i], self.least[i + 1], key=lambda w: w.lsn)

    def after(self, w):
        at = bisect.bisect_right(self.invokes, w.end)
        return self.least[at] if at < len(self.least) else None


def name(w):
    return f"{w.client}:{w.n}"


def fetch_present(conninfo):
    """The keys that the final primary has."""
    import psycopg2  # only this needs it
    connection = psycopg2.connect(conninfo)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select client, n from history")
            return set(cursor.fetchall())
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", type=float, metavar="SECONDS", help="when it struck")
    parser.add_argument("--conninfo", help="the final primary")
    parser.add_argument("histories", nargs="+", metavar="HISTORY")
    args = parser.parse_args()
    writes = [w for path in args.histories for w in read(path)]
    present = fetch_present(args.conninfo) if args.conninfo else None
    verdict = Verdict(writes, present, fault=args.fault)
    print(verdict.report())
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
