# SPDX-License-Identifier: PostgreSQL
"""Where the checker and the writer are, and a plain PostgreSQL to try them on."""
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
BUILD = pathlib.Path(os.environ.get("PGBATON_BUILD") or ROOT / "build")
WRITER = BUILD / "tests" / "history" / "writer"

sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One PostgreSQL that nobody looks after."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.data = str(self.directory / "data")
        self.port = free_port()
        self.conninfo = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def run(self, program, *arguments):
        words = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        words = words if os.geteuid() == 0 else []
        subprocess.run([*words, str(PG_BIN / program), *arguments], check=True, timeout=60, cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def create(self):
        self.run("initdb", "-D", self.data, "-A", "trust", "-N")
        self.start()

    def copy(self, other):
        """Becomes a standby of another server."""
        self.run("pg_basebackup", "-D", self.data, "-R", "-c", "fast", "-d", other.conninfo)
        self.start()

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.data + ".log", "-o",
                 f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1", "start")

    def promote(self):
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    def stop(self, mode):
        self.run("pg_ctl", "-D", self.data, "-m", mode, "stop")


@contextlib.contextmanager
def room():
    """A directory in which the user postgres may make things."""
    with tempfile.TemporaryDirectory(prefix="pgbaton-history.") as directory:
        os.chmod(directory, 0o777)
        yield directory


@pytest.fixture(scope="session")
def server():
    with room() as directory:
        one = Server(directory)
        one.create()
        yield one
        one.stop("immediate")


@pytest.fixture
def standby(server):
    with room() as directory:
        one = Server(directory)
        one.copy(server)
        yield one
        one.stop("immediate")
