# SPDX-License-Identifier: PostgreSQL
"""What is over before the lease is, or only looks bad, costs nothing: nobody gives up, is deposed or
granted, and the clients go on."""
import contextlib
import subprocess
import sys
import time

import psycopg2
import pytest

from load import Load

BUSY_PROCESSES = 4
STORM_SECONDS = 6.0


@pytest.fixture
def load(networked):
    with Load(networked) as running:
        yield running


def test_agent_pauses(load):
    for _ in range(3):
        load.fault("stop-agent", load.old)
        time.sleep(1.0)
        load.fault("cont-agent", load.old)
        time.sleep(1.0)
    load.assert_no_change()


def test_cable_is_loose(load):
    """A renewal that falls into the dark is sent again by TCP, after 0.2 s and 0.6 s."""
    for _ in range(3):
        load.fault("partition", load.old)
        time.sleep(0.5)
        load.fault("heal", load.old)
        time.sleep(1.5)
    load.assert_no_change()


def test_log_restarts(load):
    for _ in range(2):
        load.fault("kill-nats")
        load.fault("start-nats")
        load.outlast_lease()
    load.assert_no_change()


@contextlib.contextmanager
def busy_machine():
    """Other programs want all of the processors."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY_PROCESSES)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@pytest.mark.alone
def test_machine_is_busy(load):
    with busy_machine():
        time.sleep(STORM_SECONDS)
    load.assert_no_change()


def take_every_connection(cluster, node):
    """Those that are reserved for superusers too."""
    taken = []
    try:
        while True:
            taken.append(cluster.connect(node))
    except psycopg2.OperationalError as error:
        assert "too many clients" in str(error)
    return taken


def test_no_connection_is_left(load):
    """A server that lets nobody in because it is full is not dead."""
    taken = take_every_connection(load.cluster, load.old)
    load.outlast_lease()
    for connection in taken:
        connection.close()
    load.assert_no_change()


def test_checkpoint_storm(load):
    end = time.monotonic() + STORM_SECONDS
    while time.monotonic() < end:
        load.cluster.sql("checkpoint", load.old)
    load.assert_no_change()
