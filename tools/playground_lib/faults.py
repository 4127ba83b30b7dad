# SPDX-License-Identifier: PostgreSQL
"""What can be broken, and mended. Each fault strikes one member by its name."""
import os
import signal
import subprocess

from . import clock, disk, freezer, network, processes
from .members import describe, start_monitor, start_nats, start_node
from .processes import agent_pid, guard_pid, node_pids, postmaster_pid, recorded_pid, send
from .shape import Trouble

# ---- PostgreSQL and its data ------------------------------------------------------------------


def kill_postmaster(pg, name):
    send(postmaster_pid(pg, name), signal.SIGKILL)


def stop_postmaster(pg, name):
    processes.stop(postmaster_pid(pg, name))


def cont_postmaster(pg, name):
    send(postmaster_pid(pg, name), signal.SIGCONT)


def kill_postgres(pg, name):
    """All of PostgreSQL's processes that run now; what the guard starts later is not touched."""
    postmaster = postmaster_pid(pg, name)
    pids = node_pids(pg, name, postgres_only=True)
    for pid in [postmaster] + [p for p in pids if p != postmaster]:
        send(pid, signal.SIGKILL)


def rm_data(pg, name):
    """Once, as a person would: PostgreSQL may put a file back while it runs."""
    subprocess.run(["rm", "-rf", pg.data(name)], stderr=subprocess.DEVNULL, check=False)


def rm_base(pg, name):
    base = os.path.join(pg.data(name), "base")
    subprocess.run(["rm", "-rf"] + [os.path.join(base, d) for d in os.listdir(base)],
                   stderr=subprocess.DEVNULL, check=False)


def chmod_data(pg, name):
    os.chmod(pg.data(name), 0)


# ---- agent, guard, host -----------------------------------------------------------------------


def kill_agent(pg, name):
    send(agent_pid(pg, name), signal.SIGKILL)


def stop_agent(pg, name):
    processes.stop(agent_pid(pg, name))


def cont_agent(pg, name):
    """One that died meanwhile is started anew by itself: a guard that the machine lets run too late after a
    deadline ends itself, and the agent with it."""
    running_pid(pg, name)
    for pid in filter(processes.is_stopped, processes.agent_pids(pg, name)):
        send(pid, signal.SIGCONT)


def kill_guard(pg, name):
    processes.kill(guard_pid(pg, name))


def kill_both(pg, name):
    """Neither sees the other die: both are stopped first."""
    pids = [guard_pid(pg, name), agent_pid(pg, name)]
    for pid in pids:
        processes.stop(pid)
    for pid in reversed(pids):
        processes.kill(pid)


def kill_host(pg, name):
    """A frozen one dies when it is thawed, and does nothing before."""
    for pid in node_pids(pg, name):
        send(pid, signal.SIGKILL)
    freezer.thaw(pg, name)
    processes.kill_all(lambda: node_pids(pg, name))


def freeze(pg, name):
    if not freezer.freeze(pg, name):
        processes.signal_all(lambda: node_pids(pg, name), signal.SIGSTOP, processes.is_stopped)


def thaw(pg, name):
    if not freezer.thaw(pg, name):
        for pid in reversed(node_pids(pg, name)):
            send(pid, signal.SIGCONT)


def clock_step(pg, name, seconds):
    if not pg.shape["clocks"]:
        raise Trouble("clock-step needs a playground that was made with --clocks")
    clock.set_ahead(pg, name, clock.ahead(pg, name) + seconds)


# ---- monitors and NATS servers ----------------------------------------------------------------


def running_pid(pg, name):
    pid = recorded_pid(pg, name)
    if pid:
        return pid
    raise Trouble(f"{name}: does not run")


def kill_member(pg, name):
    processes.kill(running_pid(pg, name))


def freeze_member(pg, name):
    processes.stop(running_pid(pg, name))


def thaw_member(pg, name):
    send(running_pid(pg, name), signal.SIGCONT)


# ---- the network ------------------------------------------------------------------------------


def partition(pg, name):
    network.command(pg, name, "both drop")


def partition_nats(pg, name):
    network.command(pg, name, f"both drop {network.addresses(pg, 'nats')}")


def partition_standbys(pg, name):
    network.command(pg, name, f"both drop {network.addresses(pg, 'nodes', but=name)}")


def lose_out(pg, name):
    network.command(pg, name, "out drop")


def lose_in(pg, name):
    network.command(pg, name, "in drop")


def delay(pg, name, round_trip_ms):
    network.command(pg, name, f"out delay {round_trip_ms - round_trip_ms // 2}")
    network.command(pg, name, f"in delay {round_trip_ms // 2}")


def loss(pg, name, percent):
    network.command(pg, name, f"both loss {percent}")


def heal(pg, name):
    network.command(pg, name, "heal")


# ---- the table --------------------------------------------------------------------------------

NUMBER = {  # the faults that take a number: what it is when none is given
    "clock-step": 3600,
    "delay": 500,
    "loss": 5,
}

