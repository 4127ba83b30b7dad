# SPDX-License-Identifier: PostgreSQL
"""With --clocks: a node's wall clock, ahead of the machine's by what stands in a file of the node. A
library that is preloaded into the node's programs reads it; see tools/clock_step.c."""
import struct

LIBRARY = "libclock_step.so"
SECONDS = "=q"


def path(pg, name):
    return pg.path(name, "clock")


def ahead(pg, name):
    with open(path(pg, name), "rb") as f:
        return struct.unpack(SECONDS, f.read())[0]


def set_ahead(pg, name, seconds):
    """In place and in one write: the file is mapped by the programs that run."""
    with open(path(pg, name), "ab", buffering=0):
        pass
    with open(path(pg, name), "r+b", buffering=0) as f:
        f.write(struct.pack(SECONDS, seconds))


def environment(pg, name):
    """What a node's programs are started with."""
    if not pg.shape["clocks"]:
        return {}
    return {"LD_PRELOAD": pg.path("bin", LIBRARY), "PLAYGROUND_CLOCK": path(pg, name)}
