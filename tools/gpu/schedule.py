"""Runs the parts of tools/gpu_check one after the other within a budget of seconds, and keeps their report up to date.

Each part has a deadline. Its programs run in process groups of their own, which are killed at the deadline. Their
output goes to a file while they run. The report is written anew after every part, so that it survives if the whole run
is cut off."""
import collections
import json
import os
import shlex
import signal
import subprocess
import sys
import time

from results import last_line

# name; seconds that the part is expected to take at most; body() returns a verdict, one line, and values for the JSON;
# needs: programs without which the part is "not measured"; late: the verdict if the part does not end in time.
Part = collections.namedtuple("Part", "name seconds body needs late", defaults=((), "failed"))

WITHOUT_BUDGET = 20  # without a budget a part may take this many times its seconds
RESERVE = 0.02       # this share of a budget is kept for stopping programs and writing the report
LOG_END = 256 << 10  # bytes of the beginning and of the end of a part's output that are kept
RUNNING = "running.log"


class NoTime(Exception):
    """A program was stopped at its part's deadline."""

    def __init__(self, seconds, output):
        super().__init__(f"no time: stopped after {seconds:.0f} s: {last_line(output)}")
        self.output = output


class Interrupted(BaseException):
    """The whole run was asked to end."""


def write(path, text):
    """Writes the file atomically."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", errors="replace")
    os.replace(temporary, path)


def stop_group(process):
    """Ends a program and everything that it started."""
    for number, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            pass  # after SIGKILL: a process that waits for the driver cannot be ended, and is left behind


class Schedule:
    def __init__(self, out, budget, environment, cwd):
        self.out = out
        self.budget = budget  # seconds; infinite without a budget
        self.environment = environment
        self.cwd = cwd
        self.began = time.monotonic()
        self.deadline = self.began
        self.log = None
        self.logs = []
        self.parts = []        # finished parts, as in the JSON
        self.no_device = None  # the reason
        self.head = {}         # lines above the table
        self.headline = lambda: ""  # ends the first line
        self.tables = {}       # title: text, below the table of parts
        self.values = {}       # further values for the JSON
        self.planned = 0
        self.interrupted = False

    def left(self):
        return self.budget * (1 - RESERVE) - (time.monotonic() - self.began)

    def run(self, command, stdin=None, environment=None):
        """Runs a command until the part's deadline; its output is appended to the part's log while it runs. Returns exit
        status and output. Throws NoTime at the deadline."""
        began = time.monotonic()
        self.log.write(f"$ {shlex.join(map(str, command))}\n".encode())
        self.log.flush()
        start = os.fstat(self.log.fileno()).st_size
        if began >= self.deadline:
            raise NoTime(0, "not started")
        process, late = None, False
        try:
            with open(stdin or os.devnull, "rb") as source:
                process = subprocess.Popen(
                    [str(word) for word in command], stdin=source, stdout=self.log, stderr=self.log, cwd=self.cwd,
                    env={**self.environment, **(environment or {})}, start_new_session=True)
            status = process.wait(min(self.deadline - began, 10**6))
        except subprocess.TimeoutExpired:
            late, status = True, 124
        except OSError as error:
            self.log.write(f"{error}\n".encode())
            return 127, str(error)
        finally:
            if process is not None:
                stop_group(process)  # also ends what a program left running when it ended
        output = self.read_log(start)
        self.log.write(f"\n{'stopped' if late else f'exit status {status}'} after {time.monotonic() - began:.1f} s\n"
                       .encode())
        self.log.flush()
        if late:
            raise NoTime(time.monotonic() - began, output)
        return status, output

    def read_log(self, start, most=64 << 20):
        with open(self.out / RUNNING, "rb") as file:
            file.seek(start)
            return file.read(most).decode(errors="replace")

    def keep_log(self, name):
        """Moves the part's output, its middle left out if it is long, to the log of the whole run."""
        text = (self.out / RUNNING).read_bytes()
        if len(text) > 2 * LOG_END:
            text = text[:LOG_END] + f"\n... {len(text) - 2 * LOG_END} bytes ...\n".encode() + text[-LOG_END:]
        self.logs.append(f"=== {name}\n{text.decode(errors='replace')}\n")

    def finish(self, name, verdict, text, seconds, more):
        self.parts.append({"name": name, "verdict": verdict, "text": text, "seconds": round(seconds, 1), **more})
        print(f"gpu_check: {name}: {verdict}: {text}", flush=True)

    def run_part(self, part, later, missing):
        """Runs one part. `later` is the sum of the seconds of the parts behind it."""
        if self.no_device:
            return self.finish(part.name, "no device", self.no_device, 0, {})
        if missing:
            return self.finish(part.name, "not measured", f"there is no {', '.join(missing)}", 0, {})
        left = self.left()
        if left < part.seconds / 2:
            return self.finish(part.name, "skipped", "no time", 0, {})
        # A part may take longer if the parts before it left time, but at most twice as long.
        limit = part.seconds * WITHOUT_BUDGET
        if self.budget != float("inf"):
            limit = min(left, max(part.seconds, min(2 * part.seconds, left - later)))
        print(f"gpu_check: {part.name}: at most {limit:.0f} s", flush=True)
        began = time.monotonic()
        self.deadline = began + limit
        try:
            (self.out / RUNNING).unlink(missing_ok=True)
            with open(self.out / RUNNING, "ab") as self.log:
                verdict, text, more = part.body()
        except NoTime as error:
            verdict, text, more = part.late, str(error), {}
        except Interrupted:
            self.keep_log(part.name)
            self.finish(part.name, "skipped", "interrupted", time.monotonic() - began, {})
            raise
        except Exception as error:  # whatever a part meets is that part's failure alone
            verdict, text, more = "failed", f"{type(error).__name__}: {error}", {}
        try:
            self.keep_log(part.name)
        except OSError as error:
            print(f"gpu_check: {part.name}: its log is lost: {error}", flush=True)
        if self.no_device:
            verdict = "no device"
        return self.finish(part.name, verdict, text, time.monotonic() - began, more)

    def run_all(self, parts, missing_of):
        """Runs all parts. missing_of(programs) returns those that do not exist. Returns whether the run was
        not interrupted, has a device, and no part failed."""
        self.planned = len(parts)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self.interrupt)
        done = 0
        try:
            self.save()
            for part in parts:
                self.run_part(part, sum(p.seconds for p in parts[done + 1:]), missing_of(part.needs))
                done += 1
                self.save()
        except Interrupted:
            for part in parts[len(self.parts):]:
                self.finish(part.name, "skipped", "interrupted", 0, {})
            self.save()
        print("\n" + self.text(), flush=True)
        print(self.first_line(), flush=True)
        return self.passed()

    def passed(self):
        return not (self.no_device or self.interrupted) and all(part["verdict"] != "failed" for part in self.parts)

    def interrupt(self, number, _):
        signal.signal(number, signal.SIG_IGN)
        self.interrupted = True
        raise Interrupted

    def verdict(self):
        failed = [part["name"] for part in self.parts if part["verdict"] == "failed"]
        text = "interrupted" if self.interrupted else "passed"
        if self.no_device:
            text = f"no device: {self.no_device}"
        elif failed:
            text = f"FAILED: {', '.join(failed[:4])}{', ...' if failed[4:] else ''}"
        gaps = [f"{sum(part['verdict'] == what for part in self.parts)} {what}" for what in ("skipped", "not measured")]
        gaps = [gap for gap in gaps if not gap.startswith("0 ")]
        if len(self.parts) < self.planned:
            gaps.append(f"so far, {len(self.parts)} of {self.planned} parts")
        return text + (f" ({', '.join(gaps)})" if gaps else "")

    def first_line(self):
        return f"gpu_check: {self.verdict()}; {self.headline()}"

    def text(self):
        lines = [self.first_line(), ""]
        lines += [f"{key:<10} {value}" for key, value in self.head.items()] + [""]
        lines += [f"{p['verdict']:<12} {p['seconds']:>7.1f} s  {p['name']}: {p['text']}" for p in self.parts]
        for title, table in self.tables.items():
            lines += ["", title, "", table.rstrip("\n")]
        return "\n".join(lines) + "\n"

    def save(self):
        """Writes the report so far: table, JSON and logs."""
        try:
            write(self.out / "gpu_check.txt", self.text())
            summary = {**self.head, "verdict": self.verdict(), "complete": len(self.parts) == self.planned,
                       "passed": self.passed(), **self.values, "parts": self.parts}
            write(self.out / "gpu_check.json", json.dumps(summary, indent=1, default=str) + "\n")
            write(self.out / "logs.txt", "".join(self.logs))
            (self.out / RUNNING).unlink(missing_ok=True)
        except OSError as error:
            print(f"gpu_check: the report could not be written: {error}", file=sys.stderr, flush=True)
