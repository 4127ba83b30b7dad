# SPDX-License-Identifier: PostgreSQL
"""The remembered shape of a playground: which members there are, and where each of them lives."""
import json
import os
import random
import socket

PG_BIN = "/usr/lib/postgresql/15/bin"
CLUSTER = "demo"
KINDS = ("nats", "monitors", "nodes")  # in the order in which they start
RINGS = ("all", "guard", "fence")
NETWORK = "10.77.0"
HUB_ADDRESS = NETWORK + ".1"
# The last number of a member's address in the network, less its own number.
FIRST_ADDRESS = {"nodes": 10, "nats": 30, "monitors": 50}


class Trouble(Exception):
    """Something that a person is told in one line."""


class Playground:
    """D/playground.json, and the paths below D."""

    def __init__(self, directory, shape):
        self.directory = directory
        self.shape = shape

    @classmethod
    def load(cls, directory):
        try:
            with open(os.path.join(directory, "playground.json"), encoding="utf-8") as f:
                return cls(directory, json.load(f))
        except FileNotFoundError:
            raise Trouble(f"no playground in {directory}: run `playground up` first") from None

    def save(self):
        path = self.path("playground.json")
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(self.shape, f, indent=2)
        os.rename(path + ".new", path)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def data(self, name):
        """A node's data directory."""
        return self.path(name, "disk", "data") if self.shape["disks"] else self.path(name, "data")

    def members(self, kind):
        return self.shape[kind]

    def all_members(self):
        return [m for kind in KINDS for m in self.members(kind)]

    def names(self, kind):
        return [m["name"] for m in self.members(kind)]

    def member(self, kind, name):
        for m in self.members(kind):
            if m["name"] == name:
                return m
        raise Trouble(f"{name}: no such member; there are {', '.join(self.names(kind))}")

    def log_directory(self):
        """Of the log's file, when there is no NATS server."""
        return self.path("log")

    def servers(self):
        if not self.members("nats"):
            return f"file:{self.log_directory()}/log"
        return ",".join(f"nats://{m['address']}:{m['port']}" for m in self.members("nats"))

    def conninfo(self):
        nodes = self.members("nodes")
        hosts = ",".join(n["address"] for n in nodes)
        ports = ",".join(str(n["port"]) for n in nodes)
        return (f"host={hosts} port={ports} dbname=postgres user=postgres "
                "target_session_attrs=read-write connect_timeout=2")

    def hub(self):
        """The namespace of the clients."""
        return self.shape["netns"] and self.shape["netns"] + "-hub"

    def environment(self):
        return {"PGBATON_NATS": self.servers(), "PGBATON_CLUSTER": CLUSTER,
                "PATH": self.path("bin") + ":" + os.environ.get("PATH", "/usr/bin:/bin")}


def in_namespace(namespace):
    """The words before a command that runs it in a network namespace, and in no other: `ip netns exec`
    would copy the mounts too, and a disk that is taken away would live on there."""
    return ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []


def is_inside(path, directory):
    return path == directory or path.startswith(directory + "/")


def write_file(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o644)


def free_ports(count):
    """Ports that nobody listens on, outside the range from which outgoing connections are served:
    a node that is down for a while must find its port free again."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        low = int(f.read().split()[0])
    held, ports = [], []
    for port in random.sample(range(10000, max(low, 20000)), 2000):
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
            continue
        held.append(s)
        ports.append(port)
        if len(ports) == count:
            break
    for s in held:
        s.close()
    return ports


def make_shape(args):
    ports = iter(free_ports(2 * args.nats + 2 * args.nodes))
    netns = f"pgb-{random.randrange(16 ** 4):04x}" if args.netns else None

    def member(kind, prefix, number, **more):
        name = f"{prefix}-{number}"
        address = f"{NETWORK}.{FIRST_ADDRESS[kind] + number}" if netns else "127.0.0.1"
        return {"name": name, "address": address, "namespace": netns and f"{netns}-{name}", **more}

    return {"netns": netns, "clocks": args.clocks, "disks": args.disks, "ring": args.ring, "freezer": None,
            "set": dict(args.set), "parameters": dict(args.parameter),
            "agent": args.agent.read() if args.agent else "",
            "nats": [member("nats", "nats", i + 1, port=next(ports), route=next(ports))
                     for i in range(args.nats)],
            "nodes": [member("nodes", "node", i + 1, port=next(ports), agent_port=next(ports))
                      for i in range(args.nodes)],
            "monitors": [member("monitors", "monitor", i + 1) for i in range(args.monitors)],
            "directory_is_ours": not os.path.isdir(args.dir)}
