# SPDX-License-Identifier: PostgreSQL
"""The processes of a playground: starting them, and finding them by what /proc says of them."""
import os
import signal
import subprocess
import time

from . import freezer
from .shape import PG_BIN, Trouble, in_namespace, is_inside, write_file


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


def link_proc(pid, name):
    try:
        return os.readlink(f"/proc/{pid}/{name}").removesuffix(" (deleted)")
    except OSError:
        return ""


def stat_fields(pid):
    """The fields of /proc/PID/stat after the command: state, parent, ...; empty if it is gone."""
    return read_proc(pid, "stat").rpartition(b")")[2].split()


def state_of(pid):
    """R, S, D, T, ...; Z too when it is gone altogether."""
    return (stat_fields(pid) or [b"Z"])[0]


def start_time(pid):
    """When the process started, in ticks since boot; None when it is gone or a zombie."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields and fields[0] != b"Z" else None


def parent_of(pid):
    fields = stat_fields(pid)
    return int(fields[1]) if fields else 0


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def spawn(pg, member, argv, as_postgres=False, log="log", environment=()):
    """Starts a member's program, where the member lives, in a session of its own, and remembers its
    pid with its start time."""
    home = pg.path(member["name"])
    command = in_namespace(member["namespace"])
    if as_postgres and os.geteuid() == 0:
        command += ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    environment = {"PATH": f"{pg.path('bin')}:{PG_BIN}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home,
                   "LC_ALL": "C.UTF-8", **dict(environment)}
    group = freezer.group_of(pg, member["name"])
    with open(os.path.join(home, log), "ab") as out:
        process = subprocess.Popen(command + argv, cwd=home, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=out, env=environment, start_new_session=True,
                                   preexec_fn=lambda: freezer.enter(group))
    write_file(os.path.join(home, "pid"), f"{process.pid}\n")
    write_file(os.path.join(home, "pid.start"), f"{start_time(process.pid) or 0}\n")


def recorded_pid(pg, name):
    """The living process that was started for a member; None when it is gone or its pid is reused."""
    try:
        with open(pg.path(name, "pid"), encoding="ascii") as f:
            pid = int(f.read())
        with open(pg.path(name, "pid.start"), encoding="ascii") as f:
            started = int(f.read())
    except (OSError, ValueError):
        return None
    return pid if started and start_time(pid) == started else None


def agent_program(pg):
    return pg.path("bin", "pgbaton-agent")


def belongs_to_node(pg, pid, name):
    """True for the node's guard and agent, and for what they or its PostgreSQL have started."""
    home = pg.path(name)
    exe = link_proc(pid, "exe")
    if exe in (agent_program(pg), pg.path("bin", "pgbaton-guard")):
        return os.fsencode(os.path.join(home, "agent.yaml")) in read_proc(pid, "cmdline")
    if not is_inside(exe, PG_BIN):
        return False
    named = os.fsencode(home + "/") in read_proc(pid, "cmdline")
    return named or is_inside(link_proc(pid, "cwd"), home)


def node_pids(pg, name, postgres_only=False):
    """The node's living processes: init, then all others."""
    init = recorded_pid(pg, name)
    pids = [p for p in all_pids() if start_time(p) and (p == init or belongs_to_node(pg, p, name))]
    if postgres_only:
        pids = [p for p in pids if link_proc(p, "exe") == os.path.join(PG_BIN, "postgres")]
    return sorted(pids, key=lambda p: (p != init, p))


def guard_pid(pg, name):
    for pid in node_pids(pg, name):
        if link_proc(pid, "exe") == pg.path("bin", "pgbaton-guard"):
            return pid
    raise Trouble(f"{name}: its guard does not run")


def agent_pids(pg, name):
    """The agent and what it has forked, while a guard runs or not."""
    return [pid for pid in node_pids(pg, name) if link_proc(pid, "exe") == agent_program(pg)]


def agent_pid(pg, name):
    guard = guard_pid(pg, name)
    for pid in agent_pids(pg, name):
        if parent_of(pid) == guard:
            return pid
    raise Trouble(f"{name}: its agent does not run")


def postmaster_pid(pg, name):
    """The postgres process whose parent is not one of the node's own postgres processes."""
    pids = node_pids(pg, name, postgres_only=True)
    for pid in pids:
        if parent_of(pid) not in pids:
            return pid
    raise Trouble(f"{name}: its PostgreSQL does not run")


def every_pid(pg):
    """The playground's living processes, as recorded and as found."""
    pids = [recorded_pid(pg, member["name"]) for member in pg.all_members()]
    programs = pg.path("bin")
    pids += [p for p in all_pids() if is_inside(link_proc(p, "exe"), programs) and start_time(p)]
    for name in pg.names("nodes"):
        pids += node_pids(pg, name)
    return list(dict.fromkeys(p for p in pids if p and p != os.getpid()))


def wait_settled(pids, settled, number):
    deadline = time.monotonic() + 10
    while not all(settled(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise Trouble(f"processes withstand signal {number}: {pids}")
        time.sleep(0.002)


def is_stopped(pid):
    return state_of(pid) in (b"T", b"Z")


def is_dead(pid):
    return start_time(pid) is None


def stop(pid):
    """Returns when it does nothing more."""
    send(pid, signal.SIGSTOP)
    wait_settled([pid], is_stopped, signal.SIGSTOP)


def kill(pid):
    """Returns when it is dead."""
    send(pid, signal.SIGKILL)
    wait_settled([pid], is_dead, signal.SIGKILL)


def signal_all(find, number, settled):
    """Sends until `settled` holds of every process found: new ones may be born meanwhile."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pending = [p for p in find() if not settled(p)]
        if not pending:
            return
        for pid in pending:
            send(pid, number)
        time.sleep(0.002)
    raise Trouble(f"processes withstand signal {number}: {find()}")


def kill_all(find):
    signal_all(find, signal.SIGKILL, is_dead)
