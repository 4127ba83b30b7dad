# SPDX-License-Identifier: PostgreSQL
"""The mutations of the simulator's sources fit the sources; tests/sim/mutants runs them."""
import sys

from conftest import ROOT, read

sys.path.insert(0, str(ROOT / "tests" / "sim"))

from mutations import MUTATIONS  # noqa: E402


def test_every_mutation_fits():
    stale = [(m.name, path) for m in MUTATIONS for path, there, _ in m.edits if read(path).count(there) != 1]
    assert not stale
