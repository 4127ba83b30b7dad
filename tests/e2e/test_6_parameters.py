# SPDX-License-Identifier: PostgreSQL
"""PostgreSQL's parameters through the log: changed on all nodes, checked, shown, and kept."""
import json
import pathlib

from cluster import find, wait_until


def node_of(cluster, name):
    return [n for n in cluster.describe()["nodes"] if n["name"] == name][0]


def setting(cluster, node, name):
    return cluster.value(f"select current_setting('{name}')", node)


def shown(cluster):
    return json.loads(cluster.pgbaton("config", "show", "demo", "-o", "json").stdout)


def test_value_is_read_by_every_node_also_by_one_that_was_away(cluster):
    away, there = cluster.standbys()[0], cluster.standbys()[1]
    cluster.fault("kill-host", away)
    start = cluster.last_seq()
    asked = cluster.pgbaton("config", "set", "demo", "Work_Mem=7MB", "archive_timeout=61s", "--wait")
    assert "Done." in asked.stdout
    for node in (cluster.primary(), there):
        assert setting(cluster, node, "work_mem") == "7MB"
    cluster.fault("kill-agent", there)
    cluster.pgbaton("config", "set", "demo", "work_mem=9MB", "--unset", "archive_timeout", "--wait")
    cluster.fault("start", away)
    cluster.wait_healthy()
    for node in cluster.nodes:
        wait_until(f"{node} to read them", lambda n=node: setting(cluster, n, "work_mem") == "9MB")
        assert setting(cluster, node, "archive_timeout") == "0"
    assert shown(cluster)["parameters"] == {"work_mem": "9MB"}
    wait_until("all to say so", lambda: all(n["read"] for n in shown(cluster)["nodes"]))
    past = json.loads(cluster.pgbaton("config", "history", "demo", "-o", "json").stdout)
    assert [c["changes"] for c in past[-2:]] == [
        [{"name": "archive_timeout", "from": None, "to": "61s"}, {"name": "work_mem", "from": None, "to": "7MB"}],
        [{"name": "work_mem", "from": "7MB", "to": "9MB"}, {"name": "archive_timeout", "from": "61s", "to": None}]]
    assert past[-1]["by"] and "7MB -> 9MB" in cluster.pgbaton("config", "history", "demo").stdout
    cluster.pgbaton("config", "set", "demo", "--unset", "work_mem", "--wait")
    again = cluster.pgbaton("reload", "demo", there)
    assert "Done." in again.stdout
    assert find(cluster.events(start), kind="order", request="reload", node=there)


def test_what_postgresql_does_not_take_is_refused(cluster):
    before = shown(cluster)["seq"]
    for value, message in (("work_mem=much", 'invalid value for parameter "work_mem"'),
                           ("no_such_thing=1", 'unrecognized configuration parameter "no_such_thing"'),
                           ("port=1", "port must not be set"),
                           ("wal_level=minimal", "wal_level must not be set")):
        asked = cluster.pgbaton("config", "set", "demo", value, check=False)
        assert asked.returncode == 1 and message in asked.stderr, asked.stderr
    assert cluster.pgbaton("config", "set", "demo", "=1", check=False).returncode == 2
    plan = cluster.pgbaton("config", "set", "demo", "work_mem=5MB", "--dry-run")
    assert "work_mem: not set -> 5MB" in plan.stdout
    assert shown(cluster)["seq"] == before


def restart(cluster, node):
    """As long as there is no command for it: its agent starts what has ended."""
    cluster.fault("kill-postgres", node)
    wait_until(f"{node} to stream", lambda: node_of(cluster, node)["status"] == "streaming")


def test_standby_has_what_its_primary_has_whatever_is_wanted(cluster):
    """More is wanted: pending, standbys first. Less is wanted: a standby keeps what its primary has."""
    primary, standby, name = cluster.primary(), cluster.standbys()[0], "max_locks_per_transaction"
    asked = cluster.pgbaton("config", "set", "demo", f"{name}=80", "max_connections=77", "--wait")
    assert f"A restart is pending on {', '.join(sorted(cluster.nodes))}" in asked.stdout
    assert node_of(cluster, standby)["pending_parameters"] == [name]
    assert all(n["own_parameters"] == ["max_connections"] for n in shown(cluster)["nodes"])
    restart(cluster, standby)
    assert setting(cluster, standby, name) == "80"
    wait_until("nothing to be pending there", lambda: not node_of(cluster, standby)["pending_restart"])
    cluster.pgbaton("config", "set", "demo", f"{name}=32", "--unset", "max_connections", "--wait")
    restart(cluster, standby)
    assert setting(cluster, standby, name) == "64"
    assert node_of(cluster, primary)["pending_restart"]
    cluster.pgbaton("config", "set", "demo", f"{name}=64", "--wait")
    for node in cluster.nodes:
        wait_until("nothing to be pending", lambda n=node: not node_of(cluster, n)["pending_restart"])


def test_pending_restart_and_refused_values_are_shown(cluster):
    standby = cluster.standbys()[0]
    auto = pathlib.Path(cluster.data(standby), "postgresql.auto.conf")
    before = auto.read_text(encoding="utf-8")
    try:
        cluster.sql("alter system set max_connections = 321", node=standby)
        with open(auto, "a", encoding="utf-8") as f:
            f.write("work_mem = 'much'\n")
        cluster.sql("select pg_reload_conf()", node=standby)
        wait_until("the pending restart", lambda: node_of(cluster, standby)["pending_restart"])
        assert node_of(cluster, standby)["pending_parameters"] == ["max_connections"]
        wait_until("what is refused", lambda: node_of(cluster, standby)["refused_parameters"] == ["work_mem"])
        text = cluster.pgbaton("describe", "demo").stdout
        assert f"{standby}: a restart is pending (max_connections); PostgreSQL does not take work_mem" in text
    finally:
        auto.write_text(before, encoding="utf-8")
        cluster.sql("select pg_reload_conf()", node=standby)
    wait_until("nothing to be pending", lambda: not node_of(cluster, standby)["pending_restart"])
