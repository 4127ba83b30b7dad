# SPDX-License-Identifier: PostgreSQL
"""Processes that stop, die and wake up again while clients write: never do two nodes acknowledge."""
import signal
import time

import pytest

from cluster import field, find, processes, wait_until
from load import Load
from playground_lib.members import built_programs


def fence_is_built():
    return "pgbaton_fence.so" in built_programs()[0]


@pytest.fixture
def load(networked):
    with Load(networked) as running:
        yield running


def assert_dead_before_grant(load, pids):
    """Every PostgreSQL process that ran before the fault is dead when somebody else writes."""
    load.wait_grant()
    assert not [p for p in pids if processes.start_time(p)]


def test_frozen_host_wakes_up_deposed(load):
    load.fault("freeze", load.old)
    load.wait_grant()
    load.fault("thaw", load.old)
    load.assert_one_change()


def test_stopped_agent_does_not_keep_postgres(load):
    """The guard ends the lease: its agent does not run."""
    pids = load.cluster.postgres_pids(load.old)
    agent = processes.agent_pid(load.cluster.pg, load.old)
    load.fault("stop-agent", load.old)
    assert_dead_before_grant(load, pids)
    assert processes.state_of(agent) == b"T"
    load.fault("cont-agent", load.old)
    load.assert_one_change()


@pytest.mark.skipif(not fence_is_built(), reason="no fence in PostgreSQL is built")
def test_stopped_guard_and_agent_do_not_let_postgres_write(load):
    """Neither can end the lease: PostgreSQL itself does not commit past it."""
    stopped = [processes.guard_pid(load.cluster.pg, load.old),
               processes.agent_pid(load.cluster.pg, load.old)]
    load.fault("stop-agent", load.old)
    processes.stop(stopped[0])
    load.wait_grant()
    time.sleep(1.0)
    for pid in stopped:
        processes.send(pid, signal.SIGCONT)
    load.assert_one_change()


def test_killed_agent_costs_nothing(load):
    postmaster = load.cluster.postmaster(load.old)
    load.fault("kill-agent", load.old)
    load.outlast_lease()
    assert load.cluster.postmaster(load.old) == postmaster
    load.assert_no_change(gap=1.0)


@pytest.mark.parametrize("fault", ["kill-guard", "kill-both"])
def test_postgres_dies_with_its_guard(load, fault):
    """Nobody would end its lease: the kernel stops it, and nobody waits for more than the lease."""
    pids = load.cluster.postgres_pids(load.old)
    load.fault(fault, load.old)
    assert_dead_before_grant(load, pids)
    load.fault("start", load.old)
    load.assert_one_change()


def test_killed_postmaster_under_load(load):
    pids = load.cluster.postgres_pids(load.old)
    load.fault("kill-postmaster", load.old)
    assert_dead_before_grant(load, pids)
    assert find(load.events(), kind="release", writer=load.old)
    load.assert_one_change()


def test_stopped_postmaster_is_found_out(load):
    """Its sessions go on and new ones hang: a probe does not get in."""
    pids = load.cluster.postgres_pids(load.old)
    load.fault("stop-postmaster", load.old)
    assert_dead_before_grant(load, pids)
    release = find(load.events(), kind="release", writer=load.old)
    assert field(release, "reason") == "probe_timeout"
    load.assert_one_change()


def clock_error(cluster, node):
    return float(cluster.value("select extract(epoch from clock_timestamp())", node)) - time.time()


def test_wall_clock_steps(load):
    """An hour forward, two back, and one forward again: no decision rests on it."""
    ahead = 0
    for step in (3600, -7200, 3600):
        ahead += step
        load.fault("clock-step", load.old, step)
        wait_until("the clock to step", lambda: abs(clock_error(load.cluster, load.old) - ahead) < 60)
        load.outlast_lease()
    load.assert_no_change(gap=1.0)
