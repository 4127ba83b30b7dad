# SPDX-License-Identifier: PostgreSQL
"""Where the checker and the writer are, and a plain PostgreSQL to try them on."""
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
        self.data = f"{directory}/data"
        self.port = free_port()
        self.conninfo = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        self.run("initdb", "-D", self.data, "-A", "trust", "-N")
        self.start()

    def run(self, program, *arguments):
        words = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        words = words if os.geteuid() == 0 else []
        subprocess.run([*words, str(PG_BIN / program), *arguments], check=True, timeout=60, cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.data + ".log", "-o",
                 f"-p {self.port} -k {os.path.dirname(self.data)} -c listen_addresses=127.0.0.1", "start")

    def stop(self, mode):
        self.run("pg_ctl", "-D", self.data, "-m", mode, "stop")


@pytest.fixture(scope="session")
def server():
    with tempfile.TemporaryDirectory(prefix="pgbaton-history.") as directory:
        if os.geteuid() == 0:
            os.chmod(directory, 0o777)
        one = Server(directory)
        yield one
        one.stop("immediate")
