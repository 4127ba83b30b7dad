# SPDX-License-Identifier: PostgreSQL
"""How the code must look: sizes, formatting, banned calls, who may include what, what lies where."""
import re
import statistics
import subprocess

from conftest import BUILD, PARTS, ROOT, project_files, read, strip_comments_and_strings

LINES_MAX = {".c": 600, ".h": 250}
COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_P95 = 50
FUNCTION_LINES_MEDIAN = 15
NESTING_MAX = 3
PARAMETERS_MAX = 6
FOREIGN_SIGNATURES = {"on_utility"}  # a hook has the parameters that PostgreSQL gives it

TOP_LEVEL = {"meson.build", "proto", "monitor", "agent", "replay", "tests", "tools", "README.md",
             "meson_options.txt", "LICENSE"}  # and dot files

BANNED = "strcpy strcat sprintf vsprintf strtok gets atoi atol system popen rand srand sleep usleep".split()

# header: the files that may include it
MAY_INCLUDE = {
    r"nats(/nats)?\.h": r"proto/log_nats\w*\.[ch]",
    r"libpq-fe\.h": r"agent/(pg_conn\w*|fence/\w+)\.[ch]",
    r"(event|promise)\.pb-c\.h": r"proto/codec\w*\.[ch]",
    r"protobuf-c(/protobuf-c)?\.h": r"proto/codec\w*\.[ch]",
    r"ev\.h": r"(agent|monitor|replay|tools)/(main|shell|loop|watch|peer)\w*\.[ch]",
    r"cyaml/cyaml\.h": r"(proto/config_file|\w+/(config|settings|\w+_config|\w+_settings))\w*\.[ch]",
    r"pthread\.h": r"(proto/log_\w+|agent/peer_resolve|monitor/keeper)\.[ch]",
    r"openssl/(ssl|err|x509v3)\.h": r"agent/peer_tls\.c",
}
# part: the parts that it may include, besides itself
MAY_DEPEND = {"proto": set(), "monitor": {"proto"}, "agent": {"proto"}, "replay": {"proto", "monitor"},
              "tools": {"proto", "monitor", "replay"}}


def product(c_files):
    return [p for p in c_files if p.parts[0] in PARTS]


def functions(path):
    """(name, first line, lines, nesting, parameters) of each function in a formatted file."""
    lines = strip_comments_and_strings(read(path)).split("\n")
    found = []
    for opening, line in enumerate(lines):
        if line != "{":
            continue
        head = opening
        while head > 0 and re.match(r"[\s)]|.*,$", lines[head]) or lines[head] == "{":
            head -= 1
        text = " ".join(lines[head:opening])
        match = re.search(r"(\w+)\s*\((.*)\)", text)
        if not match or text.startswith(("struct", "enum", "union")) and "(" not in text:
            continue
        closing = lines.index("}", opening)
        body = lines[opening + 1:closing]
        depth = max([(len(b) - len(b.lstrip())) // 4 for b in body if is_block_opening(b)], default=0)
        parameters = 0 if match[2].strip() in ("", "void") else split_count(match[2])
        found.append((match[1], head + 1, closing - head + 1, depth, parameters))
    return found


def is_block_opening(line):
    return bool(re.match(r"\s*(\} )?(if|for|while|switch|do|else)\b.*\{$", line))


def split_count(parameters):
    depth = count = 0
    for c in parameters:
        depth += (c == "(") - (c == ")")
        count += c == "," and depth == 0
    return count + 1


def all_functions(c_files):
    return [(p, f) for p in product(c_files) if p.suffix == ".c" for f in functions(p)]


def test_functions_are_found(c_files):
    assert len(all_functions(c_files)) > 100


def test_files_are_short(c_files):
    long = [f"{p}: {n} lines" for p in product(c_files)
            if (n := read(p).count("\n")) > LINES_MAX[p.suffix]]
    assert not long


def test_lines_are_short(c_files):
    long = [f"{p}:{i}" for p in c_files for i, line in enumerate(read(p).split("\n"), 1)
            if len(line.expandtabs(8)) > COLUMNS_MAX]
    assert not long


def test_functions_are_short(c_files):
    found = all_functions(c_files)
    long = [f"{p}:{f[1]} {f[0]}: {f[2]} lines" for p, f in found if f[2] > FUNCTION_LINES_MAX]
    assert not long
    lengths = [f[2] for _, f in found]
    assert statistics.median(lengths) <= FUNCTION_LINES_MEDIAN
    assert statistics.quantiles(lengths, n=20)[-1] <= FUNCTION_LINES_P95


def test_functions_are_flat(c_files):
    deep = [f"{p}:{f[1]} {f[0]}: {f[3]} deep" for p, f in all_functions(c_files) if f[3] > NESTING_MAX]
    assert not deep


def test_functions_take_few_parameters(c_files):
    many = [f"{p}:{f[1]} {f[0]}: {f[4]}" for p, f in all_functions(c_files)
            if f[4] > PARAMETERS_MAX and f[0] not in FOREIGN_SIGNATURES]
    assert not many


def test_guard_needs_libc_only():
    run = subprocess.run(["ldd", str(BUILD / "agent" / "pgbaton-guard")], capture_output=True, text=True,
                         check=True)
    libraries = {line.split()[0].rpartition("/")[2] for line in run.stdout.splitlines()}
    assert libraries and all(re.match(r"linux-vdso|libc\.so|ld-linux", name) for name in libraries)


def test_formatting(c_files):
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, c_files)], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]


