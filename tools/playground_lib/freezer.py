# SPDX-License-Identifier: PostgreSQL
"""A node stands still and goes on as a whole: the kernel's freezer (a cgroup, version 2) holds all of
its processes. Where there is none, each process is stopped by a signal."""
import os
import time

from .shape import Trouble


def mounted():
    """Where control groups of version 2 are, or None when there are none that can freeze."""
    with open("/proc/self/mounts", encoding="utf-8") as f:
        places = [line.split()[1] for line in f if line.split()[2] == "cgroup2"]
    return next((place for place in places if os.access(place, os.W_OK)), None)


def make(pg):
    """A group for each node; remembered in the shape."""
    pg.shape["freezer"] = None
    place = mounted()
    if place is None:
        return
    prefix = os.path.join(place, f"pgbaton-{os.getpid()}-{time.monotonic_ns()}")
    pg.shape["freezer"] = prefix
    pg.save()
    try:
        for name in pg.names("nodes"):
            os.mkdir(f"{prefix}-{name}")
        if not os.path.exists(f"{prefix}-{name}/cgroup.freeze"):
            raise OSError("this kernel's groups do not freeze")
    except OSError:
        remove(pg)
        pg.shape["freezer"] = None


def group_of(pg, name):
    prefix = pg.shape["freezer"]
    return f"{prefix}-{name}" if prefix and name in pg.names("nodes") else None


def enter(group):
    """Puts the calling process into a group."""
    if group:
        with open(f"{group}/cgroup.procs", "w", encoding="ascii") as f:
            f.write("0")


def wait_event(group, event):
    """Until the kernel says so in cgroup.events."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"{group}/cgroup.events", encoding="ascii") as f:
            if event in f.read().splitlines():
                return
        time.sleep(0.002)
    raise Trouble(f"{group} does not become '{event}'")


def set_frozen(group, frozen):
    with open(f"{group}/cgroup.freeze", "w", encoding="ascii") as f:
        f.write(str(frozen))
    wait_event(group, f"frozen {frozen}")


def freeze(group):
    set_frozen(group, 1)


def thaw(group):
    set_frozen(group, 0)


def remove(pg):
    """When their processes are dead; the kernel needs a moment more until it knows."""
    for name in pg.names("nodes"):
        group = group_of(pg, name)
        if group and os.path.isdir(group):
            wait_event(group, "populated 0")
            os.rmdir(group)
