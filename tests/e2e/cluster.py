# SPDX-License-Identifier: PostgreSQL
"""A playground as the tests see it: faults, SQL, and above all the log, from which most is asserted."""
import contextlib
import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYGROUND = ROOT / "tools" / "playground"
DEADLINE = 120.0
CLONE_NEWNET = 0x40000000

sys.path.insert(0, str(PLAYGROUND.parent))

from playground_lib import members, processes  # noqa: E402
from playground_lib.shape import PG_BIN, Playground, Trouble, in_namespace  # noqa: E402


def wait_until(what, condition, seconds=DEADLINE, pause=0.05):
    """Polls until condition() is true and returns what it returned; an error counts as not yet. What takes long to
    ask is asked seldom: most conditions run a command, and what they wait for needs the processors, too."""
    deadline = time.monotonic() + seconds
    last = None
    while (asked := time.monotonic()) < deadline:
        try:
            last = condition()
            if last:
                return last
        except (psycopg2.Error, OSError, KeyError, ValueError, Trouble) as error:
            last = error
        time.sleep(max(pause, 5 * (time.monotonic() - asked)))
    raise AssertionError(f"waited {seconds} s in vain for {what}; last: {last!r}")


def healthy(ailment):
    """What it lacks is what wait_until shows in the end."""
    if ailment:
        raise Trouble(ailment)
    return True


@contextlib.contextmanager
def inside(namespace):
    """Sockets that this thread opens meanwhile belong to a network namespace."""
    if not namespace:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


class Cluster:
    def __init__(self, directory, *options):
        self.directory = str(directory)
        self.run("up", *options)
        self.pg = Playground.load(self.directory)
        self.env = {**os.environ, **self.pg.environment()}
        self.nodes = self.pg.names("nodes")
        self.forged = False  # somebody else than its processes has written into its log

    def run(self, *words):
        done = subprocess.run([str(PLAYGROUND), "--dir", self.directory, *words], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, f"playground {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def down(self):
        self.run("down")

    def fault(self, name, node=""):
        """Breaks (or mends) something; returns when that began, in seconds since the epoch."""
        out = self.run("fault", name, *([node] if node else []))
        return float(out.split()[-1])

    # ---- the command ----

    def pgbaton(self, *words, check=True):
        done = subprocess.run([*in_namespace(self.pg.hub()), "pgbaton", *words], env=self.env,
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        if check:
            assert done.returncode == 0, f"pgbaton {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done

    def describe(self):
        """The log's servers may just be electing."""
        return json.loads(self.pgbaton("describe", "demo", "-o", "json", "--timeout", "30s").stdout)

    def events(self, after=0):
        words = ["tail", "--no-follow", "-o", "json", "--timeout", "30s", "--from", str(after + 1)]
        return [json.loads(line) for line in self.pgbaton(*words).stdout.splitlines()]

    def last_seq(self):
        return self.events()[-1]["seq"]

    def role_of(self, role):
        return [n["name"] for n in self.describe()["nodes"] if n["role"] == role]

    def primary(self):
        return wait_until("a primary", lambda: self.role_of("primary"))[0]

    def standbys(self):
        return [n for n in self.nodes if n != self.primary()]

    def wait_healthy(self, seconds=DEADLINE):
        wait_until("a healthy cluster", lambda: healthy(members.health(self.pg)), seconds)

    def wait_event(self, after, **wanted):
        """The first effective event after a sequence number that has these fields."""
        return wait_until(f"event {wanted}", lambda: find(self.events(after), **wanted))

    def data(self, node):
        return self.pg.path(node, "data")

    def agent_log(self, node):
        return pathlib.Path(self.pg.path(node, "agent.log")).read_text(encoding="utf-8",
                                                                       errors="replace")

    # ---- SQL ----

    def connect(self, node=None):
        """To a node, from where it lives, or to whichever is writable, from where clients are."""
        where, namespace = self.pg.conninfo(), self.pg.hub()
        if node:
            member = self.pg.member("nodes", node)
            where = f"host={member['address']} port={member['port']} dbname=postgres user=postgres"
            namespace = member["namespace"]
        with inside(namespace):
            connection = psycopg2.connect(where + " connect_timeout=2 options='-c statement_timeout=10s'")
        connection.autocommit = True
        return connection

    def sql(self, statement, node=None, arguments=None):
        connection = self.connect(node)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, arguments)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, statement, node=None):
        return self.sql(statement, node)[0][0]

    def cancel_commits(self, node):
        """How many commits waited there for standbys, and do not any more."""
        return self.value("select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'"
                          " and query ilike '%history%'", node)

    def write(self, text):
        """Inserts a row on whoever is writable, as soon as somebody is."""
        self.write_when_possible("create table if not exists story (line text primary key)")
        self.write_when_possible("insert into story values (%s) on conflict do nothing", (text,))

    def write_when_possible(self, statement, arguments=None):
        wait_until(f"a writable node for {statement}",
                   lambda: self.sql(statement, None, arguments) == [], pause=0.01)

    def rows(self, node):
        return {r[0] for r in self.sql("select line from story", node)}

    def timeline(self, node):
        return int(self.value("select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", node), 16)

    def system_id(self, node):
        return self.value("select system_identifier from pg_control_system()", node)

    # ---- processes ----

    def postgres_pids(self, node):
        return processes.node_pids(self.pg, node, postgres_only=True)

    def postmaster(self, node):
        return processes.postmaster_pid(self.pg, node)


