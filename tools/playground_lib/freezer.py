# SPDX-License-Identifier: PostgreSQL
"""A node stands still and goes on as a whole: the kernel's freezer (a control group) holds all of its
processes. The old kind is preferred: what it holds does not even die before it is thawed, as on a machine
that stands still. Where there is none, each process is stopped by a signal."""
import errno
import os
import time

from .shape import Trouble

# Of each version: the file that commands, the words for it, the file that tells, and what it tells.
VERSIONS = {
    "1": {"command": "freezer.state", "words": ("THAWED", "FROZEN"), "state": "freezer.state",
          "told": ("THAWED", "FROZEN")},
    "2": {"command": "cgroup.freeze", "words": ("0", "1"), "state": "cgroup.events",
          "told": ("frozen 0", "frozen 1")},
}


def mounted():
    """(version, directory) of control groups that can freeze; the best comes first."""
    found = {}
    with open("/proc/self/mounts", encoding="utf-8") as f:
        for line in f:
            _, place, kind, options = line.split()[:4]
            if kind == "cgroup" and "freezer" in options.split(","):
                found["1"] = place
            elif kind == "cgroup2":
                found["2"] = place
    return [(v, found[v]) for v in sorted(found) if os.access(found[v], os.W_OK)]


def make(pg):
    """A group for each node; remembered in the shape."""
    for version, place in mounted():
        prefix = os.path.join(place, f"pgbaton-{os.getpid()}-{time.monotonic_ns()}")
        pg.shape["freezer"] = {"version": version, "prefix": prefix}
        pg.save()
        try:
            for name in pg.names("nodes"):
                os.mkdir(group_of(pg, name))
                os.stat(os.path.join(group_of(pg, name), VERSIONS[version]["command"]))
            return
        except OSError:
            remove(pg)
            pg.shape["freezer"] = None


def group_of(pg, name):
    freezer = pg.shape["freezer"]
    return f"{freezer['prefix']}-{name}" if freezer and name in pg.names("nodes") else None


def enter(group):
    """Puts the calling process into a group."""
    if group:
        with open(f"{group}/cgroup.procs", "w", encoding="ascii") as f:
            f.write("0")


def set_frozen(pg, name, frozen):
    """False when there is no freezer: signals must do."""
    group = group_of(pg, name)
    if not group or not os.path.isdir(group):
        return False
    version = VERSIONS[pg.shape["freezer"]["version"]]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"{group}/{version['command']}", "w", encoding="ascii") as f:
            f.write(version["words"][frozen])
        with open(f"{group}/{version['state']}", encoding="ascii") as f:
            if version["told"][frozen] in f.read().splitlines():
                return True
        time.sleep(0.002)
    raise Trouble(f"{group} does not become {version['words'][frozen]}")


def freeze(pg, name):
    return set_frozen(pg, name, True)


def thaw(pg, name):
    return set_frozen(pg, name, False)


def remove_group(group):
    """Its processes are dead; the kernel needs a moment until it knows."""
    deadline = time.monotonic() + 10
    while True:
        try:
            os.rmdir(group)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.002)


def remove(pg):
    for name in pg.names("nodes"):
        if group_of(pg, name):
            remove_group(group_of(pg, name))
