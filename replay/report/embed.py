#!/usr/bin/python3
# SPDX-License-Identifier: PostgreSQL
"""embed.py HTML CSS JS OUTPUT - the page of the report as a C file: what stands before the model, and behind.

The page names the hashes of its style and its script, so that a browser runs nothing else in it.
"""
import base64
import hashlib
import sys


def source(text):
    """As Content-Security-Policy names a piece of it."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def array(name, text):
    data = text.encode()
    rows = [", ".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24)]
    return (f"const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "\n};\n"
            f"const size_t {name}_size = sizeof {name};\n")


def main():
    html, css, js = (open(path, encoding="utf-8").read() for path in sys.argv[1:4])
    assert "</script" not in js and "</style" not in css
    for mark, text in (("@STYLE_HASH@", source(css)), ("@SCRIPT_HASH@", source(js)), ("@STYLE@", css),
                       ("@SCRIPT@", js)):
        assert html.count(mark) == 1, mark
        html = html.replace(mark, text)
    head, tail = html.split("@MODEL@")
    with open(sys.argv[4], "w", encoding="utf-8") as out:
        out.write('/* SPDX-License-Identifier: PostgreSQL */\n/* Made by embed.py. */\n#include "report.h"\n\n')
        out.write(array("report_page_head", head) + "\n" + array("report_page_tail", tail))


if __name__ == "__main__":
    main()
