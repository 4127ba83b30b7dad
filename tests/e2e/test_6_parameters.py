# SPDX-License-Identifier: PostgreSQL
"""PostgreSQL's parameters: what waits for a restart, and what is refused."""
import pathlib

from cluster import wait_until


def node_of(cluster, name):
    return [n for n in cluster.describe()["nodes"] if n["name"] == name][0]


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
        shown = node_of(cluster, standby)
        assert shown["pending_parameters"] == ["max_connections"]
        wait_until("what is refused", lambda: node_of(cluster, standby)["refused_parameters"] == ["work_mem"])
        text = cluster.pgbaton("describe", "demo").stdout
        assert f"{standby}: a restart is pending (max_connections); PostgreSQL does not take work_mem" in text
    finally:
        auto.write_text(before, encoding="utf-8")
        cluster.sql("select pg_reload_conf()", node=standby)
    wait_until("nothing to be pending", lambda: not node_of(cluster, standby)["pending_restart"])
