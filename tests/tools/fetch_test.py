#!/usr/bin/env python3
"""Tests `secdata fetch` against a server on the loopback device.

  fetch_test.py PATH_OF_SECDATA
"""
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

TOOL = sys.argv.pop(1)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Server:
    """Serves files from memory, with byte ranges. The first response for the file `cut` breaks off half-way, the first
    for `stuck` stops half-way but keeps the connection open, and the first request for `busy` is answered with 503."""

    def __init__(self, files, cut=None, stuck=None, busy=None, ranges=True):
        self.files = files
        self.stuck = threading.Event()  # set when half of the file `stuck` has been sent
        self.free = threading.Event()
        self.requests = []  # (name, first requested byte)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rsplit("/", 1)[1]
                asked = self.headers.get("Range", "bytes=0-")
                begin = int(asked.removeprefix("bytes=").split("-")[0])
                server.requests.append((name, begin))
                content = server.files.get(name)
                if content is None or self.path != "/db/" + name:
                    self.send_error(404)
                    return
                if name == busy and server.asked_for(name) == [begin]:
                    self.send_error(503)
                    return
                if not ranges:
                    begin = 0
                if begin >= len(content) and begin > 0:
                    self.send_error(416)
                    return
                rest = content[begin:]
                self.send_response(206 if begin else 200)
                if begin:
                    self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                if name == cut and begin == 0:
                    rest = rest[: len(rest) // 2]
                if name == stuck and len(server.asked_for(name)) == 1:
                    self.wfile.write(rest[: len(rest) // 2])
                    self.wfile.flush()
                    server.stuck.set()
                    server.free.wait(60)
                    return
                self.wfile.write(rest)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/db/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.free.set()
        self.http.shutdown()
        self.http.server_close()

    def asked_for(self, name):
        return [begin for asked, begin in self.requests if asked == name]


def database():
    files = {"RECORDS": b"t1\r\nt2\r\n"}
    for record in ("t1", "t2"):
        for extension in ("hea", "dat", "atr"):
            name = f"{record}.{extension}"
            files[name] = name.encode() + bytes(range(256)) * 40
    sums = "".join(f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in files.items())
    files["SHA256SUMS.txt"] = sums.encode()
    return files


class Fetch(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name) / "new" / "mitdb"

    def command(self, url, *arguments):
        return [TOOL, "fetch", "mitdb", str(self.folder), "--url", url, *arguments]

    def run_tool(self, url, *arguments):
        return subprocess.run(self.command(url, *arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
                              check=False)

    def expect_whole(self, files):
        for name, content in files.items():
            self.assertEqual((self.folder / name).read_bytes(), content, name)
        self.assertEqual({path.name for path in self.folder.iterdir()}, set(files))

    def expect_failure(self, done, text):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(text, lines[0])

    def test_downloads_everything_once(self):
        files = database()
        with Server({**files, "other.txt": b"not asked for"}) as server:
            done = self.run_tool(server.url)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("[6/6] t2.atr", done.stderr)
            self.assertEqual(done.stdout, f"{self.folder}: 2 records, all sums right; 7 files downloaded\n")
            self.expect_whole(files)
            server.requests.clear()
            done = self.run_tool(server.url.rstrip("/"), "--json")
            self.assertEqual(json.loads(done.stdout),
                             {"folder": str(self.folder), "records": 2, "downloaded_files": 0})
            self.assertEqual(server.requests, [])

    def test_goes_on_with_half_a_file(self):
        files = database()
        self.folder.mkdir(parents=True)
        half = len(files["t1.dat"]) // 2
        (self.folder / "t1.dat.part").write_bytes(files["t1.dat"][:half])
        (self.folder / "t2.dat.part").write_bytes(files["t2.dat"])  # complete, not yet renamed
        with Server(files) as server:
            done = self.run_tool(server.url)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.asked_for("t1.dat"), [half])
            self.assertEqual(server.asked_for("t2.dat"), [])
        self.expect_whole(files)

    def test_goes_on_when_the_connection_breaks(self):
        files = database()
        with Server(files, cut="t1.dat") as server:
            done = self.run_tool(server.url)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.asked_for("t1.dat"), [0, len(files["t1.dat"]) // 2])
        self.expect_whole(files)

    def test_starts_again_where_a_part_is_of_no_use(self):
        files = database()
        self.folder.mkdir(parents=True)
        (self.folder / "t1.dat.part").write_bytes(b"x" * 100)
        (self.folder / "t2.dat.part").write_bytes(b"x" * 100_000)  # longer than the complete file
        (self.folder / "t1.hea").write_bytes(b"damaged")
        with Server(files) as server:
            done = self.run_tool(server.url)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.asked_for("t1.dat"), [100, 0])
        self.expect_whole(files)

    def test_a_wrong_sum(self):
        files = database()
        files["t2.atr"] = b"not what was summed"
        with Server(files) as server:
            done = self.run_tool(server.url)
        self.expect_failure(done, "/db/t2.atr: SHA-256 is " + hashlib.sha256(files["t2.atr"]).hexdigest())
        self.assertFalse((self.folder / "t2.atr").exists() or (self.folder / "t2.atr.part").exists())
        self.assertEqual((self.folder / "t1.dat").read_bytes(), files["t1.dat"])

    def test_a_missing_file(self):
        files = database()
        del files["t1.atr"]
        with Server(files) as server:
            self.expect_failure(self.run_tool(server.url), "/db/t1.atr: the server answers 404")

    def test_a_name_that_leads_out(self):
        files = database()
        files["RECORDS"] = b"../t1\n"
        files["SHA256SUMS.txt"] = f"{hashlib.sha256(files['RECORDS']).hexdigest()} RECORDS\n".encode()
        with Server(files) as server:
            self.expect_failure(self.run_tool(server.url), "RECORDS: '../t1' is not the name of a record")

    def test_no_network(self):
        with Server({}) as server:
            url = server.url
        done = self.run_tool(url)
        self.expect_failure(done, "SHA256SUMS.txt: cannot connect: is there a network?")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_leaves_a_synthetic_database_alone(self):
        self.folder.mkdir(parents=True)
        (self.folder / "SYNTHETIC.txt").write_text("synthetic")
        self.expect_failure(self.run_tool("http://127.0.0.1:9/"), "holds a synthetic database")

    def test_goes_on_after_a_kill(self):
        files = database()
        with Server(files, stuck="t1.dat") as server:
            with subprocess.Popen(self.command(server.url), env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                self.assertTrue(server.stuck.wait(60))
                part = self.folder / "t1.dat.part"
                half = len(files["t1.dat"]) // 2
                for _ in range(6000):
                    if part.exists() and part.stat().st_size == half:
                        break
                    time.sleep(0.01)
                other = self.run_tool(server.url)  # while the first download still runs
                self.expect_failure(other, "t1.dat.part: another process is downloading it")
                process.kill()
            self.assertFalse((self.folder / "t1.dat").exists())
            self.assertEqual(part.read_bytes(), files["t1.dat"][:half])
            done = self.run_tool(server.url, "--quiet")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            self.assertEqual(server.asked_for("t1.dat"), [0, half])
            self.assertEqual(server.asked_for("t1.hea"), [0])
        self.expect_whole(files)

    def test_a_server_without_ranges(self):
        files = database()
        self.folder.mkdir(parents=True)
        (self.folder / "t1.dat.part").write_bytes(files["t1.dat"][:100])
        with Server(files, ranges=False) as server:
            done = self.run_tool(server.url)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.expect_whole(files)

    def test_a_server_that_is_busy_once(self):
        files = database()
        with Server(files, busy="t2.hea") as server:
            self.assertEqual(self.run_tool(server.url).returncode, 0)
            self.assertEqual(server.asked_for("t2.hea"), [0, 0])
        self.expect_whole(files)

    def test_what_never_ends(self):
        files = database()
        files["t1.dat"] = bytes((64 << 20) + 1)
        with Server(files) as server:
            self.expect_failure(self.run_tool(server.url), "/db/t1.dat: more than 67108864 bytes")

    def test_sums_that_are_none(self):
        files = database()
        files["SHA256SUMS.txt"] = b"<html>Please log in</html>"
        with Server(files) as server:
            self.expect_failure(self.run_tool(server.url), "SHA256SUMS.txt: no SHA-256 of RECORDS (remove")

    def test_usage(self):
        for arguments in ([], ["other"], ["mitdb", "a", "b"], ["mitdb", "--nonsense"]):
            done = subprocess.run([TOOL, "fetch", *arguments], env=ENVIRONMENT, capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.expect_failure(self.run_tool("file:///etc/"), "file:///etc/SHA256SUMS.txt: ")


if __name__ == "__main__":
    unittest.main()