FAULTS = {  # name: whom it strikes, how, what a person should know
    "kill-postmaster": ("nodes", kill_postmaster, "SIGKILL; its backends live on"),
    "stop-postmaster": ("nodes", stop_postmaster, "SIGSTOP; its sessions go on, new ones hang"),
    "cont-postmaster": ("nodes", cont_postmaster, ""),
    "kill-postgres": ("nodes", kill_postgres, "all of PostgreSQL's processes"),
    "rm-data": ("nodes", rm_data, "rm -rf of the data directory"),
    "rm-base": ("nodes", rm_base, "rm -rf of every database in it"),
    "chmod-data": ("nodes", chmod_data, "chmod 0 of the data directory"),
    "freeze-disk": ("nodes", disk.freeze, "whoever writes to the data waits, unkillable (--disks)"),
    "thaw-disk": ("nodes", disk.thaw, ""),
    "fill-disk": ("nodes", disk.fill, "no space is left (--disks)"),
    "empty-disk": ("nodes", disk.empty, "there is again"),
    "read-only-disk": ("nodes", disk.read_only, "as after an error of the medium (--disks)"),
    "mend-disk": ("nodes", disk.mend, "after kill-host: checked and writable again"),
    "kill-agent": ("nodes", kill_agent, "the agent only; its guard starts it again"),
    "stop-agent": ("nodes", stop_agent, "SIGSTOP of the agent only"),
    "cont-agent": ("nodes", cont_agent, ""),
    "kill-guard": ("nodes", kill_guard, "the guard only; it is started again after a second"),
    "kill-both": ("nodes", kill_both, "guard and agent in one moment"),
    "kill-host": ("nodes", kill_host, "every process of the node"),
    "freeze": ("nodes", freeze, "every process of the node stands still"),
    "thaw": ("nodes", thaw, ""),
    "clock-step": ("nodes", clock_step, "[SECONDS] moves the node's wall clock (3600; --clocks)"),
    "start": ("nodes", start_node, "after kill-host"),
    "partition": ("nodes", partition, "from everything: frames vanish in silence (--netns)"),
    "partition-nats": ("nodes", partition_nats, "from the NATS servers only"),
    "partition-standbys": ("nodes", partition_standbys, "from the other nodes only"),
    "lose-out": ("nodes", lose_out, "all that the node sends is lost"),
    "lose-in": ("nodes", lose_in, "all that is sent to the node is lost"),
    "delay": ("nodes", delay, "[MS] of each round trip (500), half in each direction"),
    "loss": ("nodes", loss, "[PERCENT] of the frames in each direction (5)"),
    "heal": ("nodes", heal, "ends partition, lose, delay and loss"),
    "kill-monitor": ("monitors", kill_member, ""),
    "start-monitor": ("monitors", start_monitor, "if it does not run"),
    "partition-monitor": ("monitors", partition, "from everything"),
    "heal-monitor": ("monitors", heal, ""),
    "kill-nats": ("nats", kill_member, ""),
    "start-nats": ("nats", start_nats, "if it does not run"),
    "freeze-nats": ("nats", freeze_member, "SIGSTOP"),
    "thaw-nats": ("nats", thaw_member, ""),
    "partition-nats-server": ("nats", partition, "from everything"),
    "heal-nats-server": ("nats", heal, ""),
}

KIND_HELP = {
    "nodes": "NODE is a node's name, or `primary`, or `standby` (the first one):",
    "monitors": "a monitor's name or number, or `all`; the first when none is given:",
    "nats": "a NATS server's name or number, or `all`; the first when none is given:",
}


def table():
    """The faults as a person reads them."""
    lines = []
    for kind, text in KIND_HELP.items():
        lines += ["", text]
        lines += [f"  {name:24}{said}".rstrip() for name, (k, _, said) in FAULTS.items() if k == kind]
    return "\n".join(lines[1:])


def resolve_node(pg, name):
    roles = {"primary": "primary", "standby": "secondary"}
    if not name:
        raise Trouble("which node? a name, `primary` or `standby`")
    if name not in roles:
        return pg.member("nodes", name)["name"]
    for node in describe(pg).get("nodes", []):
        if node["role"] == roles[name]:
            return node["name"]
    raise Trouble(f"the cluster has no {name} now")


def resolve(pg, kind, name):
    """The members whom a fault strikes, from what was typed."""
    names = pg.names(kind)
    if kind == "nodes":
        return [resolve_node(pg, name)]
    if name == "all":
        return names
    if name and name.isdigit() and 1 <= int(name) <= len(names):
        return [names[int(name) - 1]]
    return [pg.member(kind, name or names[0])["name"]]


def strike(pg, fault, names, number):
    """number: None when none was given."""
    _, function, _ = FAULTS[fault]
    if number is not None and fault not in NUMBER:
        raise Trouble(f"{fault} takes no number")
    for name in names:
        if fault in NUMBER:
            function(pg, name, NUMBER[fault] if number is None else number)
        else:
            function(pg, name)
