# SPDX-License-Identifier: PostgreSQL
"""pgbaton-replay report on captured files: its options, its model, its drawing, and what it leaves behind.

usage: report.py PGBATON PGBATON-REPLAY HISTORY NONSENSE [unittest options]

tests/report looks at the page in a browser.
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

import cli
from cli import ENV, WithFolder, run

NONSENSE = ""
SVG = "{http://www.w3.org/2000/svg}"


class Report(WithFolder):
    def report(self, path, name, *options, code=0):
        """(the file's text, stderr)"""
        out = self.folder / name
        _, err = run(cli.REPLAY, "report", path, "-o", out, *options, code=code)
        return out.read_text(encoding="utf-8") if code == 0 else "", err

    def model(self, path, *options):
        return json.loads(self.report(path, "model.json", *options)[0])

    def left(self):
        return sorted(p.name for p in self.folder.iterdir())


class Options(Report):
    def test_help(self):
        out, _ = run(cli.REPLAY, "report", "--help")
        self.assertIn("NAME.html", out)
        self.assertEqual(out, run(cli.PGBATON, "replay", "report", "--help")[0])
        self.assertIn("report", run(cli.REPLAY, "--help")[0])

    def test_wrong_lines(self):
        path = self.history()
        for words, said in (([], "name the file that is to be written"),
                            (["-o", "-"], "ends in .html, .svg or .json, not '-'"),
                            (["-o", "json"], "ends in .html, .svg or .json, not 'json'"),
                            (["-o", "x.txt"], "ends in .html, .svg or .json, not 'x.txt'"),
                            (["-o", "x.html.gz"], "ends in .html"),
                            (["-o", ".html"], "ends in .html"),
                            (["-o", "x.html", "--incident", "0"], "an incident is a number from 1 on"),
                            (["-o", "x.html", "--incident", "1", "--from", "3"], "--incident chooses the range"),
                            (["-o", "x.html", "--incident", "1", "--since", "3"], "--incident chooses the range"),
                            (["-o", "x.html", "--since", "noon"], "a point is a sequence"),
                            (["-o", "x.html", "--at", "3"], "does not take 'at'")):
            done = subprocess.run([cli.REPLAY, "report", str(path), *words], cwd=self.folder, env=ENV,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(said, done.stderr)
            self.assertIn("report --help", done.stderr)
        self.assertEqual(self.left(), ["good.pgb"])

    def test_what_is_there_stays_when_the_log_is_bad(self):
        out = self.folder / "report.html"
        out.write_text("the old one")
        bad = self.folder / "bad.pgb"
        bad.write_text("no log")
        for path, said, options in ((bad, "not a captured log", ()),
                                    (self.folder / "none.pgb", "No such file", ()),
                                    (self.history(), "no incident 9", ("--incident", 9)),
                                    (self.history("two"), "no record", ("--from", 4000))):
            _, err = self.report(path, "report.html", *options, code=1)
            self.assertIn(said, err)
            self.assertEqual(out.read_text(), "the old one")
        self.assertEqual(self.left(), ["bad.pgb", "good.pgb", "report.html", "two.pgb"])

    def test_a_file_that_cannot_be_written_leaves_nothing(self):
        path = self.history()
        _, err = self.report(path, "nowhere/x.html", code=1)
        self.assertRegex(err, r"create .*nowhere/x\.html: No such file")
        (self.folder / "taken.html").mkdir()
        _, err = self.report(path, "taken.html", code=1)
        self.assertRegex(err, r"write .*taken\.html: ")
        # A disk that is full: of the page, of the model, which the stream holds until the end, ...
        (self.folder / "full.html").write_text("the old one")
        for name in ("full.html", "full.json", "full.svg"):
            done = subprocess.run([cli.REPLAY, "report", str(path), "-o", name], cwd=self.folder, env=ENV,
                                  capture_output=True, text=True, check=False, restore_signals=False,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)))
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(f"write {name}: File too large", done.stderr)
        self.assertEqual((self.folder / "full.html").read_text(), "the old one")
        self.assertEqual(self.left(), ["full.html", "good.pgb", "taken.html"])

    def test_a_report_is_replaced(self):
        path = self.history()
        first, _ = self.report(path, "x.html")
        (self.folder / "x.html").write_text("the old one")
        again, err = self.report(path, "x.html")
        self.assertEqual((first, err), (again, ""))
        self.assertEqual(self.left(), ["good.pgb", "x.html"])

    def test_mode_of_the_file(self):
        old = os.umask(0o027)
        try:
            self.report(self.history(), "x.svg")
        finally:
            os.umask(old)
        self.assertEqual((self.folder / "x.svg").stat().st_mode & 0o777, 0o640)


