# SPDX-License-Identifier: PostgreSQL
"""Playgrounds for the tests. One of three nodes is shared by all tests that leave it healthy."""
import fcntl
import os
import pathlib
import re
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from cluster import Cluster, assert_single_holder  # noqa: E402

# The longest files go first, so that at the end nobody waits for one of them.
LONG = tuple(f"test_{name}.py" for name in (
    "9_rings", "6_policies", "8_network", "8_schedules", "6_switchover", "6_synchronous", "7_processes", "3_ladder",
    "2_bootstrap", "9_disks", "6_sealed", "9_false_alarms"))

# Further variants of what the others have: they run in campaigns (tests/e2e/all), not with tools/test. By file,
# the end of a test's name.
VARIANTS = {
    "test_1_seed.py": r"data_directory\[([3-9]|10)\]",
    "test_2_crashes.py": r"killed\[kill-postmaster\]",
    "test_3_data.py": r"data\[chmod-data.*\]",
    "test_4_monitors.py": r"restarts_while_the_primary_dies|dies_after_the_grant",
    "test_6_policies.py": r"said\[vanish-available\]|only_the_postmaster\[restart\]|stopped\[protection\]|"
                          r"waited\[vanish-waited\]|test_noop_crash\[noop\]|test_switchover\[(noop|protection|restart)\]",
    "test_6_sealed.py": r"lease\[(kill-host-start|partition-heal)\]",
    "test_6_switchover.py": r"under_load\[False\]|middle\[begin\]|beginning\[other-standby_stuck\]",
    "test_6_synchronous.py": r"lost\[(kill-postmaster-None|rm-data-None|partition-heal)\]",
    "test_7_processes.py": r"guard\[kill-guard\]|killed_postmaster_under_load",
    "test_8_network.py": r"off\[(partition|lose-out)\]|primary\[delay\]|another_nats_server_is_cut_off",
    "test_8_schedules.py": r"schedule\[[3-9]\]",
    "test_9_false_alarms.py": r"cable_is_loose|checkpoint_storm",
    "test_9_rings.py": r"deadline\[(kill-postmaster-None|partition-heal|lose-out-heal|lose-in-heal)-.*\]|"
                       r"guard\[kill-guard-.*\]|no_lease\[fence_alone\]",
}
ALL = "PGBATON_E2E_ALL"

MEMORY = "/dev/shm"
NEEDED_BYTES = 6 << 30  # several workers, each with two clusters or three

# Two files that are there, to be locked.
GATE, ROOM = (pathlib.Path(__file__).with_name(name) for name in ("conftest.py", "cluster.py"))


