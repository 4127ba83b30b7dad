# SPDX-License-Identifier: PostgreSQL
"""The writer on a plain PostgreSQL: what it takes for acknowledged is there, and only what is so."""
import re
import subprocess

import psycopg2
import pytest

from checker import Verdict, fetch_present, read
from conftest import WRITER, free_port


@pytest.fixture
def table(server):
    connection = psycopg2.connect(server.conninfo)
    connection.autocommit = True
    connection.cursor().execute("drop table if exists history; "
                                "create table history (client text, n bigint, primary key (client, n))")
    yield connection.cursor()
    connection.close()


def begin(path, *words):
    """A writer that has written; end it with finish()."""
    writer = subprocess.Popen([str(WRITER), "--file", str(path), *words], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    return writer


def finish(writer):
    writer.terminate()
    assert writer.wait(10) == 0
    return writer.stdout.read()


def wait_for_rows(table, count):
    table.execute("select count(*) from history")
    while table.fetchone()[0] < count:
        table.execute("select count(*) from history")


def test_every_acknowledged_write_is_there(server, table, tmp_path):
    writer = begin(tmp_path / "h", f"alone=127.0.0.1:{server.port}")
    wait_for_rows(table, 500)
    said = finish(writer)
    writes = read(tmp_path / "h")
    verdict = Verdict(writes, fetch_present(server.conninfo))
    assert not verdict.violations and not verdict.lost, verdict.report()
    acknowledged = [w for w in writes if w.outcome == "ok"]
    assert len(acknowledged) > 490 and f"acknowledged={len(acknowledged)} " in said
    assert {(w.node, w.timeline) for w in acknowledged} == {("alone", 1)}
    assert all(w.invoke < w.end and w.lsn for w in acknowledged)
    assert len({w.key for w in writes}) == len(writes)


def test_a_crash_loses_nothing_and_leaves_a_gap(server, table, tmp_path):
    """Two nodes, one of which is not there: the writer comes back to the one that is."""
    writer = begin(tmp_path / "h", "--sessions", "8", f"absent=127.0.0.1:{free_port()}",
                   f"alone=127.0.0.1:{server.port}")
    wait_for_rows(table, 200)
    server.stop("immediate")
    server.start()
    before = len(fetch_present(server.conninfo))
    while len(fetch_present(server.conninfo)) < before + 200:
        pass
    said = finish(writer)
    verdict = Verdict(read(tmp_path / "h"), fetch_present(server.conninfo))
    assert not verdict.violations and not verdict.lost, verdict.report()
    gap_ms = float(re.search(r"longest_gap_ms=([\d.]+)", said)[1])
    assert gap_ms == pytest.approx(1000 * verdict.longest_gap(), abs=0.2)
    assert verdict.longest_gap() > 0.05
    assert {"ok", "info"} <= {w.outcome for w in verdict.writes}


def test_errors_are_refusals(server, table, tmp_path):
    writer = begin(tmp_path / "h", f"alone=127.0.0.1:{server.port}")
    table.execute("alter table history rename to gone")
    table.execute("select pg_sleep(0.2)")
    table.execute("alter table gone rename to history")
    finish(writer)
    writes = read(tmp_path / "h")
    refused = [w for w in writes if w.outcome == "fail"]
    assert refused and all(w.detail.startswith("ERROR:") for w in refused)
    assert not Verdict(writes, fetch_present(server.conninfo)).violations


def test_a_silent_server_is_given_up(server, table, tmp_path):
    """An answer that does not come in time is unknown; without a limit it is waited for."""
    node = f"alone=127.0.0.1:{server.port}"
    hasty = begin(tmp_path / "hasty", "--client", "hasty", "--answer-ms", "300", node)
    patient = begin(tmp_path / "patient", "--client", "patient", node)
    table.execute("begin; lock table history; select pg_sleep(1); commit")
    for writer in (hasty, patient):
        finish(writer)
    given_up = [w for w in read(tmp_path / "hasty") if w.detail == "no answer in time"]
    assert given_up and all(0.3 <= w.end - w.invoke < 0.9 for w in given_up)
    waited = max(read(tmp_path / "patient"), key=lambda w: w.end - w.invoke)
    assert waited.end - waited.invoke > 0.9


def test_two_primaries_are_condemned(server, table, standby, tmp_path):
    """A standby is promoted while its primary goes on: whatever looks after them, this must be seen."""
    old = begin(tmp_path / "old", "--client", "old", f"one=127.0.0.1:{server.port}")
    new = subprocess.Popen([str(WRITER), "--file", str(tmp_path / "new"), "--client", "new",
                            f"two=127.0.0.1:{standby.port}"], stdout=subprocess.PIPE, text=True)
    standby.promote()
    assert new.stdout.readline() == "writing\n"
    wait_for_rows(table, len(fetch_present(server.conninfo)) + 200)
    for writer in (new, old):
        finish(writer)
    verdict = Verdict(read(tmp_path / "old") + read(tmp_path / "new"), fetch_present(standby.conninfo))
    assert {v.kind for v in verdict.violations} == {"answered late", "begun late"}
    assert {w.client for w in verdict.lost} == {"old"}
    said = verdict.report()
    assert "one      timeline   1" in said and "two      timeline   2" in said
