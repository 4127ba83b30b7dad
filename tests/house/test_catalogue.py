# SPDX-License-Identifier: PostgreSQL
"""tests/catalogue.tsv: every mode of failure has a test that exists, or the feature that will bring one."""
import re

import pytest

from conftest import project_files, read

MODE_COUNT = 52
FEATURES = {
    "No acknowledged write lost, and every node comes back by itself",
    "The log may go away, come back shorter, or lie",
    "The post-mortem that writes itself",
    "What operators and their other tools expect",
    "Let no one in, and trust no one's word",
    "Close to the physical limit, ahead of every peer, and large",
}
# How a file names what is run: a Python test or a mutation; a case of cmocka, which is also in a table of
# cases, or a fault of the simulator.
NAMED = {
    ".py": r'^def {name}\(|^add\("{name}"',
    ".c": r'^static void {name}\(void \*\*.*^.*\({name}\b|^\s*\{{"{name}", .*\bfault_',
}


def rows():
    lines = [line for line in read("tests/catalogue.tsv").splitlines() if not line.startswith("#")]
    return [line.split("\t") for line in lines]


def defences(text):
    """(tests, features) of a row's last column; they stand apart by two spaces."""
    words = text.split("  ")
    later = [w.removeprefix("later: ") for w in words if w.startswith("later: ")]
    return [w for w in words if not w.startswith("later: ")], later


def is_there(reference, files):
    path, _, name = reference.partition("::")
    if path not in files:
        return False
    pattern = NAMED.get(path[path.rfind("."):])
    return not name or bool(pattern and re.search(pattern.format(name=re.escape(name)), read(path), re.M | re.S))


@pytest.fixture(scope="module")
def files():
    return {str(p) for p in project_files() if p.parts[0] == "tests"}


def test_all_modes_are_there():
    assert [row[0] for row in rows()] == [str(n) for n in range(1, MODE_COUNT + 1)]
    names = [row[1] for row in rows()]
    assert all(names) and len(set(names)) == MODE_COUNT


def test_every_mode_has_a_defence():
    assert not [row[0] for row in rows() if len(row) != 3 or not row[2].strip()]
    unknown = [(row[0], title) for row in rows() for title in defences(row[2])[1] if title not in FEATURES]
    assert not unknown


def test_every_named_test_exists(files):
    missing = [(row[0], reference) for row in rows() for reference in defences(row[2])[0]
               if not is_there(reference, files)]
    assert not missing


@pytest.mark.parametrize("reference, there", [
    ("tests/house/test_catalogue.py::test_all_modes_are_there", True),
    ("tests/house/test_catalogue.py::test_nothing", False),
    ("tests/unit/test_fold.c::test_fold_is_deterministic", True),
    ("tests/unit/test_fold.c::test_fold_is", False),
    ("tests/sim/sim_faults.c::freeze", True),
    ("tests/sim/sim_faults.c::fault_freeze", False),
    ("tests/sim/mutations.py::order", True),
    ("tests/sim/mutations.py::orders", False),
    ("tests/model/lease.pml", True),
    ("tests/model/none.pml", False),
])
def test_a_missing_test_is_noticed(files, reference, there):
    assert is_there(reference, files) == there