def test_licence_is_the_first_line():
    sources = project_files(".c", ".h", ".proto", ".py", ".build")
    scripts = [p for p in project_files("") if read_start(p).startswith("#!")]
    missing = [str(p) for p in sources + scripts if "SPDX-License-Identifier: PostgreSQL" not in
               "\n".join(read_start(p).split("\n")[:2 if read_start(p).startswith("#!") else 1])]
    assert not missing


def read_start(path):
    with open(ROOT / path, "rb") as f:
        return f.read(200).decode("utf-8", "replace")


def test_banned_calls(c_files):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    found = [f"{p}:{i} {m[1]}" for p in c_files
             for i, line in enumerate(strip_comments_and_strings(read(p)).split("\n"), 1)
             if (m := pattern.search(line))]
    assert not found


def includes(path):
    return re.findall(r'^#include [<"]([^>"]+)[>"]', read(path), re.M)


def test_who_may_include_libraries(c_files):
    wrong = [f"{p}: {header}" for p in product(c_files) for header in includes(p)
             for pattern, owners in MAY_INCLUDE.items()
             if re.fullmatch(r"(.*/)?" + pattern, header) and not re.fullmatch(owners, str(p))]
    assert not wrong


def test_parts_point_one_way(c_files):
    wrong = []
    for p in product(c_files):
        for header in includes(p):
            part = header.split("/")[1] if header.startswith("../") else ""
            if part in PARTS and part != p.parts[0] and part not in MAY_DEPEND[p.parts[0]]:
                wrong.append(f"{p}: {header}")
    assert not wrong


def test_top_level_holds_only_what_belongs():
    names = {p.parts[0] for p in project_files() if not p.parts[0].startswith(".")}
    assert names - TOP_LEVEL == set()


def test_nothing_is_left_to_do():
    word = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    found = [f"{p}:{i}" for p in project_files() for i, line in enumerate(text_lines(p), 1)
             if word.search(line)]
    assert not found


def test_no_path_of_a_build_machine():
    path = re.compile(r"(?<![\w.])/(work|root|home/\w+|build|workspace|Users)/")
    found = [f"{p}:{i}: {line.strip()}" for p in project_files() for i, line in enumerate(text_lines(p), 1)
             if path.search(line) and "re.compile" not in line]
    assert not found


def text_lines(path):
    try:
        return read(path).split("\n")
    except UnicodeDecodeError:
        return []


def test_every_rule_has_a_scenario():
    table = ROOT / "monitor" / "rules.c"
    rules = re.findall(r'^\s*\{\s*(?:\.name = )?"([a-z][a-z-]+)"', table.read_text(encoding="utf-8"), re.M)
    assert len(rules) >= 11
    scenarios = "\n".join("\n".join(text_lines(p)) for p in project_files()
                          if p.parts[:2] == ("tests", "scenario"))
    assert not [rule for rule in rules if not re.search(rf"\b{rule}\b", scenarios)]
