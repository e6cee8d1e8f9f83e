#!/usr/bin/env python3
"""Tests tools/fetch_mitdb against a server on the loopback device.

  fetch_mitdb_test.py PATH_OF_FETCH_MITDB
"""
import hashlib
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

TOOL = sys.argv.pop(1)


class Server:
    """Serves files from memory, with ranges. `cut` names a file whose first answer breaks off half-way."""

    def __init__(self, files, cut=None):
        self.files = files
        self.requests = []  # (name, first byte asked for)
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
                self.wfile.write(rest)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/db/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
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


class FetchMitdb(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name) / "new" / "mitdb"

    def run_tool(self, url, *arguments):
        environment = {**os.environ, "SEC_MITDB_URL": url}
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            environment.pop(name, None)
        done = subprocess.run([TOOL, *(arguments or [str(self.folder)])], env=environment, capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.stdout, "")
        return done

    def expect_whole(self, files):
        for name, content in files.items():
            self.assertEqual((self.folder / name).read_bytes(), content, name)
        self.assertEqual({path.name for path in self.folder.iterdir()}, set(files))

    def expect_failure(self, done, text):
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(text, lines[0])

    def test_downloads_everything_once(self):
        files = database()
        with Server({**files, "other.txt": b"not asked for"}) as server:
            done = self.run_tool(server.url)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("[6/6] t2.atr", done.stderr)
            self.assertIn("2 records in", done.stderr)
            self.expect_whole(files)
            server.requests.clear()
            self.assertEqual(self.run_tool(server.url).returncode, 0)
            self.assertEqual(server.requests, [])

    def test_goes_on_with_half_a_file(self):
        files = database()
        self.folder.mkdir(parents=True)
        half = len(files["t1.dat"]) // 2
        (self.folder / "t1.dat.part").write_bytes(files["t1.dat"][:half])
        (self.folder / "t2.dat.part").write_bytes(files["t2.dat"])  # whole, but killed before it was renamed
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
        (self.folder / "t2.dat.part").write_bytes(b"x" * 100_000)  # longer than the file
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
            self.expect_failure(self.run_tool(server.url), "/db/t1.atr: the server does not give it")

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

    def test_usage(self):
        self.assertEqual(self.run_tool("", "--nonsense").returncode, 2)
        self.assertEqual(self.run_tool("", "a", "b").returncode, 2)


if __name__ == "__main__":
    unittest.main()
