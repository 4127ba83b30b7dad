# SPDX-License-Identifier: PostgreSQL
"""Processes that stop, die and wake up again while clients write: never do two nodes acknowledge."""
import time

import pytest

from cluster import field, find, processes, wait_until
from load import Load


@pytest.fixture
def load(networked):
    with Load(networked) as running:
        yield running


def test_frozen_host_wakes_up_deposed(load):
    """Its guard has a will: it dies, and PostgreSQL with it, as soon as the host goes on."""
    pids = load.cluster.postgres_pids(load.old)
    load.fault("freeze", load.old)
    load.wait_grant()
    load.fault("thaw", load.old)
    load.wait_dead(pids)
    load.assert_one_change()


def test_stopped_agent_does_not_keep_postgres(load):
    """The guard ends the lease: its agent does not run."""
    pids = load.cluster.postgres_pids(load.old)
    agent = processes.agent_pid(load.cluster.pg, load.old)
    load.fault("stop-agent", load.old)
    load.wait_grant()
    load.wait_dead(pids)
    assert processes.state_of(agent) == b"T"
    load.fault("cont-agent", load.old)
    load.assert_one_change()


def test_stopped_guard_and_agent_do_not_keep_postgres(load):
    """Neither can end the lease. PostgreSQL commits nothing past it, and dies with the guard, whose will the
    kernel executes."""
    pids = load.cluster.postgres_pids(load.old)
    agent = processes.agent_pid(load.cluster.pg, load.old)
    processes.stop(processes.guard_pid(load.cluster.pg, load.old))
    load.fault("stop-agent", load.old)
    load.wait_grant()
    load.wait_dead(pids)
    assert processes.state_of(agent) == b"T"
    processes.kill(agent)
    load.assert_one_change()


def test_killed_agent_costs_nothing(load):
    postmaster = load.cluster.postmaster(load.old)
    load.fault("kill-agent", load.old)
    load.outlast_lease()
    assert load.cluster.postmaster(load.old) == postmaster
    load.assert_no_change()


@pytest.mark.parametrize("fault", ["kill-guard", "kill-both"])
def test_postgres_dies_with_its_guard(load, fault):
    """Nobody would end its lease: the kernel stops it, and nobody waits for more than the lease."""
    pids = load.cluster.postgres_pids(load.old)
    load.fault(fault, load.old)
    load.wait_dead(pids)
    load.wait_grant()
    load.assert_one_change()


def test_killed_postmaster_under_load(load):
    pids = load.cluster.postgres_pids(load.old)
    load.fault("kill-postmaster", load.old)
    load.wait_grant()
    load.wait_dead(pids)
    assert find(load.events(), kind="release", writer=load.old)
    load.assert_one_change()


def test_stopped_postmaster_is_found_out(load):
    """Its sessions go on and new ones hang: a probe does not get in."""
    pids = load.cluster.postgres_pids(load.old)
    load.fault("stop-postmaster", load.old)
    load.wait_grant()
    load.wait_dead(pids)
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
    load.assert_no_change()
