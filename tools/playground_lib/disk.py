# SPDX-License-Identifier: PostgreSQL
"""With --disks: each node's data has a file system of its own, of which only that node suffers: it can
stand still, fill up, or break."""
import os
import pwd
import subprocess

from .shape import Trouble

SIZE = 768 << 20  # bytes; sparse


def place(pg, name):
    """Where it is mounted."""
    return pg.path(name, "disk")


def image(pg, name):
    return pg.path(name, "disk.image")


def ballast(pg, name):
    """The file that takes all of the space."""
    return os.path.join(place(pg, name), "ballast")


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(words)}: {done.stderr.strip()}")


def need(pg):
    if not pg.shape["disks"]:
        raise Trouble("disk faults need a playground that was made with --disks")


def make(pg, name):
    os.makedirs(place(pg, name))
    with open(image(pg, name), "wb") as f:
        f.truncate(SIZE)
    run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image(pg, name))
    mount(pg, name)
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(place(pg, name), user.pw_uid, user.pw_gid)


def mount(pg, name):
    run("mount", "-o", "loop,errors=remount-ro", image(pg, name), place(pg, name))


# ---- faults -----------------------------------------------------------------------------------


def freeze(pg, name):
    """Whoever writes waits, and cannot be killed meanwhile."""
    need(pg)
    run("fsfreeze", "--freeze", place(pg, name))


def thaw(pg, name):
    need(pg)
    run("fsfreeze", "--unfreeze", place(pg, name))


def fill(pg, name):
    """In smaller and smaller steps: PostgreSQL may take something meanwhile, or give it back."""
    need(pg)
    with open(ballast(pg, name), "ab", buffering=0) as f:
        step = 1 << 24
        while step >= 4096:
            try:
                at = os.fstat(f.fileno()).st_size
                os.posix_fallocate(f.fileno(), at, step)
            except OSError:
                step //= 2


def empty(pg, name):
    need(pg)
    os.unlink(ballast(pg, name))


def read_only(pg, name):
    """As the kernel does after an error; files that are open for writing do not prevent it."""
    need(pg)
    run("mount", "-o", "remount,abort", place(pg, name))


def mend(pg, name):
    """After kill-host: nobody may have a file open. It goes on with a copy: the broken one lives as long as
    another mount namespace has it, whoever has made that."""
    need(pg)
    run("umount", place(pg, name))
    run("cp", "--sparse=always", image(pg, name), image(pg, name) + ".new")
    os.rename(image(pg, name) + ".new", image(pg, name))
    done = subprocess.run(["e2fsck", "-p", "-f", image(pg, name)], capture_output=True, text=True, check=False)
    if done.returncode > 1:  # 1: errors were corrected
        raise Trouble(f"e2fsck: {done.stdout.strip()} {done.stderr.strip()}")
    mount(pg, name)


# ---- the end ----------------------------------------------------------------------------------


def mounted(pg):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        places = {line.split()[1] for line in f}
    return [place(pg, name) for name in pg.names("nodes") if place(pg, name) in places]


def thaw_all(pg):
    """Before processes are killed: those that wait for a disk that stands still do not die."""
    for path in mounted(pg):
        subprocess.run(["fsfreeze", "--unfreeze", path], stderr=subprocess.DEVNULL, check=False)


def remove(pg):
    for path in mounted(pg):
        run("umount", path)