class Model(Report):
    def test_cluster(self):
        model = self.model(self.history())
        self.assertEqual((model["format"], model["version"], model["file"], model["cut"], model["incident"]),
                         ("pgbaton-report", 1, "good.pgb", None, None))
        (cluster,) = model["clusters"]
        self.assertEqual((cluster["name"], cluster["status"], cluster["term"], cluster["first_seq"],
                          cluster["last_seq"], cluster["events_left_out"]), ("demo", "running", 2, 1, 38, 0))
        self.assertEqual([n["name"] for n in cluster["nodes"]], ["node-1", "node-2", "node-3"])
        self.assertEqual([s["status"] for s in cluster["states"]][-3:], ["electing", "promoting", "running"])

    def test_lanes_are_whole(self):
        """Spans follow each other without a hole, none says what the one before says, and all end with the log."""
        (cluster,) = self.model(self.history())["clusters"]
        for node in cluster["nodes"]:
            for kind in ("roles", "health"):
                spans = node[kind]
                for before, after in zip(spans, spans[1:]):
                    self.assertEqual(before["to_us"], after["from_us"])
                    self.assertNotEqual({k: v for k, v in before.items() if k not in ("from_us", "to_us", "seq")},
                                        {k: v for k, v in after.items() if k not in ("from_us", "to_us", "seq")})
                self.assertEqual(spans[-1]["to_us"], cluster["to_us"])
        roles = [(s["role"], s["status"]) for s in cluster["nodes"][0]["roles"]]
        self.assertIn(("primary", "running"), roles)
        self.assertEqual(roles[-1], ("secondary", "streaming"))
        self.assertEqual([s["status"] for s in cluster["nodes"][1]["roles"]][-2:], ["promoting", "running"])

    def test_leases(self):
        (cluster,) = self.model(self.history())["clusters"]
        (first,), (second,), third = (n["leases"] for n in cluster["nodes"])
        self.assertEqual((first["term"], first["renewals"], first["end"]), (1, 6, "released"))
        self.assertEqual((second["term"], second["end"], second["to_us"]), (2, "runs", cluster["to_us"]))
        self.assertEqual(third, [])

    def test_lag(self):
        (cluster,) = self.model(self.history())["clusters"]
        node_2 = cluster["nodes"][1]["lag"]
        self.assertEqual(node_2[0][1], 0x100)
        self.assertIsNone(node_2[-1][1])  # it leads
        self.assertEqual(cluster["nodes"][2]["lag"][-1][1], 0)

    def test_events(self):
        (cluster,) = self.model(self.history())["clusters"]
        events = {e["seq"]: e for e in cluster["events"]}
        release = events[24]
        self.assertEqual((release["kind"], release["node"], release["writer"], release["severity"], release["term"]),
                         ("release", "node-1", "node-1", "WARNING", 1))
        self.assertIn("node-1 released term 1", release["text"])
        self.assertEqual(release["fields"]["reason"], "data_directory_empty")
        grant = next(e for e in cluster["events"] if e["kind"] == "grant" and e["term"] == 2)
        self.assertEqual((grant["cause"], grant["node"], grant["rule"]), (24, "node-2", "elect-released"))
        self.assertIn(grant["cause"], events)
        self.assertNotIn("digest", grant["fields"])
        self.assertEqual(len([e for e in cluster["events"] if e["kind"] == "renew"]), 2)  # the first of each term
        self.assertEqual([e["seq"] for e in cluster["events"]], sorted(events))

    def test_incident(self):
        """The same numbers as timeline's."""
        path = self.history()
        (told,) = [c for c in json.loads(run(cli.REPLAY, "timeline", "-o", "json", path)[0])[0]["changes"]
                   if c["from"]]
        ((incident,),) = [c["incidents"] for c in self.model(path)["clusters"]]
        phases = {p["name"]: p["ms"] for p in incident["phases"]}
        self.assertEqual({k: phases.get(k) for k in told["phases_ms"]}, told["phases_ms"])
        self.assertEqual((phases["detected"], phases["reported"], phases["returned"]), (0, 23, 32))
        self.assertEqual([p["name"] for p in incident["phases"]],
                         ["detected", "fenced", "released", "reported", "granted", "leased", "promoted", "writable",
                          "rebuilt", "returned"])
        at = [p["at_us"] for p in incident["phases"]]
        self.assertEqual(at, sorted(at))
        self.assertEqual((incident["number"], incident["outage_ms"], incident["from"], incident["to"]),
                         (1, 28, "node-1", "node-2"))
        self.assertIs(incident["asked_for"], False)
        self.assertIn("node-1 streams again after 32 ms", " ".join(incident["explanation"]))
        self.assertEqual(incident["candidates"][1]["verdict"], "chosen")

    def test_incidents_of_real_clusters(self):
        """What timeline and incidents say of the same logs."""
        for log in sorted((pathlib.Path(__file__).resolve().parents[1] / "incidents").glob("*/log.pgb")):
            with self.subTest(log=log.parent.name):
                changes = json.loads(run(cli.REPLAY, "timeline", "-o", "json", log)[0])[0]["changes"]
                listed = json.loads(run(cli.REPLAY, "incidents", "-o", "json", log)[0])
                incidents = self.model(log)["clusters"][0]["incidents"]
                self.assertEqual([i["outage_ms"] for i in incidents], [i["outage_ms"] for i in listed])
                for incident, change in zip(incidents, [c for c in changes if c["from"]]):
                    phases = {p["name"]: p["ms"] for p in incident["phases"]}
                    self.assertEqual({k: phases.get(k) for k in change["phases_ms"]}, change["phases_ms"])

    def test_incident_alone(self):
        path = self.history()
        model = self.model(path, "--incident", 1)
        (cluster,) = model["clusters"]
        self.assertEqual((model["incident"], len(cluster["incidents"])), (1, 1))
        self.assertGreaterEqual(cluster["from_us"], cluster["incidents"][0]["phases"][0]["at_us"] - 12_100_000)
        self.assertNotIn("bootstrap", [e["rule"] for e in cluster["events"]])
        self.assertIn(24, [e["seq"] for e in cluster["events"]])
        self.assertEqual(cluster["nodes"][0]["roles"][0]["from_us"], cluster["from_us"])

    def test_ranges(self):
        path = self.history()
        seqs = lambda *options: [e["seq"] for e in self.model(path, *options)["clusters"][0]["events"]]
        every = seqs()
        self.assertEqual(seqs("--from", 24, "--to", 28), [s for s in every if 24 <= s <= 28])
        self.assertEqual(seqs("--since", 24), [s for s in every if s >= 24])
        self.assertEqual(seqs("--until", 28), [s for s in every if s <= 28])
        minute = "2026-03-01T12:00:30Z"
        self.assertEqual(seqs("--since", minute), [s for s in every if s >= 24])
        self.assertEqual(seqs("--until", minute), [s for s in every if s < 24])
        (cluster,) = self.model(path, "--to", 27)["clusters"]
        self.assertEqual((cluster["status"], cluster["incidents"]), ("electing", []))
        self.assertIsNotNone(cluster["waits_for"])

    def test_an_outage_that_is_not_over(self):
        (cluster,) = self.model(self.history(), "--to", 28)["clusters"]
        (incident,) = cluster["incidents"]
        self.assertIsNone(incident["outage_ms"])
        self.assertIn("node-1 is not back within this log.", incident["explanation"])

    def test_clusters(self):
        path = self.history("two")
        self.assertEqual([c["name"] for c in self.model(path)["clusters"]], ["demo", "other"])
        self.assertEqual([c["name"] for c in self.model(path, "--cluster", "other")["clusters"]], ["other"])
        self.assertEqual([c["name"] for c in self.model(path, "--incident", 1)["clusters"]], ["demo"])

    def test_a_file_that_is_cut(self):
        whole = self.history()
        size = len(whole.read_bytes())
        path = self.folder / "cut.pgb"
        path.write_bytes(whole.read_bytes()[:size - 30])
        _, err = self.report(path, "cut.html")
        self.assertIn("the file is cut", err)
        model = self.model(path)
        self.assertIn("the file is cut", model["cut"])
        self.assertEqual(model["clusters"][0]["last_seq"], 37)
        damaged = bytearray(whole.read_bytes())
        damaged[size // 2] ^= 0xff
        path.write_bytes(damaged)
        _, err = self.report(path, "cut.svg")
        self.assertIn("the file is damaged", err)
        self.assertIn("the file is damaged", (self.folder / "cut.svg").read_text())

    def test_what_matters_is_kept(self):
        """Of more events than a report holds those of the incident stay, and the newest of the rest."""
        every = {e["seq"] for e in self.model(self.history())["clusters"][0]["events"]}
        (cluster,) = self.model(self.history("noisy"))["clusters"]
        seqs = [e["seq"] for e in cluster["events"]]
        self.assertEqual((len(seqs), seqs), (20000, sorted(seqs)))
        self.assertEqual(cluster["last_seq"], 21038)
        self.assertEqual(cluster["events_left_out"], 21000 + len(every) - 20000)
        self.assertEqual({s for s in every if s >= 24} - set(seqs), set())
        self.assertEqual(seqs[-1], 21038)

    def test_a_log_that_begins_in_the_middle(self):
        (cluster,) = self.model(self.history("headless"))["clusters"]
        self.assertEqual((cluster["headless"], cluster["known_from_us"]), (True, None))

    def test_a_log_that_begins_in_the_middle_with_a_snapshot(self):
        """The lanes begin where the state is known; nothing is drawn of what was guessed before."""
        (cluster,) = self.model(self.history("snapshot"))["clusters"]
        self.assertEqual((cluster["headless"], cluster["from_us"]), (False, cluster["known_from_us"]))
        self.assertEqual([n["name"] for n in cluster["nodes"]], ["node-1", "node-2", "node-3"])
        self.assertEqual([(n["roles"][0]["status"], n["roles"][0]["from_us"]) for n in cluster["nodes"]],
                         [(status, cluster["from_us"]) for status in ("running", "streaming", "streaming")])
        self.assertEqual([i["outage_ms"] for i in cluster["incidents"]], [28])


class Nonsense(Report):
    def check(self, path):
        """Whatever the log says: all three can be written and read, and the model is what it promises to be."""
        model = self.model(path)
        ElementTree.fromstring(self.report(path, "x.svg")[0])
        page, _ = self.report(path, "x.html")
        self.assertEqual(page.count("</script>"), 2)
        for cluster in model["clusters"]:
            for spans in [cluster["states"]] + [n[k] for n in cluster["nodes"] for k in ("roles", "health", "leases")]:
                for span in spans:
                    self.assertLessEqual(cluster["from_us"], span["from_us"])
                    self.assertLessEqual(span["from_us"], span["to_us"])
                    self.assertLessEqual(span["to_us"], cluster["to_us"])
                for before, after in zip(spans, spans[1:]):
                    self.assertLessEqual(before["to_us"], after["from_us"])
            at = [e["at_us"] for e in cluster["events"]]
            self.assertEqual(at, sorted(at))
        return sum(len(c["incidents"]) for c in model["clusters"])

    def test_random_logs(self):
        incidents = 0
        for seed in range(10):
            path = self.folder / f"{seed}.pgb"
            run(NONSENSE, path, seed)
            with self.subTest(seed=seed):
                incidents += self.check(path)
                self.check_parts(path)
        self.assertGreater(incidents, 20)

    def check_parts(self, path):
        """Each incident, and a range that begins and ends anywhere."""
        listed = json.loads(run(cli.REPLAY, "incidents", "-o", "json", path)[0])
        for incident in listed[:3]:
            alone = self.model(path, "--incident", incident["incident"])
            self.assertEqual([i["number"] for c in alone["clusters"] for i in c["incidents"]], [incident["incident"]])
        (cluster,) = self.model(path, "--from", 100, "--to", 200)["clusters"]
        self.assertTrue(all(100 <= e["seq"] <= 200 for e in cluster["events"]))


class Page(Report):
    def test_stands_alone(self):
        page, _ = self.report(self.history(), "x.html")
        self.assertNotRegex(page, r"(?i)<(link|img|iframe|object|embed|script src)|url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)")
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for tag, source in (("style", "style-src"), ("script", "script-src")):
            (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"{source} 'sha256-{digest}'", policy)

    def test_holds_the_model(self):
        path = self.history()
        page, _ = self.report(path, "x.html")
        (held,) = re.findall(r'<script type="application/json" id="model">(.*?)</script>', page, re.S)
        self.assertEqual(json.loads(held), self.model(path))

    def test_a_text_is_no_markup(self):
        """What is said in the log ends no element, and begins none."""
        path = self.history("hostile")
        page, _ = self.report(path, "x.html")
        good, _ = self.report(self.history(), "good.html")
        for mark in ("<script", "</script", "<!--", "<img", "\u2028"):
            self.assertEqual(page.count(mark), good.count(mark), mark)
        texts = [e["text"] for e in self.model(path)["clusters"][0]["events"]]
        self.assertIn("</script><script>document.title='owned'", " ".join(texts))
        drawing, _ = self.report(path, "x.svg")
        self.assertNotIn("<script", drawing)
        ElementTree.fromstring(drawing)

    def test_a_name_of_a_file_is_no_markup(self):
        path = self.folder / "<!--<script>&.pgb"
        path.write_bytes(self.history().read_bytes())
        page, _ = self.report(path, "x.html")
        good, _ = self.report(self.history("two"), "good.html")
        for mark in ("<script", "<!--"):
            self.assertEqual(page.count(mark), good.count(mark), mark)
        self.assertEqual(self.model(path)["file"], path.name)


class Drawing(Report):
    def test_lanes_and_phases(self):
        drawing = ElementTree.fromstring(self.report(self.history(), "x.svg")[0])
        texts = [t.text for t in drawing.iter(f"{SVG}text")]
        for text in ("node-1", "node-2", "node-3", "primary, term 1", "streaming", "fencing 18 ms"):
            self.assertIn(text, texts)
        self.assertTrue(any(t.startswith("Incident 1, 2026-03-01") for t in texts))
        width = float(drawing.get("width"))
        height = float(drawing.get("height"))
        for box in drawing.iter(f"{SVG}rect"):
            x, y = float(box.get("x", 0)), float(box.get("y", 0))
            self.assertGreaterEqual(x, 0)
            self.assertLessEqual(x + float(box.get("width")), width + 1)
            self.assertLessEqual(y + float(box.get("height")), height)

    def test_a_moment(self):
        """A log of one record has no width."""
        drawing = ElementTree.fromstring(self.report(self.history(), "x.svg", "--to", 1)[0])
        self.assertIn("node-1", [t.text for t in drawing.iter(f"{SVG}text")])


if __name__ == "__main__":
    cli.PGBATON, cli.REPLAY, cli.HISTORY, NONSENSE = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:5])
    unittest.main(argv=[sys.argv[0]] + sys.argv[5:])
