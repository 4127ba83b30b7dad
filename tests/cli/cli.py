# SPDX-License-Identifier: PostgreSQL
"""The commands of pgbaton and pgbaton-replay, on captured files and on a real nats-server.

usage: cli.py PGBATON PGBATON-REPLAY HISTORY [unittest options]
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PGBATON = REPLAY = HISTORY = ""
ENV = {k: v for k, v in os.environ.items() if not k.startswith("PGBATON_")} | {"TZ": "UTC"}


def run(*command, code=0, env=None):
    """Runs a command that must exit with code; returns (stdout, stderr)."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=30,
                          env=ENV | (env or {}), check=False)
    assert code is None or done.returncode == code, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgbaton-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def history(self, variant=""):
        path = self.folder / f"{variant or 'good'}.pgb"
        run(HISTORY, path, variant)
        return path


class Verify(WithFolder):
    def test_whole_history(self):
        out, _ = run(REPLAY, "verify", self.history())
        self.assertIn("cluster demo: verified, sequences 1 to 38", out)
        self.assertIn("without effect: 1 stale_predecessor", out)

    def test_is_deterministic(self):
        path = self.history()
        self.assertEqual(run(REPLAY, "verify", path), run(REPLAY, "verify", path))

    def test_finds_a_forged_body(self):
        out, _ = run(REPLAY, "verify", self.history("forged"), code=1)
        self.assertIn("DIFFERENCE at sequence 28", out)
        self.assertRegex(out, r"field: +loss_bytes\n +logged: +4711\n +decided again: 0\n")
        self.assertNotIn(": verified", out)

    def test_finds_a_foreign_state(self):
        out, _ = run(REPLAY, "verify", self.history("digest"), code=1)
        self.assertIn("DIFFERENCE at sequence 34", out)
        self.assertIn("digest of the state", out)

    def test_counts_garbage(self):
        out, _ = run(REPLAY, "verify", self.history("garbage"))
        self.assertIn("1 malformed", out)

    def test_all_clusters_or_one(self):
        path = self.history("two")
        out, _ = run(REPLAY, "verify", path)
        self.assertIn("cluster demo: verified", out)
        self.assertIn("cluster other: verified", out)
        out, _ = run(REPLAY, "verify", path, "--cluster", "other")
        self.assertNotIn("demo", out)

    def test_needs_the_beginning(self):
        out, _ = run(REPLAY, "verify", self.history("headless"), code=1)
        self.assertIn("cannot be verified: the records begin at sequence 21", out)

    def test_cut_file(self):
        path = self.history()
        path.write_bytes(path.read_bytes()[:-10])
        out, err = run(REPLAY, "verify", path)
        self.assertIn("sequences 1 to 37", out)
        self.assertNotEqual(err, "")

    def test_missing_file(self):
        _, err = run(REPLAY, "verify", self.folder / "nothing", code=1)
        self.assertIn("No such file", err)


class WhatIf(WithFolder):
    def ask(self, *words):
        settings = [w for word in words for w in ("--set", word)]
        path = self.folder / "good.pgb"
        path = path if path.exists() else self.history()
        (told,) = json.loads(run(REPLAY, "whatif", path, *settings, "-o", "json")[0])["incidents"]
        return told

    def test_what_changes_nothing(self):
        told = self.ask("lease_ttl=6s")
        self.assertEqual((told["incident"], told["outcome"], told["same"], told["parts_at_seq"]),
                         (1, "granted", True, None))
        self.assertEqual(told["really"], {"over": "released", "over_ms": 20, "to": "node-2", "granted_ms": 24,
                                          "writable_ms": 28, "at_risk": told["with"]["at_risk"]})
        self.assertEqual(told["with"]["to"], "node-2")

    def test_another_node(self):
        told = self.ask("node-2.nofailover=true")
        self.assertEqual((told["outcome"], told["with"]["to"], told["same"]), ("granted", "node-3", False))
        self.assertEqual(told["parts_at_seq"], 28)
        verdicts = {c["node"]: c["verdict"] for c in told["candidates"]}
        self.assertEqual((verdicts["node-2"], verdicts["node-3"]), ("nofailover", "chosen"))
        self.assertEqual(self.ask("node-3.failover_priority=10")["with"]["to"], "node-2")  # it has more WAL

    def test_nobody(self):
        told = self.ask("switch_policy=Noop")
        self.assertEqual((told["outcome"], told["rule"], told["with"]["to"]), ("nobody", "policy-noop", None))
        told = self.ask("node-2.nofailover=true", "node-3.nofailover=true")
        self.assertEqual((told["outcome"], told["rule"]), ("nobody", "no-candidate"))

    def test_text(self):
        out, _ = run(REPLAY, "whatif", self.history(), "--set", "node-2.nofailover=true", "--incident", "1")
        for line in (r"Incident 1 of demo, 2026-03-01 .*: node-1 -> node-2, data directory empty",
                     r"as it was +with node-2.nofailover=true", r"old term over +20 ms  released +20 ms  released",
                     r"granted +24 ms  to node-2 +2\d ms  to node-3", r"first write +28 ms +2\d ms  estimated",
                     r"at risk, really +what the old leader wrote after",
                     r"at risk, then +256 B of the old leader's WAL", r"node-3 chosen",
                     r"From sequence 28 on the log would be another one", r"Not to be known: "):
            self.assertRegex(out, line)

    def test_words_that_are_wrong(self):
        path = self.history()
        for word, said in (("lease_ttl", "is not KEY=VALUE"), ("lease=3s", "nothing that can be set"),
                           ("lease_ttl=3", "lease_ttl"), ("switch_policy=any", "use one of MaximumAvailability"),
                           ("node-2.color=red", "no tag that bears on an election"),
                           ("failover_limit=-1", "is a number"), ("node-2.nofailover=maybe", "is wrong")):
            out, err = run(REPLAY, "whatif", path, "--set", word, code=2)
            self.assertEqual(out, "")
            self.assertIn(said, err)
        self.assertIn("--set lease_ttl=6s", run(REPLAY, "whatif", path, code=2)[1])
        for word, said in (("node-9.nosync=true", "demo has no node node-9"), ("lease_ttl=100ms", "lease_ttl is 100ms")):
            self.assertIn(said, run(REPLAY, "whatif", path, "--set", word, code=1)[1])
        self.assertIn("no incident 7", run(REPLAY, "whatif", path, "--set", "lease_ttl=6s", "--incident", "7", code=1)[1])

    def test_a_log_without_its_beginning(self):
        _, err = run(REPLAY, "whatif", self.history("headless"), "--set", "lease_ttl=6s", code=None)
        self.assertNotIn("Assertion", err)


