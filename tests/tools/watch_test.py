#!/usr/bin/env python3
"""What secinspect --watch serves, and to whom. watch_test.py PROGRAM; no browser is needed."""

import contextlib
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(sys.argv.pop(1))
RECIPE = 'title = "watched"\nclasses = ["N", "V"]\n[data]\ntrain = ["101"]\nvalidation = ["205"]\ntest = ["100"]\n[train]\nepochs = 4\n'


def epoch_line(epoch):
    return json.dumps({"event": "epoch", "epoch": epoch, "step": 10 * epoch, "train_loss": 1 / epoch, "seconds": 2}) + "\n"


class Watched(unittest.TestCase):
    """A run folder, whose files the tests write, and a server that watches it."""

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.run = pathlib.Path(self.place.name) / "run"
        self.run.mkdir()
        (self.run / "recipe.toml").write_text(RECIPE)
        (self.run / "log.jsonl").write_text(epoch_line(1))
        self.server = subprocess.Popen([PROGRAM, "--watch", self.run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.server.stdout.readline()
        match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", line)
        self.assertTrue(match, line)
        self.port = int(match[1])

    def tearDown(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
        self.server.communicate(timeout=20)
        self.place.cleanup()

    def ask(self, path="/data", method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    def send(self, raw):
        """What the server sends back to these bytes, until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plug:
            plug.sendall(raw)
            got = b""
            with contextlib.suppress(OSError):  # the server may have closed the connection already
                plug.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while part := plug.recv(1 << 16):
                    got += part
        return got.decode()

    def epochs(self):
        return [one["epoch"] for one in json.loads(self.ask()[1])["runs"][0]["epochs"]]

    def test_page_and_data(self):
        answer, page = self.ask("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        self.assertIn('"live":true', page)
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        answer, data = self.ask()
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertEqual(json.loads(data)["runs"][0]["title"], "watched")
        self.assertEqual(self.ask("/", "HEAD")[1], "")
        self.assertEqual(self.ask(Host=f"localhost:{self.port}")[0].status, 200)

    def test_news(self):
        """Lines that are added are read, an incomplete one when it is whole; a log that became shorter is read anew."""
        self.assertEqual(self.epochs(), [1])
        tag = self.ask()[0].headers["ETag"]
        self.assertEqual(self.ask(If_None_Match=tag)[0].status, 304)
        line = epoch_line(2)
        with open(self.run / "log.jsonl", "a") as log:
            log.write(line[:20])
            log.flush()
            self.assertEqual(self.epochs(), [1])
            log.write(line[20:])
        self.assertEqual(self.ask(If_None_Match=tag)[0].status, 200)
        self.assertEqual(self.epochs(), [1, 2])
        (self.run / "log.jsonl").write_text(epoch_line(1))  # as a run that resumes leaves it
        self.assertEqual(self.epochs(), [1])
        (self.run / "metrics.json").write_text('{"best_epoch": 1}')
        self.assertEqual(json.loads(self.ask()[1])["runs"][0]["metrics"], {"best_epoch": 1})
        (self.run / "metrics.json").write_text("{")  # cannot be read: the former data stay
        self.assertEqual(json.loads(self.ask()[1])["runs"][0]["metrics"], {"best_epoch": 1})
        (self.run / "recipe.toml").unlink()
        self.assertEqual(self.epochs(), [1])

    def test_training_is_told_by_the_lock(self):
        self.assertFalse(json.loads(self.ask()[1])["training"])
        holder = subprocess.Popen(["flock", self.run, "sleep", "60"])
        try:
            for _ in range(100):
                if json.loads(self.ask()[1])["training"]:
                    break
                subprocess.run(["sleep", "0.05"], check=True)
            self.assertTrue(json.loads(self.ask()[1])["training"])
        finally:
            holder.kill()
            holder.wait()

    def test_other_names_get_nothing(self):
        for host in ("example.org", f"example.org:{self.port}", "127.0.0.1", f"127.0.0.1:{self.port + 1}", ""):
            answer, body = self.ask(Host=host)
            self.assertEqual(answer.status, 421, host)
            self.assertEqual(body, "421: this server answers to its own name alone\n")
        self.assertIn("421", self.send(b"GET /data HTTP/1.1\r\n\r\n"))

    def test_rubbish_gets_nothing(self):
        own = f"Host: 127.0.0.1:{self.port}\r\n".encode()
        for raw in (b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"GET / HTTP/9.9\r\n" + own + b"\r\n",
                    b"GET /data HTTP/1.1\r\n" + own + b"X: " + b"a" * 20000 + b"\r\n\r\n",
                    b"GET /data HTTP/1.1\r\n" + own + b"Content-Length: 5\r\n\r\nhello", b"GET /data HTTP/1.1\r\nno colon\r\n\r\n"):
            got = self.send(raw)
            self.assertTrue(got.startswith("HTTP/1.1 400 "), (raw[:40], got))
            self.assertEqual(got.split("\r\n\r\n")[1], "400: this is no request that secinspect answers\n")
        self.assertEqual(self.send(b"GET /data HTTP/1.1\r\n"), "")  # went away before the end
        self.assertEqual(self.ask(method="POST")[0].status, 405)
        self.assertEqual(self.ask("/../recipe.toml")[0].status, 404)
        self.assertEqual(self.ask("/recipe.toml")[0].status, 404)
        self.assertEqual(self.ask()[0].status, 200)

    def test_only_this_machine(self):
        with open("/proc/net/tcp", encoding="ascii") as table:
            places = [line.split()[1] for line in table if line.split()[1].endswith(f":{self.port:04X}") and line.split()[3] == "0A"]
        self.assertEqual(places, [f"0100007F:{self.port:04X}"])

    def test_idle_clients_do_not_stop_others(self):
        plugs = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(20)]
        for plug in plugs:
            plug.sendall(b"GET /da")
        self.assertEqual(self.ask()[0].status, 200)
        for plug in plugs:
            plug.close()

    def test_ends_with_a_signal(self):
        self.server.send_signal(signal.SIGTERM)
        out, error = self.server.communicate(timeout=20)
        self.assertEqual((self.server.returncode, out, error), (0, "", ""))

    def refused(self, *arguments, status=1):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_bad_input_is_one_line(self):
        self.assertIn(f"port {self.port}: Address already in use", self.refused("--watch", self.run, "--port", self.port))
        self.assertIn("nowhere: no such folder: expected a run folder of sectrain", self.refused("--watch", "nowhere"))
        self.assertIn("/recipe.toml: no such file: expected a run folder", self.refused("--watch", self.place.name))
        self.assertIn("--port", self.refused("--watch", self.run, "--port", 70000, status=2))
        self.assertIn("--out", self.refused("--watch", self.run, "--port", 1, "--out", "x.html", status=2))
        self.assertIn("nowhere/x.html", self.refused("--watch", self.run, "--out", "nowhere/x.html"))

    def test_a_frozen_page(self):
        page = pathlib.Path(self.place.name) / "now.html"
        subprocess.run([PROGRAM, "--watch", self.run, "--out", page], check=True)
        text = page.read_text()
        self.assertIn('"title":"watched"', text)
        self.assertNotIn('"live":true', text)


if __name__ == "__main__":
    unittest.main()