def field(event, name):
    """A field of the body, wherever the JSON puts it."""
    return event[name] if name in event else event.get("body", {}).get(name)


def find(events, **wanted):
    for e in events:
        if e["effective"] and all(field(e, key) == value for key, value in wanted.items()):
            return e
    return None


def seconds(stamp):
    """A time of the log in seconds since the epoch: RFC 3339, or a number of microseconds."""
    if isinstance(stamp, (int, float)):
        return stamp / 1e6
    date, _, rest = stamp.rstrip("Z").replace("T", " ").partition(".")
    whole = time.strptime(date, "%Y-%m-%d %H:%M:%S")
    return float(__import__("calendar").timegm(whole)) + (float("0." + rest) if rest else 0.0)


def assert_single_holder(events):
    """At each instant of the log at most one node holds, and terms grow by one with each grant, above what
    anybody remembers of a part that is lost. Who was revoked may still say that it has ended."""
    holder, term, revoked, remembered = None, 0, None, 0
    for e in events:
        if not e["effective"]:
            continue
        if e["kind"] == "grant":
            assert holder is None, f"seq {e['seq']}: granted while {holder} holds term {term}"
            assert field(e, "term") == max(term, remembered) + 1
            holder, term, revoked = field(e, "node"), field(e, "term"), None
        elif e["kind"] == "hello":
            remembered = max(remembered, field(e, "anchor_term"))
        elif e["kind"] == "release" and holder is None:
            assert revoked == e["writer"] and field(e, "term") == term
            revoked = None
        elif e["kind"] in ("release", "refuse", "revoke"):
            assert holder is not None and field(e, "term") == term
            holder, revoked = None, holder if e["kind"] == "revoke" else None
        elif e["kind"] == "renew":
            assert holder == e["writer"] and field(e, "term") == term
    return holder, term


class FenceWatch(threading.Thread):
    """Watches one node's PostgreSQL from before a fault: when was a process of it last alive, and when
    did its port last accept? Time is taken before each look, so the answers are never too late."""

    def __init__(self, cluster, node):
        super().__init__(daemon=True)
        started = {p: processes.start_time(p) for p in cluster.postgres_pids(node)}
        self.pids = {p: t for p, t in started.items() if t}
        member = cluster.pg.member("nodes", node)
        self.place = (member["address"], member["port"])
        self.last_alive = self.last_open = 0.0
        self.looks = 0
        self.ended = threading.Event()
        self.start()

    def is_open(self):
        try:
            socket.create_connection(self.place, timeout=0.2).close()
            return True
        except OSError:
            return False

    def run(self):
        """Ends when everything is dead and the port refuses: what comes later is another PostgreSQL."""
        while not self.ended.is_set():
            now = time.time()
            alive = any(processes.start_time(p) == t for p, t in self.pids.items())
            self.last_alive = now if alive else self.last_alive
            now = time.time()
            accepts = self.is_open()
            self.last_open = now if accepts else self.last_open
            self.looks += 1
            if not alive and not accepts:
                return
            time.sleep(0.005)

    def finish(self):
        self.join(DEADLINE)
        self.ended.set()
        assert not self.is_alive(), "the old PostgreSQL never died"
        assert self.looks > 3 and self.last_alive and self.last_open
        return max(self.last_alive, self.last_open)
