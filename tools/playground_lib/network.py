# SPDX-License-Identifier: PostgreSQL
"""With --netns: a network namespace for each member and one for the clients, the hub; the program
`cable` connects them, and loses or delays what it is told to."""
import os
import socket
import subprocess
import time

from . import processes
from .shape import HUB_ADDRESS, NETWORK, Trouble

CABLE = {"name": "cable", "namespace": None}


def ends(pg):
    """Everybody who is connected, the hub among them."""
    return pg.all_members() + [{"name": "hub", "address": HUB_ADDRESS, "namespace": pg.hub()}]


def hardware_address(address):
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def run_ip(*words, lines=()):
    text = "".join(line + "\n" for line in lines)
    subprocess.run(["ip", *words], input=text, text=True, check=True)


def make_end(pg, member):
    """The member's own interface. All others' addresses are known for good: a partition must not show
    in address resolution either."""
    run_ip("netns", "add", member["namespace"])
    address = member["address"]
    others = [m["address"] for m in ends(pg) if m is not member]
    run_ip("-n", member["namespace"], "-batch", "-", lines=[
        "link set lo up",
        "tuntap add dev eth0 mode tap",
        f"link set eth0 address {hardware_address(address)} up",
        f"address add {address}/24 dev eth0",
        *(f"neigh replace {other} lladdr {hardware_address(other)} dev eth0 nud permanent"
          for other in others)])


def make(pg):
    for member in ends(pg):
        make_end(pg, member)
    os.makedirs(pg.path("cable"))
    processes.spawn(pg, CABLE, [pg.path("bin", "cable"), pg.path("cable", "socket"),
                                *(f"{m['name']}={m['namespace']}={m['address']}" for m in ends(pg))])
    deadline = time.monotonic() + 10
    while not is_connected(pg):
        if time.monotonic() > deadline:
            raise Trouble("the cable does not answer")
        time.sleep(0.01)


def is_connected(pg):
    try:
        command(pg, "hub", "heal")
        return True
    except OSError:
        return False


def command(pg, name, words):
    """Tells the cable what is wrong with a member's connection; see tools/cable_fault.h."""
    if not pg.shape["netns"]:
        raise Trouble("network faults need a playground that was made with --netns")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        s.connect(pg.path("cable", "socket"))
        s.send(f"{name} {words}".encode())
        if s.recv(16) != b"ok":
            raise Trouble(f"the cable does not understand '{name} {words}'")


def addresses(pg, kind, but=None):
    return " ".join(m["address"] for m in pg.members(kind) if m["name"] != but)


def remove(pg):
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False)
    there = [line.split()[0] for line in listed.stdout.splitlines() if line]
    for member in ends(pg):
        if member["namespace"] in there:
            run_ip("netns", "delete", member["namespace"])


def client_network(pg):
    """From where PostgreSQL must let clients in."""
    return f"{NETWORK}.0/24" if pg.shape["netns"] else "127.0.0.1/32"
