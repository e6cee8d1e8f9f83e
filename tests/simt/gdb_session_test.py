#!/usr/bin/env python3
"""Runs the debugging session of docs/simt.md in gdb and compares gdb's answers with those in the document.

Usage: gdb_session_test.py DOCUMENT SOURCES GDB KERNEL_LAB

The session is the block that begins with "$ gdb". Lines after "(gdb) " are commands; the lines below are what gdb must answer,
in this order, where \u2026 stands for any text. A command may name FILE:LINE; the document says which line LINE stands for,
in backquotes: "LINE stands for the line `TEXT`". Exits with 77 where no program may be traced.
"""
import os
import pathlib
import re
import subprocess
import sys

MARK = "=== command "


def session_of(text):
    """The arguments of the program, and the commands with the answers expected: [command, [line, ...]]."""
    block = re.search(r"^```\n\$ gdb -q (.*?)\n(.*?)^```", text, re.M | re.S)
    if not block:
        sys.exit("the document has no session")
    commands = []
    for line in block.group(2).splitlines():
        if line.startswith("(gdb) "):
            commands.append([line.removeprefix("(gdb) "), []])
        elif line.strip():
            commands[-1][1].append(line)
    return commands


def with_line(commands, text, sources):
    """Replaces LINE by the number of the line that the document quotes."""
    quoted = re.search(r"LINE\s+stands\s+for\s+the\s+line\s+`([^`]+)`", text)
    for entry in commands:
        named = re.search(r"(\S+):LINE", entry[0])
        if named:
            (path,) = pathlib.Path(sources).rglob(named.group(1))
            numbers = [i for i, line in enumerate(path.read_text().splitlines(), 1) if line.strip() == quoted.group(1)]
            if not numbers:
                sys.exit(f"{path} has no line {quoted.group(1)}")
            entry[0] = entry[0].replace("LINE", str(numbers[0]))
    return commands


def matches(expected, answer):
    pattern = ".*".join(re.escape(part) for part in re.sub(r"\s+", " ", expected.strip()).split("\u2026"))
    return re.search(pattern, re.sub(r"\s+", " ", answer))


def main():
    document, sources, gdb, program = sys.argv[1:]
    text = pathlib.Path(document).read_text()
    commands = with_line(session_of(text), text, sources)
    call = [gdb, "-q", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set debuginfod enabled off", "-ex", "set width 0"]
    for number, (command, _) in enumerate(commands):
        call += ["-ex", f"echo \\n{MARK}{number}\\n", "-ex", command]
    call += ["-ex", "kill", program]
    result = subprocess.run(call, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                            env={**os.environ, "SEC_SIMT_ORDER": "forward"})
    output = result.stdout + result.stderr
    if "ptrace: Operation not permitted" in output or "Could not trace the inferior" in output:
        print("SKIPPED: this machine lets no program be traced")
        return 77
    answers = dict(re.findall(rf"^{MARK}(\d+)\n(.*?)(?=^{MARK}|\Z)", output, re.M | re.S))
    wrong = 0
    for number, (command, expected) in enumerate(commands):
        lines = answers.get(str(number), "").splitlines()
        at = 0
        for line in expected:
            while at < len(lines) and not matches(line, lines[at]):
                at += 1
            if at == len(lines):
                print(f"(gdb) {command}\n  expected: {line}\n  got: {answers.get(str(number), 'nothing')}")
                wrong += 1
                break
            at += 1
    if wrong:
        print(result.stderr)
    print(f"{len(commands)} commands, {wrong} with other answers")
    return 1 if wrong or not commands else 0


if __name__ == "__main__":
    sys.exit(main())
