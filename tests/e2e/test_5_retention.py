# SPDX-License-Identifier: PostgreSQL
"""What is older than retention goes, and what is kept is enough: for monitors, commands and replay."""
import subprocess
import time

import pytest

from long_log import (BUILD, Monitor, begin, create_stream, fill, free_port, snapshot_seq, start_server,
                      state_of)


@pytest.fixture
def place(tmp_path):
    port = free_port()
    server, nats = start_server(str(tmp_path / "nats"), port)
    yield f"nats://127.0.0.1:{port}", nats, tmp_path
    nats.close()
    server.terminate()
    server.wait()


def settings(tmp_path):
    path = tmp_path / "monitor.yaml"
    path.write_text("name: monitor-1\nretention: 1min\n", encoding="ascii")
    return "-c", path


def wait_until(what, seconds=240):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def run(program, *words):
    done = subprocess.run([BUILD / program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_retention_leaves_what_readers_need(place):
    url, nats, tmp_path = place
    create_stream(nats)
    begin(url)
    with Monitor(url, *settings(tmp_path)):
        fill(nats, 200)
        wait_until(lambda: snapshot_seq(nats) > 0)
        first = snapshot_seq(nats)
        fill(nats, 6000, 200)
        wait_until(lambda: snapshot_seq(nats) > first)
        wait_until(lambda: state_of(nats)["first_seq"] > 1)
    begins = state_of(nats)["first_seq"]
    assert begins <= first
    # A monitor that starts needs few records, and does not remove more: it knows of one snapshot.
    with Monitor(url, *settings(tmp_path)) as monitor:
        assert int(monitor.line.split("records=")[1]) < 3000
        assert "demo" in run("tools/pgbaton", "describe", "demo", "--nats", url)
    verified = run("replay/pgbaton-replay", "verify", "--nats", url)
    assert "cluster demo: verified" in verified and "it begins with a snapshot" in verified
    captured = tmp_path / "captured"
    run("replay/pgbaton-replay", "capture", captured, "--nats", url)
    assert "cluster demo: verified" in run("replay/pgbaton-replay", "verify", captured)
    assert "demo" in run("tools/pgbaton", "describe", "demo", "--file", captured)
