# SPDX-License-Identifier: PostgreSQL
"""The writer on a plain PostgreSQL: what it takes for acknowledged is there, and only what is so."""
import re
import select
import subprocess
import time

import psycopg2
import pytest

from checker import Verdict, fetch_present, read
from conftest import WRITER, free_port


@pytest.fixture
def table(server):
    connection = psycopg2.connect(server.conninfo)
    connection.autocommit = True
    connection.cursor().execute("alter system reset all")
    connection.cursor().execute("select pg_reload_conf(); drop table if exists history; "
                                "create table history (client text, n bigint, primary key (client, n))")
    yield connection.cursor()
    connection.close()


class Writers:
    """The writers of a test; none outlives it."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = {}

    def begin(self, client, *words):
        self.processes[client] = subprocess.Popen(
            [str(WRITER), "--client", client, "--file", str(self.directory / client), *words],
            stdout=subprocess.PIPE, text=True)

    def wait_writing(self, client):
        out = self.processes[client].stdout
        assert select.select([out], [], [], 30)[0] and out.readline() == "writing\n"

    def finish(self, client):
        """What it wrote, and what it said at the end."""
        process = self.processes[client]
        process.terminate()
        assert process.wait(10) == 0
        return read(self.directory / client), process.stdout.read()

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture
def writers(tmp_path):
    all_of_them = Writers(tmp_path)
    yield all_of_them
    all_of_them.end()


def wait_for_rows(table, count):
    table.execute("select count(*) from history")
    while table.fetchone()[0] < count:
        table.execute("select count(*) from history")


def wait_for_rest(table):
    """The number of rows, when no more come: a session takes a setting over when it gets to run."""
    before, count = -1, 0
    while before != count:
        before = count
        table.execute("select pg_sleep(0.5)")
        table.execute("select count(*) from history")
        count = table.fetchone()[0]
    return count


def test_every_acknowledged_write_is_there(server, table, writers):
    writers.begin("one", f"alone=127.0.0.1:{server.port}")
    wait_for_rows(table, 500)
    writes, said = writers.finish("one")
    verdict = Verdict(writes, fetch_present(server.conninfo))
    assert not verdict.violations and not verdict.lost, verdict.report()
    acknowledged = [w for w in writes if w.outcome == "ok"]
    assert len(acknowledged) > 490 and f"acknowledged={len(acknowledged)} " in said
    assert {(w.node, w.timeline) for w in acknowledged} == {("alone", 1)}
    assert all(w.invoke < w.end and w.lsn for w in acknowledged)
    assert len({w.key for w in writes}) == len(writes)


def test_a_pace_is_kept(server, table, writers):
    writers.begin("one", "--sessions", "1", "--every-ms", "30", f"alone=127.0.0.1:{server.port}")
    wait_for_rows(table, 20)
    writes, _ = writers.finish("one")
    begun = [w.invoke for w in writes]
    assert len(begun) >= 20 and all(b - a >= 0.03 for a, b in zip(begun, begun[1:]))


def test_a_crash_loses_nothing_and_leaves_a_gap(server, table, writers):
    """Two nodes, one of which is not there: the writer comes back to the one that is."""
    writers.begin("one", "--sessions", "8", f"absent=127.0.0.1:{free_port()}",
                  f"alone=127.0.0.1:{server.port}")
    wait_for_rows(table, 200)
    server.stop("immediate")
    server.start()
    before = len(fetch_present(server.conninfo))
    while len(fetch_present(server.conninfo)) < before + 200:
        pass
    writes, said = writers.finish("one")
    verdict = Verdict(writes, fetch_present(server.conninfo))
    assert not verdict.violations and not verdict.lost, verdict.report()
    gap_ms = float(re.search(r"longest_gap_ms=([\d.]+)", said)[1])
    assert gap_ms == pytest.approx(1000 * verdict.longest_gap(), abs=0.2)
    assert verdict.longest_gap() > 0.05
    assert {"ok", "info"} <= {w.outcome for w in verdict.writes}


def sessions_of(table, client):
    table.execute("select pid from pg_stat_activity where application_name = %s order by pid", (client,))
    return table.fetchall()


def test_what_only_reads_is_passed_by(server, table, writers):
    """That is no outcome of a write, and the session is kept."""
    writers.begin("one", "--sessions", "2", "--rest-ms", "5", f"alone=127.0.0.1:{server.port}")
    wait_for_rows(table, 20)
    before = sessions_of(table, "one")
    table.execute("alter system set default_transaction_read_only = on")
    table.execute("select pg_reload_conf()")
    count = wait_for_rest(table)
    table.execute("alter system reset default_transaction_read_only")
    table.execute("select pg_reload_conf()")
    wait_for_rows(table, count + 20)
    assert sessions_of(table, "one") == before and len(before) == 2
    writes, said = writers.finish("one")
    assert {w.outcome for w in writes} <= {"ok", "info"} and " refused=0 " in said
    assert not Verdict(writes, fetch_present(server.conninfo)).violations


def test_errors_are_refusals(server, table, writers):
    writers.begin("one", f"alone=127.0.0.1:{server.port}")
    writers.wait_writing("one")
    table.execute("alter table history rename to gone")
    table.execute("select pg_sleep(0.2)")
    table.execute("alter table gone rename to history")
    writes, _ = writers.finish("one")
    refused = [w for w in writes if w.outcome == "fail"]
    assert refused and all(w.detail.startswith("ERROR:") for w in refused)
    assert not Verdict(writes, fetch_present(server.conninfo)).violations


def test_a_commit_that_fails_is_a_refusal(server, table, writers):
    """The row has come by then: it proves nothing."""
    writers.begin("one", f"alone=127.0.0.1:{server.port}")
    writers.wait_writing("one")
    table.execute("create function refuse() returns trigger language plpgsql as "
                  "$$ begin raise exception 'not today'; end $$")
    table.execute("create constraint trigger late after insert on history deferrable initially deferred "
                  "for each row execute function refuse()")
    table.execute("select pg_sleep(0.2)")
    table.execute("drop function refuse() cascade")
    writes, _ = writers.finish("one")
    refused = [w for w in writes if w.outcome == "fail"]
    assert refused and all("not today" in w.detail and w.timeline == 1 for w in refused)
    verdict = Verdict(writes, fetch_present(server.conninfo))
    assert not verdict.violations and not verdict.lost, verdict.report()


def test_a_silent_server_is_given_up(server, table, writers):
    """An answer that does not come in time is unknown; without a limit it is waited for."""
    writers.begin("hasty", "--answer-ms", "300", f"alone=127.0.0.1:{server.port}")
    writers.begin("patient", f"alone=127.0.0.1:{server.port}")
    for client in ("hasty", "patient"):
        writers.wait_writing(client)
    table.execute("begin; lock table history; select pg_sleep(1); commit")
    hasty, patient = (writers.finish(client)[0] for client in ("hasty", "patient"))
    given_up = [w for w in hasty if w.detail == "no answer in time"]
    assert given_up and all(0.3 <= w.end - w.invoke < 0.9 for w in given_up)
    assert max(w.end - w.invoke for w in patient) > 0.9


def test_a_cancelled_synchronous_wait_is_an_acknowledgement(server, table, writers):
    """PostgreSQL without the commit fence says INSERT, with a warning that most drivers drop."""
    table.execute("alter system set synchronous_standby_names = 'nobody'")
    table.execute("select pg_reload_conf()")
    writers.begin("one", f"alone=127.0.0.1:{server.port}")
    waiting = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
    table.execute(waiting)
    while len(fetch_present(server.conninfo)) < 10:
        table.execute(waiting)
    reset = time.monotonic()
    table.execute("alter system reset synchronous_standby_names")
    table.execute("select pg_reload_conf()")
    writers.wait_writing("one")
    writes, _ = writers.finish("one")
    told = [w for w in writes if w.outcome == "ok" and w.end < reset]
    assert len(told) >= 6


def test_two_primaries_are_condemned(server, table, standby, writers):
    """A standby is promoted while its primary goes on: whatever looks after them, this must be seen."""
    writers.begin("old", f"one=127.0.0.1:{server.port}")
    writers.begin("new", f"two=127.0.0.1:{standby.port}")
    writers.wait_writing("old")
    standby.promote()
    writers.wait_writing("new")
    wait_for_rows(table, len(fetch_present(server.conninfo)) + 200)
    new, old = (writers.finish(client)[0] for client in ("new", "old"))
    verdict = Verdict(old + new, fetch_present(standby.conninfo))
    assert {v.kind for v in verdict.violations} == {"answered late", "begun late"}
    assert {w.client for w in verdict.lost} == {"old"}
    said = verdict.report()
    assert "one      timeline   1" in said and "two      timeline   2" in said
