# SPDX-License-Identifier: PostgreSQL
"""A cluster on one machine whose log is a file: no server, and the same promises."""
import pytest

from load import Load


@pytest.fixture(scope="module")
def keeper(keep_cluster):
    yield from keep_cluster("local-log", "--nats", "0", "--nodes", "2", "--monitors", "2")


@pytest.fixture
def local(keeper, directory, request):
    yield from keeper.lend(directory, request)


def tear(cluster):
    """Leaves what an appender leaves that dies while it writes: the first bytes of a record."""
    path = cluster.pg.log_directory() + "/log"
    with open(path, "rb") as log:
        record = log.read()[8:60]
    with open(path, "ab") as log:
        log.write(record)


def test_failover_while_clients_write(local):
    with Load(local) as load:
        tear(local)
        load.fault("kill-monitor", "1")
        load.fault("kill-postgres", load.old)
        grant = load.wait_grant()
        assert grant["writer"] == "monitor-2"
        load.fault("start-monitor", "1")
        load.assert_one_change()
    local.pgbaton("switchover", "demo", "--wait")


def test_file_that_is_not_there(local):
    path = local.pg.log_directory() + "/log"
    asked = local.pgbaton("describe", "demo", "--nats", f"file:{path}.old", "--timeout", "1s", check=False)
    assert asked.returncode == 1 and "start a monitor" in asked.stderr
