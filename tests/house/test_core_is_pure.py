# SPDX-License-Identifier: PostgreSQL
"""The cores reference nothing that allocates, does I/O, tells the time or is random (nm)."""
import re
import subprocess

import pytest

from conftest import BUILD

CORES = {"libpgbaton-core.a": "proto", "libpgbaton-monitor-core.a": "monitor",
         "libpgbaton-agent-core.a": "agent"}

# What a core may need of the world outside pgbaton: moving and comparing memory, text without I/O,
# assertions, and SHA-256 (the digest of a state). Everything else is refused.
ALLOWED = re.compile(r"""
    mem(cpy|move|set|cmp|chr) | str(len|nlen|cmp|ncmp|chr|rchr|str|spn|cspn)
    | v?snprintf | qsort | bsearch | abs
    | __(memcpy|memmove|memset|strcpy|snprintf|vsnprintf)_chk
    | __assert_fail | abort | __stack_chk_fail
    | SHA256(_Init|_Update|_Final)?
    | _GLOBAL_OFFSET_TABLE_
    | __(ubsan|asan)_\w+
    """, re.X)


def symbols(archive, kinds):
    run = subprocess.run(["nm", str(archive)], capture_output=True, text=True, check=True)
    rows = [line.split()[-2:] for line in run.stdout.splitlines() if re.search(r" [A-Za-z] \w", line)]
    return {name for kind, name in rows if kind in kinds}


def archive_of(name):
    found = sorted(BUILD.glob(f"*/{name}"))
    assert found, f"{name} is not built in {BUILD}"
    return found[0]


@pytest.mark.parametrize("name", CORES)
def test_core_is_pure(name):
    defined = set().union(*(symbols(archive_of(core), "TDRBVW") for core in CORES))
    defined |= symbols(archive_of("libpgbaton-codec.a"), "TDRBVW")
    needed = symbols(archive_of(name), "U") - defined
    assert needed, "nm shows nothing"
    assert not sorted(s for s in needed if not ALLOWED.fullmatch(s))
