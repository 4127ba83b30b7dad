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


def test_pending_restart_and_refused_values_are_shown(cluster):
    standby = cluster.standbys()[0]
    auto = pathlib.Path(cluster.data(standby), "postgresql.auto.conf")
    before = auto.read_text(encoding="utf-8")
    try:
        cluster.sql("alter system set max_connections = 321", node=standby)
        with open(auto, "a", encoding="utf-8") as f:
            f.write("work_mem = 'much'\n")
        cluster.pgbaton("reload", "demo", standby)
        wait_until("the pending restart", lambda: node_of(cluster, standby)["pending_restart"])
        assert node_of(cluster, standby)["pending_parameters"] == ["max_connections"]
        wait_until("what is refused", lambda: node_of(cluster, standby)["refused_parameters"] == ["work_mem"])
        text = cluster.pgbaton("describe", "demo").stdout
        assert f"{standby}: a restart is pending (max_connections); PostgreSQL does not take work_mem" in text
    finally:
        auto.write_text(before, encoding="utf-8")
        cluster.pgbaton("reload", "demo", standby)
    wait_until("nothing to be pending", lambda: not node_of(cluster, standby)["pending_restart"])


def restart_pending(cluster):
    done = cluster.pgbaton("restart", "demo", "--pending", "--yes")
    for node in cluster.standbys():
        assert cluster.value("select pg_get_wal_replay_pause_state()", node) == "not paused"
    return done.stdout


def test_standbys_have_what_their_primary_has_whatever_is_wanted(cluster):
    """More is wanted: standbys first. Less is wanted: they keep what their primary has, until it has less."""
    name, wanted = "max_locks_per_transaction", {}
    asked = cluster.pgbaton("config", "set", "demo", f"{name}=80", "max_connections=77", "--wait")
    assert f"A restart is pending on {', '.join(sorted(cluster.nodes))}" in asked.stdout
    assert node_of(cluster, cluster.standbys()[0])["pending_parameters"] == [name]
    assert all(n["own_parameters"] == ["max_connections"] for n in shown(cluster)["nodes"])
    assert "Done: 3 nodes are restarted" in restart_pending(cluster)
    wanted = {node: "80" for node in cluster.nodes}
    assert {node: setting(cluster, node, name) for node in cluster.nodes} == wanted
    cluster.wait_healthy()
    leader = cluster.primary()
    cluster.pgbaton("config", "set", "demo", f"{name}=64", "--unset", "max_connections", "--wait")
    standby = cluster.standbys()[0]
    assert node_of(cluster, leader)["pending_restart"] and not node_of(cluster, standby)["pending_restart"]
    cluster.pgbaton("restart", "demo", standby, "--wait", "--yes")
    assert setting(cluster, standby, name) == "80"
    assert "Done: 1 node is restarted" in restart_pending(cluster)
    assert cluster.primary() == leader and setting(cluster, leader, name) == "64"
    wait_until("the others to follow", lambda: node_of(cluster, standby)["pending_restart"])


def test_standby_that_has_less_than_its_primary_is_started_anew(cluster):
    """Else it would replay nothing, and could not be promoted."""
    name, leader = "max_prepared_transactions", cluster.primary()
    cluster.pgbaton("config", "set", "demo", f"{name}=5", "--wait")
    cluster.pgbaton("restart", "demo", leader, "--wait", "--yes")
    assert cluster.primary() == leader and setting(cluster, leader, name) == "5"
    for node in cluster.standbys():
        wait_until(f"{node} to have as much", lambda n=node: setting(cluster, n, name) == "5")
        assert cluster.value("select pg_get_wal_replay_pause_state()", node) == "not paused"
    cluster.wait_healthy()
