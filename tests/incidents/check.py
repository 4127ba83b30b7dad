# SPDX-License-Identifier: PostgreSQL
"""Real incidents: each is verified, decided again, and told as its expected.txt has it.

usage: check.py PGBATON-REPLAY [--rewrite | --renew] [FOLDER...]

Each folder was written by `pgbaton-replay scenario`. --rewrite takes what is told now as what is expected: the
review reads the difference. --renew first computes the digests of the logs for the present version of the fold:
when FOLD_VERSION was raised, no older log verifies. A log that begins with a snapshot cannot be renewed.
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ENV = {k: v for k, v in os.environ.items() if not k.startswith("PGBATON_")} | {"TZ": "UTC"}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=ENV, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def told(replay, log):
    """The problem, or None, and the text that expected.txt should have."""
    code, timeline, err = run(replay, "timeline", log)
    if code != 0:
        return f"it cannot be told: {err}", timeline
    code, verdict, err = run(replay, "verify", log)
    lines = [re.sub(", digest .*", "", line) for line in verdict.splitlines() if not line.startswith("the file says")]
    text = timeline + "\n" + "\n".join(lines) + "\n"
    return (None if code == 0 else f"it does not verify:\n{verdict}{err}"), text


def renew(replay, log):
    with tempfile.TemporaryDirectory(dir=log.parent) as folder:
        new = pathlib.Path(folder) / "log.pgb"
        code, _, err = run(replay, "anonymize", log, "-o", new, "--renew")
        if code != 0:
            sys.exit(f"{log}: {err}")
        new.replace(log)


def check(replay, folder, flag):
    """What is wrong with it; None: nothing."""
    log, expected = folder / "log.pgb", folder / "expected.txt"
    if not (folder / "README").is_file() or not log.is_file():
        return "README or log.pgb is missing"
    if flag == "--renew":
        renew(replay, log)
    problem, text = told(replay, log)
    if problem:
        return problem + "if FOLD_VERSION was raised: check.py --renew\n"
    if flag == "--rewrite":
        expected.write_text(text, encoding="utf-8")
    wanted = expected.read_text(encoding="utf-8") if expected.is_file() else ""
    if text == wanted:
        return None
    return "it is told otherwise:\n" + "\n".join(difflib.unified_diff(
        wanted.splitlines(), text.splitlines(), "expected.txt", "told", lineterm=""))


def main():
    words = sys.argv[1:]
    flags = [w for w in words if w.startswith("--")]
    replay, *chosen = [w for w in words if not w.startswith("--")] or [None]
    if replay is None or flags not in ([], ["--rewrite"], ["--renew"]):
        sys.exit(__doc__)
    folders = [pathlib.Path(c) for c in chosen] or sorted(
        p for p in pathlib.Path(__file__).resolve().parent.iterdir() if p.is_dir() and p.name != "__pycache__")
    failed = 0
    for folder in folders:
        problem = check(replay, folder, flags[0] if flags else "")
        print(f"{'ok' if problem is None else 'FAILED'} {folder.name}")
        if problem is not None:
            failed += 1
            print(problem)
    print(f"{len(folders) - failed} passed, {failed} failed")
    return 1 if failed or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
