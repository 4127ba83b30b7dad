# SPDX-License-Identifier: PostgreSQL
"""The judge itself: made-up histories that must be condemned, and their neighbours that must not."""
import pytest

from checker import Verdict, Write, read


def write(n, node, timeline, invoke, end, outcome="ok", lsn=0, client="c"):
    return Write(client, n, f"node-{node}", timeline, lsn, invoke, end, outcome,
                 "" if outcome == "ok" else "why")


def kinds(verdict):
    return [v.kind for v in verdict.violations]


FAILOVER = [write(1, 1, 1, 0.0, 0.1), write(2, 1, 1, 0.1, 0.2), write(3, 2, 2, 4.0, 4.1),
            write(4, 2, 2, 4.1, 4.2)]


def test_a_failover_is_right():
    assert kinds(Verdict(FAILOVER)) == []


def test_nothing_is_right():
    assert kinds(Verdict([])) == []


@pytest.mark.parametrize("invoke, end, kind", [
    (0.2, 4.1001, "answered late"),  # sent long before, answered just after
    (4.0999, 9.0, "answered late"),
    (4.1001, 4.2, "begun late"),  # sent after: no doubt is left
])
def test_old_primary_acknowledges_late(invoke, end, kind):
    verdict = Verdict(FAILOVER + [write(9, 1, 1, invoke, end, client="inside")])
    assert kinds(verdict) == [kind]
    said = verdict.report()
    assert "inside:9" in said and "c:3" in said and "node-1" in said and "node-2" in said


@pytest.mark.parametrize("end, outcome", [(4.0999, "ok"), (9.0, "fail"), (9.0, "info")])
def test_what_is_not_acknowledged_late_is_right(end, outcome):
    assert kinds(Verdict(FAILOVER + [write(9, 1, 1, 0.2, end, outcome)])) == []


def test_lateness_is_against_any_higher_timeline():
    """Timeline 3 writes for a moment before 2 does: 2 is late, and 1 is late against 3."""
    verdict = Verdict([write(1, 3, 3, 1.0, 1.1), write(2, 2, 2, 1.0, 2.0), write(3, 1, 1, 1.0, 1.5)])
    assert kinds(verdict) == ["answered late", "answered late"]
    assert all("c:1" in v.text for v in verdict.violations)


def test_a_node_may_lead_again():
    assert kinds(Verdict(FAILOVER + [write(5, 1, 3, 8.0, 8.1)])) == []


def test_two_nodes_on_one_timeline():
    assert kinds(Verdict([write(1, 1, 1, 0, 1), write(2, 2, 1, 0, 2)])) == ["two writers"]
    assert kinds(Verdict([write(1, 1, 1, 0, 1), write(2, 2, 1, 0, 2, "info")])) == []


def test_lost_writes_are_counted():
    verdict = Verdict(FAILOVER, present={("c", 1), ("c", 3), ("c", 4)})
    assert kinds(verdict) == []
    assert [w.key for w in verdict.lost] == [("c", 2)]
    assert "1 lost" in verdict.summary() and "c:2" in verdict.report()


@pytest.mark.parametrize("lsn, invoke, fork, kind", [
    (200, 0.3, 250, ["lost"]),  # a write that came later is within the promoted node's WAL
    (200, 0.3, 200, ["lost"]),
    (200, 0.3, 199, []),  # it was not: the loss was possible
    (200, 0.15, 250, []),  # it was sent before the acknowledgement: it proves nothing
])
def test_a_loss_that_could_not_be(lsn, invoke, fork, kind):
    writes = FAILOVER + [write(5, 1, 1, invoke, 0.5, "info", lsn)]
    assert kinds(Verdict(writes, {("c", 1), ("c", 3), ("c", 4)}, {2: fork})) == kind


def test_the_fork_is_the_next_one():
    """What is missing after the first change is judged by that one, whatever came afterwards."""
    writes = FAILOVER + [write(5, 1, 1, 0.3, 0.5, "info", 200)]
    present = {("c", 1), ("c", 3), ("c", 4)}
    assert kinds(Verdict(writes, present, {2: 100, 3: 900})) == []
    assert kinds(Verdict(writes, present, {1: 900, 3: 900})) == ["lost"]


def test_unknown_writes_may_be_there_or_not():
    unknown = [write(7, 1, 1, 0.2, 2.0, "info"), write(8, 1, 1, 0.2, 2.0, "info")]
    present = {w.key for w in FAILOVER} | {("c", 7)}
    verdict = Verdict(FAILOVER + unknown, present)
    assert kinds(verdict) == [] and verdict.lost == []


def test_refused_writes_must_not_be_there():
    refused = [write(7, 1, 1, 0.2, 2.0, "fail")]
    present = {w.key for w in FAILOVER}
    assert kinds(Verdict(FAILOVER + refused, present)) == []
    assert kinds(Verdict(FAILOVER + refused, present | {("c", 7)})) == ["came back"]


def test_gaps():
    verdict = Verdict(FAILOVER + [write(1, 2, 2, 4.0, 6.0, client="d")])
    assert verdict.longest_gap() == pytest.approx(3.9)
    assert verdict.longest_gap("d") == 0.0


def test_times_are_relative_to_the_fault():
    late = write(9, 1, 1, 104.0, 105.0)
    verdict = Verdict([write(1, 2, 2, 102.0, 103.0), late], fault=100.0)
    assert "+4.0000    +5.0000 s  node-1" in verdict.report()


def test_many_violations_are_told_briefly():
    late = [write(100 + i, 1, 1, 5.0, 5.0 + i / 100) for i in range(50)]
    said = Verdict(FAILOVER + late).report()
    assert "and 40 more" in said and said.count("acknowledged by node-1") == 10
    assert "violations: 50 begun late" in said


def test_files_are_read(tmp_path):
    path = tmp_path / "history"
    path.write_text("c\t7\tnode-1\t2\t300\t1500000\t2500000\tok\t\n"
                    "c\t8\tnode-1\t0\t0\t1600000\t2600000\tinfo\tserver closed\n", encoding="utf-8")
    assert read(path) == [Write("c", 7, "node-1", 2, 300, 1.5, 2.5, "ok"),
                          Write("c", 8, "node-1", 0, 0, 1.6, 2.6, "info", "server closed")]
