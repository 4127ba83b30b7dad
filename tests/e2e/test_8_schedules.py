# SPDX-License-Identifier: PostgreSQL
"""Random schedules of faults: never two writers, no acknowledged commit lost, every node back by itself.

    tests/e2e/schedules --count 100 --from 1      a campaign of so many
"""
import os

import pytest

import schedule
from load import Load

FROM = int(os.environ.get("PGBATON_SCHEDULE_FROM", "1"))
COUNT = int(os.environ.get("PGBATON_SCHEDULES", "5"))


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("schedules", "--netns", "--clocks", "--set", "synchronous=quorum")


@pytest.fixture
def cluster(keeper, directory, request):
    yield from keeper.lend(directory, request)


@pytest.mark.parametrize("seed", range(FROM, FROM + COUNT))
def test_schedule(cluster, seed):
    steps = schedule.draw(seed)
    print(*(f"{number}. {step}" for number, step in enumerate(steps, 1)), sep="\n")
    with Load(cluster) as load:
        schedule.run(load, steps)
        load.verdict()
