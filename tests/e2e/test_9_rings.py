# SPDX-License-Identifier: PostgreSQL
"""Each of the rings that end a lease, alone: the agent never runs, and the other ring is switched off."""
import pathlib

import psycopg2
import pytest

from cluster import processes, wait_until
from load import Load


@pytest.fixture(scope="module")
def guard_alone(keep_cluster):
    yield from keep_cluster("guard-alone", "--netns", "--ring", "guard")


@pytest.fixture(scope="module")
def fence_alone(keep_cluster):
    yield from keep_cluster("fence-alone", "--netns", "--ring", "fence")


@pytest.fixture
def load(request, directory):
    for cluster in request.getfixturevalue(request.param).lend(directory, request):
        with Load(cluster) as running:
            yield running


@pytest.mark.parametrize("load", ["guard_alone"], indirect=True)
def test_guard_kills_at_the_deadline(load):
    """PostgreSQL has no fence, and the agent stands still: nothing of it lives when the next one writes."""
    assert load.cluster.value("select count(*) from pg_settings where name like 'pgbaton%%'") == 0
    pids = load.cluster.postgres_pids(load.old)
    load.fault("stop-agent", load.old)
    load.wait_grant()
    assert not [p for p in pids if processes.start_time(p)]
    load.fault("cont-agent", load.old)
    load.assert_one_change()


def is_fenced(cluster, node):
    """It refuses a commit, or has died of one that was written and must not be acknowledged."""
    path = pathlib.Path(cluster.data(node) + ".pgbaton/postgres.log")
    if "the lease of this primary ended during a commit" in path.read_text(encoding="utf-8", errors="replace"):
        return True
    try:
        cluster.sql("create table too_late (n int)", node)
    except psycopg2.Error as error:
        return "the lease of this primary has ended" in str(error)
    raise AssertionError(f"{node} has committed after the end of its lease")


@pytest.mark.parametrize("load", ["fence_alone"], indirect=True)
@pytest.mark.parametrize("frozen", [False, True])
def test_fence_commits_nothing_past_the_deadline(load, frozen):
    """The guard does nothing: PostgreSQL itself ends it. What stood still in the middle of a commit too."""
    load.fault("stop-agent", load.old)
    if frozen:
        load.fault("freeze", load.old)
    load.wait_grant()
    if frozen:
        load.fault("thaw", load.old)
    wait_until("the fence to act", lambda: is_fenced(load.cluster, load.old))
    load.fault("cont-agent", load.old)
    load.assert_one_change()
