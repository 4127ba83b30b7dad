# SPDX-License-Identifier: PostgreSQL
"""Each of the rings that end a lease, alone: the agent stands still, and the other ring is switched off."""
import pathlib

import psycopg2
import pytest

from cluster import processes, wait_until
from load import Load

# What strikes beside the agent that stands still, and what mends it.
FAULTS = {None: None, "kill-postmaster": None, "partition": "heal", "partition-nats": "heal", "lose-out": "heal",
          "lose-in": "heal"}

# Commits wait for no standby, which would end them, too.
ALONE = ("--netns", "--clocks", "--set", "synchronous=off")


@pytest.fixture(scope="module")
def guard_alone(keep_cluster):
    yield from keep_cluster("guard-alone", *ALONE, "--ring", "guard")


@pytest.fixture(scope="module")
def fence_alone(keep_cluster):
    yield from keep_cluster("fence-alone", *ALONE, "--ring", "fence")


@pytest.fixture
def load(request, directory):
    for cluster in request.getfixturevalue(request.param).lend(directory, request):
        with Load(cluster) as running:
            yield running


def fail_over(load, fault, cure):
    for name in filter(None, ("stop-agent", fault)):
        load.fault(name, load.old)
    load.wait_grant()
    if cure is not None:
        load.fault(cure, load.old)


@pytest.mark.parametrize("load", ["guard_alone"], indirect=True)
@pytest.mark.parametrize("fault, cure", FAULTS.items())
def test_guard_kills_at_the_deadline(load, fault, cure):
    """PostgreSQL has no fence, and the agent stands still: nothing of it lives when the next one writes."""
    assert load.cluster.value("select count(*) from pg_settings where name like 'pgbaton%%'") == 0
    pids = load.cluster.postgres_pids(load.old)
    fail_over(load, fault, cure)
    assert not [p for p in pids if processes.start_time(p)]
    load.fault("cont-agent", load.old)
    load.assert_one_change()


def is_fenced(cluster, node):
    """It refuses a commit, or has died: of its postmaster's death, or of a commit that was written and must
    not be acknowledged."""
    path = pathlib.Path(cluster.data(node) + ".pgbaton/postgres.log")
    if "the lease of this primary ended during a commit" in path.read_text(encoding="utf-8", errors="replace"):
        return True
    try:
        cluster.sql("create table too_late (n int)", node)
    except psycopg2.Error as error:
        return "the lease of this primary has ended" in str(error) or not cluster.postgres_pids(node)
    raise AssertionError(f"{node} has committed after the end of its lease")


@pytest.mark.parametrize("load", ["fence_alone"], indirect=True)
@pytest.mark.parametrize("fault, cure", [*FAULTS.items(), ("freeze", "thaw")])
def test_fence_commits_nothing_past_the_deadline(load, fault, cure):
    """The guard does nothing: PostgreSQL itself ends it. What stood still in the middle of a commit, too."""
    fail_over(load, fault, cure)
    wait_until("the fence to act", lambda: is_fenced(load.cluster, load.old))
    load.fault("cont-agent", load.old)
    load.assert_one_change()


@pytest.mark.parametrize("load", ["guard_alone", "fence_alone"], indirect=True)
@pytest.mark.parametrize("fault", ["kill-guard", "kill-both"])
def test_killed_guard(load, fault):
    load.fault(fault, load.old)
    load.wait_grant()
    load.assert_one_change()


@pytest.mark.parametrize("load", ["guard_alone", "fence_alone"], indirect=True)
def test_what_ends_no_lease(load):
    """An agent that is killed, and a clock that steps."""
    load.fault("kill-agent", load.old)
    load.outlast_lease()
    for step in (3600, -7200, 3600):
        load.fault("clock-step", load.old, step)
        load.outlast_lease()
    load.assert_no_change()
