# SPDX-License-Identifier: PostgreSQL
"""Configuration files are checked: what is wrong is named by file and line."""
import subprocess

import pytest

CASES = [
    ("pgbaton-agent", "node-1/agent.yaml", "adress: 10.0.0.1:5432"),
    ("pgbaton-agent", "node-1/agent.yaml", "tags: {failover_priority: high}"),
    ("pgbaton-monitor", "monitor-1/monitor.yaml", "replica: 3"),
    ("pgbaton-monitor", "monitor-1/monitor.yaml", "cluster_defaults: {probe_period: 1}"),
]


def check(cluster, program, path):
    return subprocess.run([program, "-c", str(path), "--check-config"], env=cluster.env,
                          capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("program, name", sorted({c[:2] for c in CASES}))
def test_what_runs_is_right(cluster, program, name):
    done = check(cluster, program, cluster.pg.path(name))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program, name, line", CASES)
def test_what_is_wrong_is_named(cluster, directory, program, name, line):
    with open(cluster.pg.path(name), encoding="utf-8") as f:
        text = f.read()
    path = directory / "wrong.yaml"
    path.write_text(text + line + "\n", encoding="utf-8")
    done = check(cluster, program, path)
    number = text.count("\n") + 1
    assert done.returncode != 0
    assert f"{path}:{number}" in done.stderr, done.stderr