class Timeline(WithFolder):
    def test_phases_and_return(self):
        out, _ = run(REPLAY, "timeline", self.history())
        self.assertIn("node-1 released (data directory empty), node-2 promoted, writable after 28 ms",
                      out)
        for line in (r"detected +0 ms", r"old leader fenced +18 ms", r"released +20 ms",
                     r"granted +24 ms", r"lease held +25 ms", r"promoted +26 ms",
                     r"first write +28 ms", r"rule elect-released",
                     r"node-1: told to rebuild .* streaming again after 32 ms"):
            self.assertRegex(out, line)

    def test_risk(self):
        out, _ = run(REPLAY, "timeline", self.history())
        self.assertRegex(out, r"at risk: what the old leader wrote after [\d:.]+; what it had until then is there")

    def test_incidents(self):
        path = self.history()
        out, _ = run(REPLAY, "incidents", path)
        self.assertRegex(out.splitlines()[1], r"^ +1  2026-03-01 \d\d:01:00.003  demo +2 +28 ms  node-1 released")
        (found,) = json.loads(run(REPLAY, "incidents", "-o", "json", path)[0])
        self.assertEqual((found["incident"], found["from"], found["to"], found["outage_ms"], found["from_seq"],
                          found["to_seq"]), (1, "node-1", "node-2", 28, 24, 36))
        out, _ = run(REPLAY, "timeline", "--incident", 1, path)
        shown = re.findall(r"^\d\d:\d\d:\d\d\.\d+ +(\d+) ", out, re.M)
        self.assertEqual((shown[0], shown[-1]), ("24", "36"))
        self.assertNotIn("bootstrap", out)
        self.assertNotIn("At the end", out)
        _, err = run(REPLAY, "timeline", "--incident", 2, path, code=1)
        self.assertIn("pgbaton-replay incidents lists them", err)
        for wrong in ("0", "x", "-1", ""):
            _, err = run(REPLAY, "timeline", "--incident", wrong, path, code=2)
            self.assertIn("an incident is a number from 1 on", err)

    def test_range(self):
        out, _ = run(REPLAY, "timeline", self.history(), "--from", 24, "--to", 28)
        self.assertNotIn("bootstrap", out)
        self.assertNotIn("accepts writes", out)
        self.assertIn("node-2 is granted term 2", out)
        self.assertIn("not writable within this range", out)
        self.assertIn("At the end: promoting, term 2", out)

    def test_json(self):
        out, _ = run(REPLAY, "timeline", self.history(), "-o", "json")
        (cluster,) = json.loads(out)
        change = cluster["changes"][1]
        self.assertEqual((change["from"], change["to"], change["rule"], change["cause"]),
                         ("node-1", "node-2", "elect-released", 24))
        self.assertEqual(change["phases_ms"], {"fenced": 18, "released": 20, "granted": 24,
                                               "leased": 25, "promoted": 26, "writable": 28, "acknowledged": None})
        self.assertEqual(change["old_leader"]["task"], "basebackup")
        self.assertIsNotNone(change["old_leader"]["streaming_at"])


class Past(WithFolder):
    def state(self, path, *options):
        return json.loads(run(REPLAY, "state", "-o", "json", path, *options)[0])

    def test_state_at_a_sequence(self):
        path = self.history()
        self.assertEqual([(s["leader"], s["status"]) for s in (self.state(path, "--at", 20), self.state(path, "--at", 30),
                                                               self.state(path))],
                         [("node-1", "running"), ("node-2", "promoting"), ("node-2", "running")])
        out, _ = run(REPLAY, "state", path, "--at", 24)
        self.assertRegex(out.splitlines()[0], r"^As of sequence 24, 2026-03-01 \d\d:01:00.023 ")
        self.assertIn("leader none", out.splitlines()[1])

    def test_state_at_a_time(self):
        path = self.history()
        self.assertEqual(self.state(path, "--at", "2026-03-01T12:00:30Z")["leader"], "node-1")
        self.assertEqual(self.state(path, "--at", "-1m")["leader"], "node-2")
        for wrong in ("+1m", "yesterday", "", "-", "12x"):
            _, err = run(REPLAY, "state", path, "--at", wrong, code=2)
            self.assertIn("a point is a sequence", err)

    def test_state_before_anything_and_in_the_middle(self):
        _, err = run(REPLAY, "state", self.history(), "--at", 0, code=1)
        self.assertIn("no cluster is known at that point", err)
        _, err = run(REPLAY, "state", self.history("headless"), code=1)
        self.assertIn("begin in the middle", err)

    def test_diff(self):
        path = self.history()
        found = json.loads(run(REPLAY, "diff", 20, 30, "-o", "json", "--file", path)[0])
        by_path = {d["path"]: (d["from"], d["to"]) for d in found}
        self.assertEqual((by_path["leader"], by_path["nodes.node-1.status"], by_path["waiting_for"]),
                         (("node-1", "node-2"), ("running", "empty"), (None, "first_write")))
        self.assertNotIn("nodes.node-3.address", by_path)
        out, _ = run(REPLAY, "diff", 20, "--file", path)
        self.assertRegex(out, r"(?m)^leader +node-1 -> node-2$")
        self.assertIn("Nothing", run(REPLAY, "diff", 20, 20, "--file", path)[0])
        self.assertIn("name two points", run(REPLAY, "diff", "--file", path, code=2)[1])
        self.assertIn("one word too many", run(REPLAY, "diff", 1, 2, 3, "--file", path, code=2)[1])


