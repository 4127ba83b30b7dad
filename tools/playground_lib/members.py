# SPDX-License-Identifier: PostgreSQL
"""The members' programs and configuration; starting each; and whether the cluster is well."""
import json
import os
import pwd
import shutil
import subprocess

from . import clock, disk, freezer, network
from .processes import recorded_pid, spawn
from .shape import CLUSTER, Trouble, in_namespace, write_file

PROGRAMS = ("pgbaton-agent", "pgbaton-guard", "pgbaton_fence.so", "pgbaton-monitor", "pgbaton-replay",
            "pgbaton")
GUARD_ASLEEP = "guard-asleep"  # for tests: it never ends a lease


# ---- programs ---------------------------------------------------------------------------------


def built_programs():
    """Every executable file of the build, by its name."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    build = os.environ.get("PGBATON_BUILD") or os.path.join(root, "build")
    found = {}
    for where, _, files in os.walk(build):
        for name in files:
            path = os.path.join(where, name)
            if name not in found and os.access(path, os.X_OK):
                found[name] = path
    return found, build


def copy_programs(pg):
    found, build = built_programs()
    wanted = list(PROGRAMS)
    wanted += ["cable"] if pg.shape["netns"] else []
    wanted += [clock.LIBRARY] if pg.shape["clocks"] else []
    os.makedirs(pg.path("bin"))
    for name in wanted:
        if name not in found:
            raise Trouble(f"{name} is not in {build}: build it first (meson setup build && "
                          "ninja -C build)")
        source = GUARD_ASLEEP if name == "pgbaton-guard" and pg.shape["ring"] == "fence" else name
        shutil.copyfile(found[source], pg.path("bin", name))
        os.chmod(pg.path("bin", name), 0o755)


# ---- configuration ----------------------------------------------------------------------------


def write_nats(pg, member):
    home = pg.path(member["name"])
    os.makedirs(home)
    text = (f"server_name: {member['name']}\nlisten: {member['address']}:{member['port']}\n"
            f"jetstream {{ store_dir: \"{home}/store\" }}\n")
    others = [m for m in pg.members("nats") if m is not member]
    if others:
        routes = ", ".join(f"\"nats://{m['address']}:{m['route']}\"" for m in others)
        text += (f"cluster {{\n  name: playground\n  listen: {member['address']}:{member['route']}\n"
                 f"  routes: [{routes}]\n}}\n")
    write_file(os.path.join(home, "nats.conf"), text)


def make_log_directory(pg):
    """Of a log that is a file: everybody who is in the group of PostgreSQL's user has a part in it."""
    os.makedirs(pg.log_directory(), exist_ok=True)
    if os.geteuid() == 0:
        os.chown(pg.log_directory(), 0, pwd.getpwnam("postgres").pw_gid)
    os.chmod(pg.log_directory(), 0o2770)


def nats_hosts(pg):
    """Server n is beside node n, if the nodes have hosts of their own."""
    hosts = [m["address"] for m in pg.members("nodes")]
    servers = pg.names("nats")
    if not 3 <= len(servers) <= len(hosts) or len(set(hosts)) < len(hosts):
        return ""
    pairs = ", ".join(f"{{server: {s}, host: {h}}}" for s, h in zip(servers, hosts))
    return f"nats_hosts: [{pairs}]\n"


def write_monitor(pg, member):
    os.makedirs(pg.path(member["name"]))
    if not pg.members("nats"):
        make_log_directory(pg)
    replicas = 3 if len(pg.members("nats")) >= 3 else 1
    text = (f"name: {member['name']}\nnats: {pg.servers()}\n"
            f"state_directory: {pg.path(member['name'], 'state')}\n"
            f"stream:\n  replicas: {replicas}\n  storage: file\n")
    text += nats_hosts(pg)
    # Whoever plays breaks more than a DBA would stand.
    defaults = {"failover_limit": 1000, "rebuild_limit": 1000, "restart_limit": 1000, **pg.shape["set"]}
    text += "cluster_defaults:\n"
    text += "".join(f"  {key}: {value}\n" for key, value in defaults.items())
    write_file(pg.path(member["name"], "monitor.yaml"), text)


