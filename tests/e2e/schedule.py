# SPDX-License-Identifier: PostgreSQL
"""Random schedules of faults: drawn from a seed, carried out one after another under load."""
import random
import time

# Each with what mends it, and how likely it is. What destroys data strikes only while commits are proven
# to be elsewhere: else an operator's word would be needed afterwards, as it should be.
FAULTS = {
    "kill-postmaster": (None, 3), "kill-postgres": (None, 3), "kill-agent": (None, 1), "kill-guard": (None, 1),
    "kill-both": (None, 1), "kill-host": ("start", 3), "rm-data": (None, 3), "stop-agent": ("cont-agent", 2),
    "freeze": ("thaw", 3), "partition": ("heal", 3), "partition-nats": ("heal", 2), "lose-in": ("heal", 1),
    "lose-out": ("heal", 1), "loss": ("heal", 1), "clock-step": (None, 1),
}
DESTROYS = {"rm-data"}
KILLS = {"kill-postmaster", "kill-postgres"}
STEPS = 4


class Step:
    """One fault of one node, or a switchover, and when it is mended."""

    def __init__(self, rng):
        self.fault = rng.choices([*FAULTS, "switchover"], [w for _, w in FAULTS.values()] + [3])[0]
        self.cure = FAULTS.get(self.fault, (None,))[0]
        self.on_leader = rng.random() < 0.7
        self.standby = rng.randrange(2)
        self.lasts = rng.choice([0.2, 1.0, 3.0, 6.0])
        self.pause = rng.choice([0.0, 0.3, 2.0])
        self.waits = rng.random() < 0.6 or self.fault in DESTROYS  # until commits wait for all standbys again

    def __str__(self):
        whom = "" if self.fault == "switchover" else " leader" if self.on_leader else f" standby {self.standby + 1}"
        before = "when all is well: " if self.waits else f"after {self.pause} s: "
        return before + self.fault + whom + (f", {self.cure} after {self.lasts} s" if self.cure else "")


def draw(seed):
    rng = random.Random(seed)
    return [Step(rng) for _ in range(STEPS)]


def strike(load, step):
    cluster = load.cluster
    if step.waits:
        cluster.wait_healthy()
    else:
        time.sleep(step.pause)
    leader = cluster.primary()
    if step.fault == "switchover":
        cluster.pgbaton("switchover", "demo", "--wait", check=False)  # it may be refused, or come to nothing
        return
    standbys = [n for n in cluster.nodes if n != leader]
    node = leader if step.on_leader else standbys[step.standby % len(standbys)]
    if step.fault in KILLS and not cluster.postgres_pids(node):
        return  # it is being rebuilt
    load.fault(step.fault, node)
    if step.cure:
        time.sleep(step.lasts)
        load.fault(step.cure, node)


def run(load, steps):
    """Afterwards every node is back by itself, and the load's histories can be judged."""
    for step in steps:
        strike(load, step)
    load.cluster.wait_healthy()