class Anonymize(WithFolder):
    NAMES = {b"demo": "cluster-1", b"127.0.0.1": "host-1"}

    def anonymize(self, path, *options):
        target = path.with_suffix(".anonymous")
        return target, run(REPLAY, "anonymize", path, "-o", target, *options)[1]

    def test_the_same_history(self):
        path = self.history()
        target, err = self.anonymize(path)
        self.assertIn("replaced: 1 cluster, 3 nodes", err)
        self.assertIn("wrote 38 records", err)
        for name, alias in self.NAMES.items():
            self.assertIn(name, path.read_bytes())
            self.assertNotIn(name, target.read_bytes())
        out, _ = run(REPLAY, "verify", target)
        self.assertRegex(out, r"^the file says: anonymous .* proves nothing")
        self.assertIn("cluster cluster-1: verified, sequences 1 to 38", out)
        self.assertNotIn("the file says", run(REPLAY, "verify", path)[0])
        told = run(REPLAY, "timeline", path)[0].replace("demo", "cluster-1")
        for line, again in zip(told.splitlines(), run(REPLAY, "timeline", target)[0].splitlines(), strict=True):
            self.assertEqual(re.sub(r"127.0.0.1:\d+", "A", line), re.sub(r"host-1:\d+", "A", again))

    def test_what_does_not_verify_still_does_not(self):
        for variant, seq in (("forged", 28), ("digest", 34)):
            target, _ = self.anonymize(self.history(variant))
            out, _ = run(REPLAY, "verify", target, code=1)
            self.assertIn(f"DIFFERENCE at sequence {seq}", out)
        self.anonymize(self.history("headless"))

    def test_what_cannot_be_read_is_not_kept(self):
        target, err = self.anonymize(self.history("garbage"))
        self.assertIn("1 records cannot be read", err)
        self.assertIn("1 malformed", run(REPLAY, "verify", target)[0])

    def test_same_in_same_out(self):
        path = self.history("two")
        first = self.anonymize(path)[0].read_bytes()
        path.with_suffix(".anonymous").unlink()
        self.assertEqual(self.anonymize(path)[0].read_bytes(), first)
        _, err = run(REPLAY, "anonymize", path, "-o", self.folder / "one", "--cluster", "other")
        self.assertIn("1 cluster,", err)

    def test_twice_is_once(self):
        for log in sorted((pathlib.Path(__file__).resolve().parents[1] / "incidents").glob("*/log.pgb")):
            again = self.folder / log.parent.name
            run(REPLAY, "anonymize", log, "-o", again)
            self.assertEqual(again.read_bytes(), log.read_bytes(), log)

    def test_wrong_input(self):
        path = self.history()
        self.anonymize(path)
        _, err = run(REPLAY, "anonymize", path, "-o", path.with_suffix(".anonymous"), code=1)
        self.assertIn("it exists", err)
        for line in ((path,), ("-o", "x")):
            self.assertIn("name the file to read", run(REPLAY, "anonymize", *line, code=2)[1])
        run(REPLAY, "anonymize", self.folder / "nothing", "-o", self.folder / "out", code=1)
        _, err = run(REPLAY, "anonymize", path, "-o", self.folder / "out", "--cluster", "nobody", code=1)
        self.assertIn("there is no record of nobody", err)
        path.write_bytes(path.read_bytes()[:-10])
        _, err = run(REPLAY, "anonymize", path, "-o", self.folder / "cut")
        self.assertRegex(err, r"the file is cut at offset \d+, after sequence 37")
        self.assertIn("sequences 1 to 37", run(REPLAY, "verify", self.folder / "cut")[0])
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["cut", "good.anonymous", "good.pgb"])


class Scenario(WithFolder):
    INCIDENTS = pathlib.Path(__file__).resolve().parents[1] / "incidents"

    def scenario(self, path, *options, code=0):
        target = self.folder / "incident"
        return target, run(REPLAY, "scenario", path, "-o", target, *options, code=code)[1]

    def check(self, *words, code=0):
        return run(sys.executable, self.INCIDENTS / "check.py", REPLAY, *words, code=code)[0]

    def test_a_folder_that_is_checked(self):
        folder, _ = self.scenario(self.history())
        self.assertEqual(sorted(p.name for p in folder.iterdir()), ["README", "expected.txt", "log.pgb"])
        self.assertIn("node-1 released (data directory empty), node-2 promoted", (folder / "README").read_text())
        expected = (folder / "expected.txt").read_text()
        self.assertIn("cluster cluster-1: verified, sequences 1 to 36", expected)
        self.assertIn("streaming again after 32 ms", expected)
        self.assertNotIn("digest", expected)
        self.assertIn("1 passed, 0 failed", self.check(folder))

    def test_the_check_finds_what_differs(self):
        folder, _ = self.scenario(self.history())
        expected = folder / "expected.txt"
        good = expected.read_text()
        expected.write_text(good.replace("node-2 promoted", "node-3 promoted"))
        out = self.check(folder, code=1)
        self.assertIn("+  Term 2 (seq 28): node-1 released (data directory empty), node-2 promoted", out)
        self.assertIn("0 passed, 1 failed", out)
        self.check(folder, "--rewrite")
        self.assertEqual(expected.read_text(), good)
        run(HISTORY, self.folder / "forged.pgb", "forged")
        shutil.copy(self.folder / "forged.pgb", folder / "log.pgb")
        self.assertIn("it does not verify", self.check(folder, code=1))

    def test_short(self):
        log = self.INCIDENTS / "postmaster-killed" / "log.pgb"
        folder, _ = self.scenario(log, "--short", "--incident", 3)
        self.assertLess((folder / "log.pgb").stat().st_size, log.stat().st_size * 2 / 3)
        self.assertIn("begins with a snapshot", (folder / "README").read_text())
        self.assertIn("1 passed, 0 failed", self.check(folder))
        told = [run(REPLAY, "timeline", path)[0].partition("  Term 4")[2] for path in (log, folder / "log.pgb")]
        self.assertEqual(told[0], told[1])
        self.assertIn("accepts writes", run(REPLAY, "timeline", folder / "log.pgb")[0])

    def test_renewed(self):
        """As after a new version of the fold: no digest fits."""
        folder, _ = self.scenario(self.history())
        run(REPLAY, "verify", self.history("digest"), code=1)
        shutil.copy(self.folder / "digest.pgb", folder / "log.pgb")
        self.check(folder, code=1)
        self.assertIn("it is told otherwise", self.check(folder, "--renew", code=1))
        out, _ = run(REPLAY, "verify", folder / "log.pgb")
        self.assertIn("verified, sequences 1 to 38", out)

    def test_wrong_input(self):
        log = self.INCIDENTS / "postmaster-killed" / "log.pgb"
        self.assertIn("several incidents", self.scenario(log, code=1)[1])
        self.assertIn("no incident 9", self.scenario(log, "--incident", 9, code=1)[1])
        self.assertIn("cannot be verified", self.scenario(self.history("forged"), code=1)[1])
        self.assertIn("name the captured file", run(REPLAY, "scenario", log, code=2)[1])
        self.assertEqual([p.name for p in self.folder.iterdir()], ["forged.pgb"])
        (self.folder / "incident").mkdir()
        self.assertIn("it exists", self.scenario(log, "--incident", 1, code=1)[1])