def write_node(pg, member):
    home = pg.path(member["name"])
    os.makedirs(home)
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(home, user.pw_uid, user.pw_gid)
    clock.set_ahead(pg, member["name"], 0)
    if pg.shape["disks"]:
        disk.make(pg, member["name"])
    fence = "off" if pg.shape["ring"] == "guard" else "on"
    parameters = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in pg.shape["parameters"].items())
    write_file(os.path.join(home, "agent.yaml"), f"""\
cluster: {CLUSTER}
node: {member['name']}
nats: {pg.servers()}
agent_port: {member['agent_port']}
postgresql:
  data_directory: {pg.data(member['name'])}
  fence: {fence}
  address: {member['address']}:{member['port']}
  hba:
    - local all all trust
    - host all all {network.client_network(pg)} trust
    - host replication all {network.client_network(pg)} trust
  parameters:
    shared_buffers: 16MB
    max_connections: '50'
{parameters}{watchdog(pg, member['name'])}{pg.shape['agent']}""")


def watchdog_path(pg, name):
    return pg.path(name, "watchdog")


def watchdog(pg, name):
    """With --disks: a pipe from which a test can read when it was fed."""
    if not pg.shape["disks"]:
        return ""
    os.mkfifo(watchdog_path(pg, name))
    shutil.chown(watchdog_path(pg, name), "postgres")
    return f"watchdog:\n  mode: automatic\n  device: {watchdog_path(pg, name)}\n"


WRITERS = {"nats": write_nats, "monitors": write_monitor, "nodes": write_node}


# ---- starting ---------------------------------------------------------------------------------


def start_nats(pg, name):
    if not recorded_pid(pg, name):
        spawn(pg, pg.member("nats", name), ["nats-server", "-c", pg.path(name, "nats.conf")])


def start_monitor(pg, name):
    if not recorded_pid(pg, name):
        spawn(pg, pg.member("monitors", name),
              [pg.path("bin", "pgbaton-monitor"), "-c", pg.path(name, "monitor.yaml")])


# Somebody must read from the pipe that is the watchdog.
INIT = 'test -p "$0" && exec 9<>"$0"; while :; do "$@" 9>&-; sleep 1; done'


def start_node(pg, name):
    """What ends by itself is started again, as systemd would with Restart=always."""
    if recorded_pid(pg, name):
        raise Trouble(f"{name}: its agent runs already")
    freezer.thaw(pg, name)
    spawn(pg, pg.member("nodes", name),
          ["sh", "-c", INIT, watchdog_path(pg, name),
           pg.path("bin", "pgbaton-agent"), "-c", pg.path(name, "agent.yaml")], as_postgres=True,
          log="agent.log", environment=clock.environment(pg, name))


STARTERS = {"nats": start_nats, "monitors": start_monitor, "nodes": start_node}


# ---- how the cluster is -----------------------------------------------------------------------


def describe_command(pg, *options):
    """The command line that describes the cluster, and the environment it needs."""
    command = in_namespace(pg.hub()) + [pg.path("bin", "pgbaton"), "describe", CLUSTER, *options]
    return command, {**os.environ, **pg.environment()}


def describe(pg):
    """What `pgbaton describe` says, as a dictionary; empty when it says nothing useful."""
    command, environment = describe_command(pg, "-o", "json")
    try:
        run = subprocess.run(command, env=environment, timeout=10, capture_output=True, check=False)
        return json.loads(run.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {}


def health(pg):
    """Empty when every node is what it should be, else a sentence on what is not."""
    cluster = describe(pg)
    if cluster.get("status") != "running":
        return f"cluster is {cluster.get('status', 'not described yet')} {cluster.get('reason', '')}".rstrip()
    states = {n["name"]: (n["role"], n["status"]) for n in cluster["nodes"]}
    wanted = {("primary", "running"), ("secondary", "streaming"), ("standby_leader", "streaming")}
    bad = [f"{n} {' '.join(states.get(n, ('unknown', '')))}" for n in pg.names("nodes")
           if states.get(n) not in wanted]
    return ", ".join(bad) or sync_health(pg, cluster["synchronous"], states)


def sync_health(pg, sync, states):
    """Commits wait for every standby, unless they wait for none (PostgreSQL without the fence can't prove it)."""
    in_recovery = "standby_leader" in [role for role, _ in states.values()]
    if sync["mode"] == "off" or pg.shape["ring"] == "guard" or in_recovery:
        return ""
    standbys = sorted(name for name, (role, _) in states.items() if role == "secondary")
    steady = sync["step"] == "steady" or not standbys
    return "" if steady and sorted(sync["waits_for"]) == standbys else "commits do not wait for every standby yet"
