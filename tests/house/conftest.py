# SPDX-License-Identifier: PostgreSQL
"""What the house tests share: where things are, and a plain reading of C files."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PGBATON_BUILD") or ROOT / "build")
PARTS = ("proto", "monitor", "agent", "replay", "tools")


def project_files(*suffixes):
    """The project's own files (not what a build or an interpreter leaves), relative to ROOT."""
    listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others",
                             "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        names = [n for n in listed.stdout.decode().split("\0") if n]
    else:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()]
        names = [n for n in names if not re.match(r"build|\.git/|.*__pycache__", n)]
    paths = [pathlib.Path(n) for n in sorted(names) if (ROOT / n).is_file()]
    return [p for p in paths if not suffixes or p.suffix in suffixes]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def strip_comments_and_strings(text):
    """C code with comments and literals blanked; the lines stay where they are."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


@pytest.fixture(scope="session")
def c_files():
    return project_files(".c", ".h")