class Terminal:
    """A program on a terminal of its own, and what it shows: each page clears all and places its lines."""
    CLEAR = b"\033[H\033[2J"

    def __init__(self, *command, rows=24, columns=100, env=None):
        self.master, slave = pty.openpty()
        self.slave = os.dup(slave)
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.out = b""
        self.process = subprocess.Popen([str(c) for c in command], stdin=slave, stdout=slave, stderr=slave,
                                        env=ENV | {"TERM": "xterm"} | (env or {}), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def resize(self, rows, columns):
        self.rows = rows
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.out += os.read(self.master, 65536)
            return True
        return False

    def lines(self):
        page = self.out.rpartition(self.CLEAR)[2].decode("utf-8", "replace")
        rows = {int(row): re.sub(r"\033\[[\d;?]*[a-zA-Z]", "", text)
                for row, text in re.findall(r"\033\[(\d+);1H(.*?)\033\[0m", page, re.S)}
        return [rows.get(row, "") for row in range(1, max(rows, default=0) + 1)]

    def screen(self):
        return "\n".join(self.lines())

    def until(self, pattern):
        """Waits until the whole page is there and shows it; returns the page."""
        end = time.monotonic() + 20
        while len(self.lines()) < self.rows or not re.search(pattern, self.screen()):
            assert time.monotonic() < end, f"{pattern} is not on\n{self.screen()}\n{self.out[-300:]}"
            self.read(0.5)
        return self.screen()

    def press(self, keys, pattern):
        """What is shown before counts no more."""
        self.out = b""
        os.write(self.master, keys.encode())
        return self.until(pattern)

    def end(self):
        """The exit code; the terminal is as it was."""
        end = time.monotonic() + 20
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end"
            self.read(0.1)
        while self.read(0):
            pass
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Step(WithFolder):
    LEFT, RIGHT, UP, DOWN = "\033[D", "\033[C", "\033[A", "\033[B"
    HOME, END, PAGE_UP, PAGE_DOWN = "\033[H", "\033OF", "\033[5~", "\033[6~"

    def good(self):
        path = self.folder / "good.pgb"
        return path if path.exists() else self.history()

    def step(self, *options, path=None, **shape):
        terminal = Terminal(REPLAY, "step", path or self.good(), *options, **shape)
        self.addCleanup(terminal.close)
        return terminal

    def test_forwards_and_backwards(self):
        t = self.step()
        page = t.until(r"record 1 of 38")
        self.assertIn("node-1 says hello: empty", page)
        self.assertIn("cause:     none", page)
        self.assertRegex(page, r"nodes.node-1 +null -> ")
        seen = [page]
        for i, key in enumerate(("n", " ", self.RIGHT), 2):
            seen.append(t.press(key, rf"record {i} of 38"))
        for i, key in ((3, "p"), (2, self.LEFT), (1, "p")):
            self.assertEqual(t.press(key, rf"record {i} of 38"), seen[i - 1])
        self.assertIn("nothing before it is shown", t.press("p", "record 1 of"))
        t.press(self.PAGE_DOWN, "record 11 of")
        t.press(self.PAGE_UP, "record 1 of")
        self.assertIn("no action. I am node-2, the leader", t.press(self.END, "record 38 of"))
        self.assertIn("nothing after it is shown", t.press("n", "record 38 of"))
        self.assertEqual(t.press(self.HOME, "record 1 of"), page)
        os.write(t.master, b"q")
        self.assertEqual(t.end(), 0)

    def test_a_decision(self):
        t = self.step("--at", 28)
        page = re.sub(r"\n +", " ", t.until("record 28 of"))
        for expected in (r"  28  monitor-1  INFO  grant", r"node-2 is granted term 2 \(elect-released\)",
                         r"cause:     24, release, 0.00\d s before", r"outcome:   effective",
                         r"rule:      elect-released, in the state after 27; the decision before it is 15",
                         r"evidence:  .*\bhearing_ms \d+", r'\balive \["node-1", "node-2", "node-3"\]',
                         r"What it changes", r"leader +null -> node-2", r"\bterm +1 -> 2"):
            self.assertRegex(page, expected)
        page = t.press("d", "The state after it")
        self.assertIn("leader node-2", page)
        self.assertRegex(page, r"node-3 +secondary")

    def test_void(self):
        t = self.step("--at", 6)
        self.assertRegex(t.until("record 6 of"), r"outcome:   void, stale_predecessor: ")

    def test_go_to(self):
        t = self.step()
        t.until("record 1 of")
        t.press("g28\r", "record 28 of")
        t.press("g12:00:00.010\r", "record 11 of")
        t.press("g2026-03-01T12:01:00.025Z\r", "record 26 of")
        t.press("g1h\r", "record 1 of")
        t.press("g999\r", "record 38 of")
        t.press("gx\r", "a sequence, a time")
        t.press("g12\x7f5\x7f\x7f7\r", "record 7 of")
        t.press("g2", "go to: 2_")
        t.press("\033", "n next")
        t.press("n", "record 8 of")

    def test_incidents(self):
        t = self.step()
        t.until("record 1 of")
        self.assertIn("incident 1 begins here", t.press("i", "record 24 of"))
        self.assertIn("no leader is replaced after it", t.press("i", "record 24 of"))
        t.press("n", "record 25 of")
        t.press("I", "record 24 of")
        self.step("--incident", 1).until("record 24 of")
        out = subprocess.run([REPLAY, "step", self.good(), "--incident", "2"], capture_output=True, text=True,
                             env=ENV, check=False)
        self.assertEqual((out.returncode, "no incident 2" in out.stderr), (1, True))

    def test_search_and_filter(self):
        t = self.step()
        t.until("record 1 of")
        t.press("/promoted to TIMELINE\r", "record 30 of")
        t.press("/\r", "the search went on from the beginning")
        t.press("/zebra\r", "'zebra' is said nowhere")
        t.press(self.HOME, "record 1 of")
        t.press("f", "shown: what tells something new")
        t.press("f", "shown: decisions")
        for i in (2, 5, 6, 11, 15, 28, 34):
            t.press("n", rf"record {i} of")
        t.press("p", "record 28 of")
        t.press("f", "shown: warnings")
        t.press("p", "record 24 of")
        t.press("f", "shown: all")
        self.assertIn("the next record", t.press("?", "go to a sequence"))
        t.press(" ", "record 24 of")

    def test_any_size(self):
        t = self.step("--at", 28, rows=12, columns=50)
        small = t.until("record 28 of")
        self.assertLessEqual(max(len(line) for line in t.lines()), 50)
        self.assertLessEqual(len(t.lines()), 12)
        self.assertIn("scrolled", t.press(self.DOWN, "record 28 of") if "What it" in small else "scrolled")
        t.out = b""
        t.resize(40, 120)
        self.assertIn("hearing_ms", t.until("What it changes"))
        t.resize(1, 1)
        t.until("^.$")

    def test_signals_give_the_terminal_back(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT):
            t = self.step()
            t.until("record 1 of")
            self.assertNotEqual(termios.tcgetattr(t.slave), t.before)
            t.process.send_signal(number)
            self.assertEqual(t.end(), -number)
            self.assertTrue(t.out.endswith(b"\033[?1049l"))
        t = self.step()
        t.until("record 1 of")
        os.write(t.master, b"\x03")
        self.assertEqual(t.end(), 0)

    def test_is_stopped_and_goes_on(self):
        script = f"{REPLAY} step {self.good()}; stty -a; read -r answer; fg"
        t = Terminal("bash", "-mc", script)
        self.addCleanup(t.close)
        t.until("record 1 of")
        os.write(t.master, b"\x1a")
        end = time.monotonic() + 20
        while b" icanon" not in t.out:
            assert time.monotonic() < end, t.out
            t.read(0.5)
        self.assertIn(b"\033[?1049l", t.out)
        t.press("\n", "record 1 of")
        t.press("n", "record 2 of")
        os.write(t.master, b"q")
        self.assertEqual(t.end(), 0)

    def test_needs_a_terminal(self):
        _, err = run(REPLAY, "step", self.good(), code=1)
        self.assertRegex(err, "needs a terminal .*\nhint: pgbaton-replay timeline")
        self.assertIn("name a captured file", run(REPLAY, "step", code=2)[1])

    def test_odd_files(self):
        path = self.history("two")
        self.assertIn("several clusters: demo, other", run(REPLAY, "step", path, code=1)[1])
        self.assertIn("the log has no record of third", run(REPLAY, "step", path, "--cluster", "third", code=1)[1])
        self.step("--cluster", "other", path=path).until("other +record 1 of 23")
        self.assertIn("in the middle", run(REPLAY, "step", self.history("headless"), code=1)[1])
        self.assertIn("not a captured log", run(REPLAY, "step", "/etc/passwd", code=1)[1])
        self.assertIn("No such file", run(REPLAY, "step", self.folder / "nothing", code=1)[1])
        cut = self.folder / "cut.pgb"
        cut.write_bytes(self.good().read_bytes()[:-10])
        self.assertRegex(self.step(path=cut).until("record 1 of 37"), r"the file is cut at offset \d+, after sequence 37")
        self.assertIn("unreadable", self.step("--at", 26, path=self.history("garbage")).until("record 26 of 39"))


class Describe(WithFolder):
    def describe(self, *options):
        return json.loads(run(PGBATON, "describe", "-o", "json", *options)[0])

    def test_json(self):
        state = self.describe("--file", self.history())
        self.assertEqual(list(state), ["cluster", "status", "term", "leader", "switch_policy",
                                       "crash_policy", "would_promote", "restart", "restart_ordered", "probe",
                                       "lease_ttl_ms", "parameters", "parameters_seq", "failover_mode", "failsafe", "standby_cluster", "synchronous", "log_lost",
                                       "nodes",
                                       "last_change", "paused", "lease_lifted", "request", "last_request"])
        self.assertEqual((state["cluster"], state["status"], state["term"], state["leader"]),
                         ("demo", "running", 2, "node-2"))
        self.assertEqual([(n["name"], n["role"], n["status"]) for n in state["nodes"]],
                         [("node-1", "secondary", "streaming"), ("node-2", "primary", "running"),
                          ("node-3", "secondary", "streaming")])
        self.assertEqual(state["nodes"][0]["lsn"], "0/7000500")
        self.assertEqual(state["nodes"][0]["lag_bytes"], 0)
        self.assertEqual(state["nodes"][0]["address"], "127.0.0.1:5441")
        self.assertEqual(state["nodes"][0]["since"], "2026-03-01T12:01:00.035000Z")
        self.assertNotIn("reason", state["nodes"][0])
        self.assertEqual(state["last_change"]["phases_ms"]["writable"], 28)

    def test_leaderless_names_each_reason(self):
        state = self.describe("--file", self.history("stuck"))
        self.assertEqual((state["status"], state["leader"]), ("leaderless", None))
        self.assertIn("node-2 has no data directory", state["reason"])
        self.assertIn("heals when", state["reason"])
        self.assertEqual(state["nodes"][0]["reason"], "data directory empty")

    def test_table(self):
        out, _ = run(PGBATON, "describe", "--file", self.history())
        lines = out.splitlines()
        self.assertEqual(lines[0], "Cluster demo · Running · term 2 · leader node-2 · "
                                   "policy MaximumAvailability")
        self.assertEqual(lines[1].split(), "NODE ROLE STATUS TL LSN LAG LEASE ADDRESS SINCE".split())
        self.assertRegex(lines[3], r"^node-2 +primary +running +2 +0/7000500 +- +3.0 s +127")
        self.assertRegex(lines[5], r"^Last change: term 2, \d+s ago: node-1 released")

    def test_explain(self):
        path = self.history()
        found = json.loads(run(PGBATON, "explain", "-o", "json", "--file", path)[0])
        self.assertEqual(list(found), ["cluster", "status", "term", "if_the_leader_dies",
                                       "if_only_postgresql_dies", "switchover"])
        death = found["if_the_leader_dies"]
        self.assertEqual((death["outcome"], death["node"], death["granted_after_ms"]), ("grant", "node-1", 3106))
        self.assertEqual([(c["node"], c["verdict"]) for c in death["candidates"]],
                         [("node-1", "chosen"), ("node-2", "unreachable"), ("node-3", "eligible")])
        self.assertEqual(found["switchover"], [{"node": "node-1", "possible": True},
                                               {"node": "node-3", "possible": True}])
        out, _ = run(PGBATON, "explain", "--file", path)
        self.assertIn("If the host of node-2 died now, then 3.1 s after its last renewal: "
                      "node-1 is granted term 3 (elect-revoked)", out)
        self.assertRegex(out, r"node-3 +can begin now")

    def test_explain_while_nobody_leads(self):
        path = self.history("stuck")
        found = json.loads(run(PGBATON, "explain", "-o", "json", "--file", path)[0])
        self.assertEqual((found["waiting_for"], found["if_the_leader_dies"]),
                         ("candidate", {"outcome": "nobody_leads"}))
        self.assertFalse(any(s["possible"] for s in found["switchover"]))
        self.assertIn("has no leader that serves", found["switchover"][0]["reason"])
        out, _ = run(PGBATON, "explain", "--file", path)
        self.assertIn("node-2 has no data directory", out)

    def test_several_clusters(self):
        path = self.history("two")
        _, err = run(PGBATON, "describe", "--file", path, code=1)
        self.assertIn("name one of demo, other", err)
        self.assertEqual(self.describe("other", "--file", path)["cluster"], "other")
        out, _ = run(PGBATON, "describe", "-o", "json", "--file", path,
                     env={"PGBATON_CLUSTER": "demo"})
        self.assertEqual(json.loads(out)["cluster"], "demo")

    def test_unknown_cluster(self):
        _, err = run(PGBATON, "describe", "nobody", "--file", self.history(), code=1)
        self.assertIn("no cluster nobody", err)


class TailAndRole(WithFolder):
    def test_text_hides_renewals(self):
        path = self.history()
        line = "no action. I am node-1, the leader with the lock"
        self.assertNotIn(line, run(PGBATON, "tail", "--file", path)[0])
        self.assertIn(line, run(PGBATON, "tail", "--file", path, "--all")[0])

    def test_text_is_not_colored_in_a_pipe(self):
        self.assertNotIn("\033", run(PGBATON, "tail", "--file", self.history(), "--all")[0])

    def test_json_shows_everything(self):
        out, _ = run(PGBATON, "tail", "--no-follow", "-o", "json", "--file",
                     self.history("garbage"))
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([e["seq"] for e in events], list(range(1, 40)))
        by_seq = {e["seq"]: e for e in events}
        self.assertEqual((by_seq[26]["kind"], by_seq[26]["void_reason"]),
                         ("malformed", "malformed"))
        self.assertEqual((by_seq[6]["effective"], by_seq[6]["void_reason"]),
                         (False, "stale_predecessor"))
        grant = by_seq[29]
        self.assertEqual((grant["kind"], grant["rule"], grant["cause"], grant["term"],
                          grant["node"], grant["at"]),
                         ("grant", "elect-released", 24, 2, "node-2",
                          "2026-03-01T12:01:00.027000Z"))
        self.assertEqual(grant["evidence"]["alive"], ["node-1", "node-2", "node-3"])

    def test_from(self):
        out, _ = run(PGBATON, "tail", "--file", self.history(), "--from", 37, "--all")
        self.assertEqual(len(out.splitlines()), 2)

    def seqs(self, path, *options):
        out, _ = run(PGBATON, "tail", "-o", "json", "--file", path, *options)
        return [json.loads(line)["seq"] for line in out.splitlines()]

    def test_filters(self):
        path = self.history("garbage")
        self.assertEqual(self.seqs(path, "--kind", "grant,release", "--effective"), [5, 24, 29])
        self.assertEqual(self.seqs(path, "--kind", "grant", "--void"), [6])
        self.assertEqual(self.seqs(path, "--kind", "grant", "--node", "node-2"), [29])
        self.assertEqual(self.seqs(path, "--kind", "grant", "--term", 2), [29])
        self.assertEqual(self.seqs(path, "--since", 37), [37, 38, 39])
        self.assertEqual(self.seqs(path, "--until", 3), [1, 2, 3])
        self.assertEqual(self.seqs(path, "--since", "2026-03-01T12:01:00.036Z"), [38, 39])
        self.assertEqual(self.seqs(path, "--since", "10m"), [])
        self.assertIn(24, self.seqs(path, "--severity", "warning"))
        self.assertNotIn(29, self.seqs(path, "--severity", "warning"))
        self.assertEqual(self.seqs(path, "--node", "node-1", "--kind", "release"), [24])
        out, _ = run(PGBATON, "tail", "--file", path, "--kind", "renew")
        self.assertIn("the leader with the lock", out)
        for words, said in ((("--kind", "grand"), "no such kind of event"), (("--severity", "loud"), "debug, info"),
                            (("--since", "soon"), "a point is"), (("--term", "x"), "a number"),
                            (("--kind", ""), "no such kind")):
            _, err = run(PGBATON, "tail", "--file", path, *words, code=2)
            self.assertIn(said, err)

    def raw(self, path, *options):
        out, _ = run(PGBATON, "tail", "--raw", "--file", path, *options)
        return [line.split(" ") for line in out.splitlines()]

    def test_raw(self):
        path = self.history("garbage")
        lines = self.raw(path)
        self.assertEqual([int(line[0]) for line in lines], list(range(1, 40)))
        stored = path.read_bytes()
        for _, _, subject, size, payload in lines:
            self.assertEqual(len(payload), 2 * int(size))
            self.assertIn(subject.encode() + bytes.fromhex(payload), stored)
        self.assertEqual(lines[23][1:3], ["2026-03-01T12:01:00.023000Z", "pgbaton.demo.lock.node-1"])
        self.assertEqual([line[0] for line in self.raw(path, "--kind", "grant,release", "--effective")], ["5", "24", "29"])
        self.assertEqual([line[0] for line in self.raw(path, "--since", 37, "--until", 38)], ["37", "38"])
        _, err = run(PGBATON, "tail", "--raw", "-o", "json", "--file", path, code=2)
        self.assertIn("choose one", err)

    def test_role(self):
        path = self.history()
        self.assertEqual(run(PGBATON, "role", "--node", "node-2", "--file", path)[0], "primary\n")
        self.assertEqual(run(PGBATON, "role", "--node", "node-1", "--file", path)[0], "secondary\n")
        _, err = run(PGBATON, "role", "--node", "node-9", "--file", path, code=1)
        self.assertIn("no node node-9", err)
        _, err = run(PGBATON, "role", "--node", "node-1", "--file", self.history("stuck"), code=1)
        self.assertIn("data directory empty", err)


class CommandLine(WithFolder):
    def test_help_everywhere(self):
        for words in ([PGBATON], [REPLAY], [PGBATON, "describe"], [PGBATON, "tail"],
                      [PGBATON, "role"], [PGBATON, "switchover"], [PGBATON, "failover"],
                      [PGBATON, "rebuild"], [PGBATON, "restart"],
                      [PGBATON, "pause"], [PGBATON, "resume"], [PGBATON, "node", "remove"],
                      [PGBATON, "replay", "verify"], [REPLAY, "verify"],
                      [REPLAY, "timeline"], [REPLAY, "capture"]):
            self.assertIn("pgbaton", run(*words, "--help")[0])

    def test_version(self):
        self.assertRegex(run(PGBATON, "version")[0], r"^pgbaton \d+\.\d+\.\d+\n$")

    def test_wrong_lines(self):
        for words in ([PGBATON], [PGBATON, "nonsense"], [PGBATON, "tail", "--nonsense"],
                      [PGBATON, "describe", "--to", "3"], [PGBATON, "describe", "UPPER"],
                      [PGBATON, "describe", "-o", "xml"], [PGBATON, "tail", "--from", "x"],
                      [PGBATON, "describe", "--timeout", "5"], [PGBATON, "role"],
                      [PGBATON, "describe", "a", "b"], [REPLAY, "capture"],
                      [PGBATON, "failover"], [PGBATON, "switchover", "--to", "N1"],
                      [PGBATON, "switchover", "--accept-loss"],
                      [PGBATON, "rebuild"], [PGBATON, "rebuild", "a", "b", "c"],
                      [PGBATON, "restart", "a", "b", "c"], [PGBATON, "restart", "UPPER", "b"],
                      [PGBATON, "restart", "a", "--leader-first", "--no-switchover"],
                      [PGBATON, "rebuild", "node-1", "--method", "magic"],
                      [PGBATON, "switchover", "--file", "x"]):
            _, err = run(*words, code=2)
            self.assertNotEqual(err, "", words)

    def test_replay_is_found(self):
        out, _ = run(PGBATON, "replay", "verify", self.history())
        self.assertIn("verified", out)

    def test_no_server(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"nats://127.0.0.1:{closed.getsockname()[1]}"
            begun = time.monotonic()
            _, err = run(PGBATON, "describe", "--timeout", "500ms", env={"PGBATON_NATS": url}, code=1)
        self.assertLess(time.monotonic() - begun, 3)
        self.assertIn(url, err)
        self.assertIn("hint: start nats-server", err)

    def log_status(self, url, code=1):
        return json.loads(run(PGBATON, "log", "status", "-o", "json", "--nats", url, "--timeout", "2s", code=code)[0])

    def test_log_status_without_a_log(self):
        with socket.socket() as closed, socket.socket() as mute:
            closed.bind(("127.0.0.1", 0))
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            places = [f"127.0.0.1:{s.getsockname()[1]}" for s in (closed, mute)]
            status = self.log_status(f"nats://me:secret@{places[0]},{places[1]}")
            out, err = run(PGBATON, "log", "status", "--nats", f"nats://me:secret@{places[0]}", code=1)
        self.assertEqual((status["health"], status["stream"]), ("unreachable", None))
        self.assertEqual([(s["place"], s["reached"]) for s in status["servers"]], [(p, False) for p in places])
        self.assertEqual([s["reason"] for s in status["servers"]],
                         ["it does not take a connection", "it takes the connection, and says nothing"])
        self.assertIn("You can: start nats-server", out)
        self.assertNotIn("secret", out + err + json.dumps(status))

    def test_log_status_of_a_local_log(self):
        url = f"file:{self.folder}/log"
        self.assertEqual(self.log_status(url)["health"], "missing")
        self.folder.joinpath("log").write_text("no log", encoding="ascii")
        status = self.log_status(url)
        self.assertEqual(status["health"], "missing")
        self.assertIn("a monitor creates it", status["waits_for"])


@unittest.skipUnless(shutil.which("nats-server"), "nats-server is not installed")
class OnServer(WithFolder):
    def setUp(self):
        super().setUp()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"nats://127.0.0.1:{port}"
        server = subprocess.Popen(["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd",
                                   str(self.folder / "js")], stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        self.fail("nats-server does not listen")

    def test_no_stream(self):
        _, err = run(PGBATON, "describe", "--nats", self.url, "--timeout", "1s", code=1)
        self.assertIn("hint:", err)

    def log_status(self, *words):
        return json.loads(run(PGBATON, "log", "status", *words, "--nats", self.url, "-o", "json", code=1)[0])

    def test_log_status(self):
        """No monitor runs: that it can be written is not proven."""
        status = self.log_status()
        self.assertEqual((status["health"], status["stream"]), ("missing", None))
        self.assertTrue(status["servers"][0]["reached"] and status["servers"][0]["server"])
        run(HISTORY, self.url)
        status = self.log_status("demo")
        self.assertEqual((status["health"], status["monitors"], status["agents_heard"]), ("unproven", [], []))
        self.assertEqual((status["stream"]["records"], status["stream"]["first_seq"]), (38, 1))
        (cluster,) = status["clusters"]
        self.assertEqual([(a["node"], a["heard"], a["reported"]) for a in cluster["agents"]],
                         [(f"node-{i}", False, None) for i in (1, 2, 3)])
        self.assertIsNone(cluster["log_lost"])
        out, _ = run(PGBATON, "log", "status", "--nats", self.url, code=1)
        self.assertRegex(out, "one server, no replica(.|\n)*no monitor's heartbeat came in")
        _, err = run(PGBATON, "log", "status", "other", "--nats", self.url, code=1)
        self.assertIn("the log knows no cluster other", err)

    def test_same_as_the_file(self):
        run(HISTORY, self.url)
        path = self.history()
        self.assertEqual(run(REPLAY, "verify", "--nats", self.url)[0], run(REPLAY, "verify", path)[0])
        captured = self.folder / "captured.pgb"
        run(REPLAY, "capture", captured, "--nats", self.url)
        self.assertEqual(run(REPLAY, "timeline", captured)[0], run(REPLAY, "timeline", path)[0])
        before = captured.read_bytes()
        run(REPLAY, "capture", captured, "--nats", self.url, code=1)
        self.assertEqual(captured.read_bytes(), before)
        part = self.folder / "part.pgb"
        run(REPLAY, "capture", part, "--nats", self.url, "--from", 10, "--to", 12)
        out, _ = run(PGBATON, "tail", "--file", part, "-o", "json")
        self.assertEqual([json.loads(line)["seq"] for line in out.splitlines()], [10, 11, 12])

    def test_describe_asks_the_nodes(self):
        run(HISTORY, self.url)
        with subprocess.Popen([HISTORY, self.url, "answer"], stdout=subprocess.PIPE, text=True,
                              env=ENV) as agents:
            self.assertEqual(agents.stdout.readline(), "ready\n")
            out, _ = run(PGBATON, "describe", "demo", "-o", "json", "--nats", self.url)
        nodes = {n["name"]: n for n in json.loads(out)["nodes"]}
        self.assertEqual((nodes["node-2"]["lsn"], nodes["node-2"]["status"]),
                         ("0/7001100", "running"))
        self.assertEqual((nodes["node-1"]["lsn"], nodes["node-1"]["lag_bytes"]),
                         ("0/7000D00", 0x400))
        self.assertEqual((nodes["node-3"]["status"], nodes["node-3"]["role"]),
                         ("unreachable", "none"))
        self.assertIn("no answer", nodes["node-3"]["reason"])

    def events(self):
        out, _ = run(PGBATON, "tail", "--no-follow", "-o", "json", "--nats", self.url)
        return [json.loads(line) for line in out.splitlines()]

    def run_answered(self, *command, code=0):
        """While the agents of node-1 and node-2 are there to answer once."""
        with subprocess.Popen([HISTORY, self.url, "answer"], stdout=subprocess.PIPE, text=True,
                              env=ENV) as agents:
            self.assertEqual(agents.stdout.readline(), "ready\n")
            return run(*command, code=code)

    def test_switchover_is_checked_and_asked_for_once(self):
        run(HISTORY, self.url)
        ask = [PGBATON, "switchover", "demo", "--nats", self.url, "--to"]
        self.assertIn("node-3 gave no answer", self.run_answered(*ask, "node-3", code=1)[1])
        self.assertIn("it has node-1, node-2, node-3", self.run_answered(*ask, "node-9", code=1)[1])
        out, _ = self.run_answered(*ask, "node-1", "--dry-run")
        self.assertIn("from node-2 (term 2) to node-1", out)
        self.assertIn("node-1 lacks 1024 B now", out)
        self.assertEqual(self.events()[-1]["seq"], 38)
        out, _ = self.run_answered(*ask, "node-1", "-o", "json")
        self.assertEqual((json.loads(out)["outcome"], json.loads(out)["request_seq"]), ("asked", 39))
        last = self.events()[-1]
        self.assertEqual((last["kind"], last["request"], last["node"], last["effective"]),
                         ("request", "switchover", "node-1", True))
        self.assertRegex(last["writer"], r"^[a-z0-9][a-z0-9-]*$")
        _, err = self.run_answered(*ask, "node-1", code=1)
        self.assertIn("another request is not carried out yet: switchover to node-1", err)
        out, _ = run(PGBATON, "describe", "demo", "-o", "json", "--nats", self.url)
        self.assertEqual(json.loads(out)["request"]["stage"], "asked")

    def test_rebuild_is_checked_and_asked_for_once(self):
        run(HISTORY, self.url)
        ask = [PGBATON, "rebuild", "demo", "--nats", self.url, "--yes"]
        for node, said in (("node-2", "node-2 leads demo"), ("node-9", "has no node node-9"),
                           ("node-3", "node-3 gave no answer")):
            self.assertIn(said, self.run_answered(*ask, node, code=1)[1])
        self.assertIn("pg_rewind has nothing to do",
                      self.run_answered(*ask, "node-1", "--method", "rewind", code=1)[1])
        self.assertIn("--yes agrees", self.run_answered(*ask[:-1], "node-1", code=1)[1])
        self.assertEqual(self.events()[-1]["seq"], 38)
        out, _ = self.run_answered(*ask, "node-1", "-o", "json")
        self.assertEqual((json.loads(out)["outcome"], json.loads(out)["request"]),
                         ("asked", "rebuild"))
        last = self.events()[-1]
        self.assertEqual((last["kind"], last["request"], last["node"], last["effective"]),
                         ("request", "rebuild", "node-1", True))
        self.assertIn("node-1 is rebuilt already", self.run_answered(*ask, "node-1", code=1)[1])
        out, _ = run(PGBATON, "describe", "demo", "-o", "json", "--nats", self.url)
        nodes = {n["name"]: n for n in json.loads(out)["nodes"]}
        self.assertTrue(nodes["node-1"]["rebuild_asked"])

    def test_switchover_is_scheduled_and_taken_back(self):
        run(HISTORY, self.url)
        place = ["demo", "--nats", self.url]
        ask = [PGBATON, "switchover", *place, "--to", "node-1", "--at"]
        self.assertIn("no switchover of demo is asked for",
                      run(PGBATON, "switchover", *place, "--cancel", code=1)[1])
        self.assertIn("has passed", self.run_answered(*ask, "2026-01-01T00:00Z", code=1)[1])
        self.assertIn("more than 7 days ahead", self.run_answered(*ask, "+8d", code=1)[1])
        self.assertIn("--at takes", run(*ask, "tomorrow", code=2)[1])
        self.assertRegex(self.run_answered(*ask, "+10m", "--dry-run")[0], r"to node-1 at 20\d\d-")
        out, _ = self.run_answered(*ask, "+10m", "-o", "json")
        self.assertEqual(json.loads(out)["outcome"], "scheduled")
        self.assertEqual(self.events()[-1]["scheduled_for"], json.loads(out)["scheduled_for"])
        self.assertRegex(run(PGBATON, "describe", *place)[0],
                         r"Request: switchover to node-1 scheduled for 20\d\d-\d\d-\d\d ")
        self.assertIn("pgbaton switchover --cancel", self.run_answered(*ask, "+1h", code=1)[1])
        out, _ = run(PGBATON, "switchover", *place, "--cancel", "--dry-run")
        self.assertIn("Would take back: switchover to node-1 scheduled for", out)
        self.assertIn("Taken back", run(PGBATON, "switchover", *place, "--cancel")[0])
        out, _ = run(PGBATON, "describe", *place, "-o", "json")
        self.assertEqual((json.loads(out)["request"], json.loads(out)["last_request"]["reason"]),
                         (None, "cancelled"))

    def test_failover_is_for_when_nobody_leads(self):
        run(HISTORY, self.url, "leaderless")
        place = ["demo", "--nats", self.url]
        self.assertIn("has no leader that serves", run(PGBATON, "switchover", *place, code=1)[1])
        out, _ = run(PGBATON, "failover", *place, "--to", "node-2", "--dry-run")
        self.assertIn("Would ask for a failover of demo to node-2", out)
        out, _ = run(PGBATON, "failover", *place, "--to", "node-2")
        self.assertIn("Asked for, sequence 26", out)

    def test_follow(self):
        run(HISTORY, self.url, "leaderless")
        with subprocess.Popen([PGBATON, "tail", "-o", "json", "--nats", self.url], text=True,
                              stdout=subprocess.PIPE, env=ENV) as tail:
            first = [json.loads(tail.stdout.readline())["seq"] for _ in range(25)]
            self.assertEqual(first, list(range(1, 26)))
            with socket.create_connection(("127.0.0.1", int(self.url.rsplit(":", 1)[1]))) as client:
                client.sendall(b"CONNECT {\"verbose\":false}\r\n"
                               b"PUB pgbaton.demo.probe.node-3 3\r\n\xff\xff\xff\r\nPING\r\n")
                live = json.loads(tail.stdout.readline())
            tail.kill()
        self.assertEqual((live["seq"], live["kind"]), (26, "malformed"))

    def test_follow_a_log_that_is_replaced(self):
        """What there is now is shown, from where it differs on, and a line says why."""
        run(HISTORY, self.url, "leaderless")
        with subprocess.Popen([PGBATON, "tail", "-o", "json", "--nats", self.url], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV) as tail:
            before = [json.loads(tail.stdout.readline())["seq"] for _ in range(25)]
            with socket.create_connection(("127.0.0.1", int(self.url.rsplit(":", 1)[1]))) as client:
                client.sendall(b"CONNECT {\"verbose\":false}\r\nSUB gone 1\r\n"
                               b"PUB $JS.API.STREAM.DELETE.PGBATON gone 0\r\n\r\n")
                answer = b""
                while b"success" not in answer:
                    answer += client.recv(4096)
            said = tail.stderr.readline()
            while said and "does not exist" not in said:
                said = tail.stderr.readline()
            run(HISTORY, self.url)
            after = [json.loads(tail.stdout.readline())["seq"] for _ in range(38)]
            tail.kill()
        self.assertEqual((before, after), (list(range(1, 26)), list(range(1, 39))))
        self.assertIn("the log has lost what was read from it: stream PGBATON does not exist", said)
        self.assertIn("from sequence 1 on", said)


if __name__ == "__main__":
    PGBATON, REPLAY, HISTORY = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:4])
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
