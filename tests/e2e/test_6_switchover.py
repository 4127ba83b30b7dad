# SPDX-License-Identifier: PostgreSQL
"""Planned switchover: another node leads, nothing is lost, and what cannot be done changes nothing."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest

from cluster import field, find, in_namespace, seconds, wait_until
from load import Load, gaps, lsn, strange


def switchover(cluster, *words, check=True):
    return cluster.pgbaton("switchover", "demo", *words, check=check)


@contextlib.contextmanager
def follow(cluster):
    """The events from here on, one by one, as soon as they are stored."""
    start = cluster.last_seq()
    words = ["pgbaton", "tail", "demo", "--from", str(start + 1), "-o", "json"]
    tail = subprocess.Popen([*in_namespace(cluster.pg.hub()), *words], env=cluster.env, text=True,
                            stdout=subprocess.PIPE)
    try:
        yield map(json.loads, tail.stdout)
    finally:
        tail.kill()
        tail.wait()
        tail.stdout.close()


def begin(cluster, *words):
    return subprocess.Popen([*in_namespace(cluster.pg.hub()), "pgbaton", "switchover", "demo", *words],
                            env=cluster.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def await_step(events, step):
    for e in events:
        if e["kind"] == "switchover_step" and e["effective"]:
            assert field(e, "step") == step or step == "stop", e
            if field(e, "step") == step:
                return e
    raise AssertionError(f"no step {step}")


def assert_no_copy(events):
    """Nobody was rewound or copied: everybody just follows."""
    assert not find(events, kind="directive")


def assert_nothing_asked(cluster, start, old):
    events = cluster.events(start)
    assert not [e for e in events if e["kind"] in ("request", "switchover_step", "grant")]
    assert cluster.primary() == old


@pytest.mark.parametrize("named", [True, False])
def test_under_load(cluster, named):
    old = cluster.primary()
    target = cluster.standbys()[-1] if named else cluster.standbys()[0]
    with Load(cluster) as load:
        done = switchover(cluster, *(["--to", target] if named else []), "--wait")
        print(done.stdout)
        assert "Done:" in done.stdout
        assert cluster.primary() == target
        verdict = load.assert_one_change()
    events = load.events()
    assert not verdict.lost
    assert_no_copy(events)
    release = find(events, kind="release")
    assert field(release, "reason") == "requested" and field(release, "clean")
    grant = find(events, kind="grant")
    assert grant["rule"] == "elect-switchover" and field(grant, "loss_bytes") == 0
    assert lsn(field(grant, "position")["lsn"]) >= lsn(field(release, "position")["lsn"])
    gap = verdict.longest_gap("outside")
    print(f"outage as the client sees it: {1000 * gap:.0f} ms; "
          f"phases {cluster.describe()['last_change']['phases_ms']}")
    request = cluster.describe()["last_request"]
    assert request["granted"] and request["to"] == target and cluster.describe()["request"] is None
    old_node = [n for n in cluster.describe()["nodes"] if n["name"] == old][0]
    assert old_node["status"] == "streaming"


def test_again_and_again(cluster):
    """Six in a row while clients write, each to the next standby, one of them at its time: nothing is lost,
    nobody is rewound or copied, and no client meets anything but a primary that stops."""
    with Load(cluster) as load:
        for i in range(1, 7):
            if i == 3:
                assert "scheduled for" in switchover(cluster, "--at", "+2s").stdout
            else:
                assert "Asked for" in switchover(cluster).stdout
            wait_until("the grants", lambda n=i: len(grants_of(load)) == n)
            cluster.wait_healthy()
        events = load.events()
        verdict = load.verdict()
    rules = [e["rule"] for e in grants_of(load)]
    assert len(rules) == 6 and set(rules) <= {"elect-switchover", "elect-released"}
    assert not verdict.lost, verdict.report()
    assert not strange(verdict), strange(verdict)
    assert_no_copy(events)
    assert not find(events, kind="failed")
    assert all(field(e, "clean") for e in events if e["kind"] == "release")
    due = find(events, kind="switchover_step", step="due")
    scheduled = [e for e in events if field(e, "scheduled_for")][0]
    assert seconds(due["evidence"]["wall_clock"]) >= seconds(field(scheduled, "scheduled_for"))
    print("gaps in ms:", [round(1000 * g) for g in gaps(verdict)])


def grants_of(load):
    return [e for e in load.changes() if e["kind"] == "grant"]


def test_taken_back(cluster):
    old, start = cluster.primary(), cluster.last_seq()
    switchover(cluster, "--at", "+1h")
    assert "scheduled for" in cluster.pgbaton("describe", "demo").stdout
    assert "Taken back" in switchover(cluster, "--cancel").stdout
    assert cluster.describe()["last_request"]["reason"] == "cancelled"
    assert not find(cluster.events(start), kind="switchover_step") and cluster.primary() == old


@pytest.mark.parametrize("node, words", [("node-9", "has no node node-9"), (None, "leads demo already")])
def test_wrong_target(cluster, node, words):
    old, start = cluster.primary(), cluster.last_seq()
    done = switchover(cluster, "--to", node or old, check=False)
    assert done.returncode == 1 and words in done.stderr
    assert_nothing_asked(cluster, start, old)


def test_dry_run(cluster):
    old, start = cluster.primary(), cluster.last_seq()
    target = cluster.standbys()[0]
    done = switchover(cluster, "--to", target, "--dry-run")
    assert f"from {old}" in done.stdout and f"to {target}" in done.stdout
    plan = json.loads(switchover(cluster, "--to", target, "--dry-run", "-o", "json").stdout)
    assert (plan["from"], plan["to"], plan["outcome"]) == (old, target, "dry_run")
    assert_nothing_asked(cluster, start, old)


def test_failover_while_somebody_leads(cluster):
    old, start = cluster.primary(), cluster.last_seq()
    done = cluster.pgbaton("failover", "demo", "--to", cluster.standbys()[0], check=False)
    assert done.returncode == 1 and f"{old} holds term" in done.stderr
    assert cluster.pgbaton("failover", "demo", check=False).returncode == 2
    assert_nothing_asked(cluster, start, old)


@contextlib.contextmanager
def tagged(cluster, node, tag):
    """The agent is started anew with this tag, and afterwards without."""
    path = pathlib.Path(cluster.pg.path(node, "agent.yaml"))
    text = path.read_text(encoding="utf-8")

    def restart():
        start = cluster.last_seq()
        cluster.fault("kill-agent", node)
        cluster.wait_event(start, kind="hello", writer=node)

    def streams():
        return [n["status"] for n in cluster.describe()["nodes"] if n["name"] == node] == ["streaming"]

    try:
        path.write_text(text + f"tags: {{{tag}: true}}\n", encoding="utf-8")
        restart()
        wait_until("a tagged standby", streams)  # for which no commit has to wait
        yield
    finally:
        path.write_text(text, encoding="utf-8")
        restart()
        cluster.wait_healthy()


def test_tagged_target(cluster):
    old, target = cluster.primary(), cluster.standbys()[0]
    with tagged(cluster, target, "nofailover"):
        start = cluster.last_seq()
        done = switchover(cluster, "--to", target, "--wait", check=False)
        assert done.returncode == 1 and "is tagged nofailover" in done.stderr
        assert_nothing_asked(cluster, start, old)
        other = [n for n in cluster.standbys() if n != target][0]
        switchover(cluster, "--wait")
        assert cluster.primary() == other


@pytest.mark.parametrize("step", ["begin", "stop"])
def test_target_killed_in_the_middle(cluster, step):
    """It is given up, or another node leads; in the end somebody does, and nothing is lost that a leader
    which stopped in order had acknowledged."""
    target = cluster.standbys()[0]
    with Load(cluster) as load, follow(cluster) as events:
        process = begin(cluster, "--to", target, "--wait")
        await_step(events, step)
        load.fault("kill-host", target)
        code, out, err = finish(process)
        print(out, err)
        cluster.write(f"after the loss of {target}")
        cluster.fault("start", target)
        verdict = load.verdict()
    granted = [e for e in load.changes() if e["kind"] == "grant"]
    taken = any(field(e, "node") == target for e in granted)
    assert taken or (code == 1 and err and not verdict.lost)
    assert cluster.describe()["request"] is None


def freeze_at_the_beginning(cluster, load, target, frozen):
    """What the command answers; None if the leader was told to stop before the freeze could show."""
    with follow(cluster) as events:
        process = begin(cluster, "--to", target, "--wait")
        await_step(events, "begin")
        load.fault("freeze", frozen)
        code, out, err = finish(process)
        load.fault("thaw", frozen)
        print(out, err)
    late = any(e["kind"] == "switchover_step" and field(e, "step") == "stop" for e in load.events())
    return None if late else (code, err)


@pytest.mark.parametrize("which, reason", [("target", "target_unfit"), ("other", "standby_stuck")])
def test_standby_frozen_at_the_beginning(cluster, which, reason):
    """A shutdown of the leader would wait for it: the leader is not even told to stop."""
    answer = None
    for _ in range(10):
        cluster.wait_healthy()
        target, other = cluster.standbys()
        with Load(cluster) as load:
            answer = freeze_at_the_beginning(cluster, load, target, {"target": target, "other": other}[which])
            if answer is not None:
                load.assert_no_change()
                break
    assert answer is not None, "ten times the leader was told to stop first"
    assert answer[0] == 1 and "given up" in answer[1]
    assert cluster.describe()["last_request"]["reason"] == reason
    assert_no_copy(load.events())


def receiver(cluster, node):
    """The process of a standby that receives WAL."""
    return cluster.value("select pid from pg_stat_wal_receiver", node)


def test_standby_stuck_while_the_leader_stops(cluster):
    """PostgreSQL waits for a standby that never answers: the leader is called back, and goes on in the same
    term, with all that it had acknowledged."""
    for _ in range(3):
        old, (target, other) = cluster.primary(), cluster.standbys()
        term, stuck = cluster.describe()["term"], receiver(cluster, other)
        with Load(cluster) as load, follow(cluster) as events:
            process = begin(cluster, "--to", target, "--wait")
            await_step(events, "stop")
            os.kill(stuck, signal.SIGSTOP)
            code, out, err = finish(process)
            with contextlib.suppress(ProcessLookupError):
                os.kill(stuck, signal.SIGCONT)
            cluster.write(f"after {other} was stuck")
            print(out, err)
            verdict = load.verdict()
        assert not verdict.lost
        if code == 1:
            break
    assert "PostgreSQL did not stop in time" in err
    assert not load.changes()
    assert (cluster.primary(), cluster.describe()["term"]) == (old, term)
    assert cluster.describe()["last_request"]["reason"] == "stop_timeout"
    assert_no_copy(load.events())


def failover(cluster, *words, check=True):
    return cluster.pgbaton("failover", "demo", *words, check=check)


def test_failover_with_an_accepted_loss(cluster):
    """Only a node is left that missed the last term: it leads when an operator accepts what that loses."""
    first, behind = cluster.primary(), cluster.standbys()[0]
    second = [n for n in cluster.nodes if n not in (first, behind)][0]
    cluster.write("everybody has this")
    wait_until("the row", lambda: "everybody has this" in cluster.rows(behind))
    cluster.fault("kill-host", behind)
    switchover(cluster, "--to", second, "--wait")
    cluster.write("one node misses this")
    for node in (first, second):
        cluster.fault("kill-host", node)
    start = cluster.last_seq()
    cluster.fault("start", behind)
    wait_until("nobody who can lead", lambda: cluster.describe()["status"] == "leaderless")
    refused = wait_until("its report", lambda: match(failover(cluster, "--to", behind, check=False),
                                                     "is behind the place where the last term opened"))
    assert refused.returncode == 1 and "--accept-loss" in refused.stderr
    assert not find(cluster.events(start), kind="grant")
    done = failover(cluster, "--to", behind, "--accept-loss", "--wait")
    assert "whatever it lacks" in done.stdout
    grant = find(cluster.events(start), kind="grant")
    assert grant["rule"] == "elect-requested" and field(grant, "node") == behind
    assert field(grant, "loss_bytes") > 0
    assert cluster.primary() == behind
    cluster.write("after the loss")
    for node in (first, second):
        cluster.fault("start", node)
    cluster.wait_healthy()
    assert cluster.primary() == behind
    for node in cluster.nodes:
        wait_until(f"the rows on {node}", lambda n=node: "after the loss" in cluster.rows(n))
        assert "one node misses this" not in cluster.rows(node)


def match(done, words):
    return done if words in done.stderr else None