def is_variant(item):
    ending = VARIANTS.get(item.path.name)
    return ending is not None and re.search(f"({ending})$", item.name) is not None


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if is_variant(item) and ALL not in os.environ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def place():
    """$TMPDIR, or in memory if there is enough of it: data directories come and go all the time, and ext4 without
    a journal looks at each inode that was deleted in the last minutes before it gives one away."""
    if "TMPDIR" not in os.environ and os.path.ismount(MEMORY):
        with open("/proc/meminfo", encoding="ascii") as f:
            available = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))
        if min(available // 2, shutil.disk_usage(MEMORY).free) >= NEEDED_BYTES:
            return MEMORY
    return None


@pytest.fixture(scope="session")
def directory():
    """Reachable by the user postgres, which pytest's own directories are not."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="pgbaton-e2e.", dir=place()))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def turn(request):
    """What runs side by side shares few processors: a test that is marked `alone` has them for itself. While it
    waits for those that run it keeps the gate shut, so that no other comes before it."""
    alone = request.node.get_closest_marker("alone") is not None
    with open(ROOM, "rb") as room:
        with open(GATE, "rb") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: no other test runs meanwhile")


class Keeper:
    """Keeps one playground for many tests; a test that failed leaves it in doubt, and a new one is made. Only
    the one that was used last is there: an idle cluster is not idle."""

    last = None

    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.made = 0
        self.cluster = None

    def get(self):
        if Keeper.last not in (None, self):
            Keeper.last.drop()
        Keeper.last = self
        if self.cluster is None:
            self.made += 1
            self.cluster = Cluster(f"{self.directory}-{self.made}", *self.options)
        self.cluster.wait_healthy()
        return self.cluster

    def lend(self, directory, request):
        """For one test: afterwards its log is replayed."""
        request.node.lent = self.get()
        yield request.node.lent
        if request.node.failed:
            self.drop()
        else:
            verify(self.cluster, directory, request.node.name)

    def drop(self):
        if self.cluster is not None:
            self.cluster.down()
            self.cluster = None


def keep(*arguments):
    keeper = Keeper(*arguments)
    yield keeper
    keeper.drop()


@pytest.fixture(scope="session")
def three_nodes(directory):
    yield from keep(directory / "three-nodes")


@pytest.fixture(scope="session")
def two_monitors(directory):
    yield from keep(directory / "two-monitors", "--nodes", "2", "--monitors", "2")


@pytest.fixture(scope="session")
def with_cables(directory):
    """Without standbys that commits wait for: nothing but the lease ends a primary that is cut off."""
    yield from keep(directory / "with-cables", "--netns", "--clocks", "--monitors", "2", "--set", "synchronous=off")


@pytest.fixture(scope="session")
def three_servers(directory):
    yield from keep(directory / "three-servers", "--netns", "--nats", "3")


@pytest.fixture(scope="session")
def keep_cluster(directory):
    """For a module with a playground of its own."""
    return lambda name, *options: keep(directory / name, *options)


def verify_anonymous(cluster, path, anonymous):
    """It gives the same states, and nothing of the names is left. (A log with forged records may be refused.)"""
    cluster.pgbaton("replay", "anonymize", str(path), "-o", str(anonymous), "--cluster", "demo")
    done = cluster.pgbaton("replay", "verify", str(anonymous), "--cluster", "cluster-1", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    directory = str(path.parent).encode()
    assert not [name for name in (b"demo", b"127.0.0.1", directory) if name in anonymous.read_bytes()]


def verify(cluster, directory, test_name):
    """The log of every test, as it stands, gives the same states and decisions when replayed, and can be told."""
    path = directory / (re.sub(r"\W+", "-", test_name) + ".log")
    report = path.with_suffix(".html")
    anonymous = path.with_suffix(".anonymous")
    cluster.pgbaton("replay", "capture", str(path))
    try:
        done = cluster.pgbaton("replay", "verify", str(path), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert_single_holder(cluster.events())
        cluster.pgbaton("replay", "incidents", str(path))
        cluster.pgbaton("replay", "report", str(path), "-o", str(report))
        cluster.pgbaton("explain", "demo", "--timeout", "30s")
        if not cluster.forged:
            verify_anonymous(cluster, path, anonymous)
    finally:
        path.unlink()
        anonymous.unlink(missing_ok=True)
        report.unlink(missing_ok=True)


@pytest.fixture
def cluster(three_nodes, directory, request):
    yield from three_nodes.lend(directory, request)


@pytest.fixture
def monitored(two_monitors, directory, request):
    yield from two_monitors.lend(directory, request)


@pytest.fixture
def networked(with_cables, directory, request):
    yield from with_cables.lend(directory, request)


@pytest.fixture
def replicated(three_servers, directory, request):
    yield from three_servers.lend(directory, request)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what the log and the programs said."""
    outcome = yield
    report = outcome.get_result()
    item.failed = report.failed
    cluster = getattr(item, "lent", None)
    if report.failed and report.when == "call" and cluster is not None:
        for name in ("describe", "tail"):
            words = ["describe", "demo"] if name == "describe" else ["tail", "--no-follow"]
            said = cluster.pgbaton(*words, check=False)
            report.sections.append((name, "\n".join((said.stdout + said.stderr).splitlines()[-40:])))
        for node in cluster.nodes:
            lines = [x for x in cluster.agent_log(node).splitlines() if "no action" not in x]
            report.sections.append((node, "\n".join(lines[-25:])))
