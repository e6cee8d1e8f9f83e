#!/usr/bin/env python3
"""Tests tools/gpu_pack with programs that only pretend, and tools/gpu_check from the unpacked archive.

  gpu_pack_test.py PATH_OF_GPU_PACK [BIN]

With BIN, the folder of the cuda build's programs, the archive of the real programs is checked instead: its size, and a
run of gpu_check from it on this machine, which must have no GPU; exits 77 if it has one.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

TOOL = Path(sys.argv.pop(1)).resolve()
BIN = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
ROOT = TOOL.parents[1]
LISTED = [line.split() for line in (ROOT / "tools/gpu/programs.txt").read_text().splitlines() if line[:1] not in ("", "#")]
REFUSAL = "bench_steps: device cuda: no GPU"


def pack(folder, out, *options):
    return subprocess.run([TOOL, "--bin", folder, "--out", out, *options], capture_output=True, text=True)


def rehearse(archive, folder):
    """Runs gpu_check from the archive as on the other machine; returns its exit status, first line and report."""
    subprocess.run(["tar", "xf", archive, "-C", folder], check=True)
    done = subprocess.run([folder / "tools/gpu_check", "--budget", "470", "--torch", "/nonexistent", "--out", "results"],
                          cwd=folder, capture_output=True, text=True)
    report = json.loads((folder / "results/gpu_check.json").read_text())
    return done.returncode, (folder / "results/gpu_check.txt").read_text().splitlines()[0], report


class Packed(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name).resolve()
        self.bin = self.folder / "build/bin"
        self.archive = self.folder / "gpu.tar.xz"
        self.unpacked = self.folder / "there"
        self.bin.mkdir(parents=True)
        self.unpacked.mkdir()
        for name, *_ in LISTED:
            program = self.bin / name
            program.write_text(f"#!/bin/sh\necho '{REFUSAL}' >&2\nexit 1\n")
            program.chmod(0o755)
        (self.bin / "libbenchmark.so.1").write_text("library")
        (self.bin / "unlisted").write_text("")

    def pack(self, *options):
        return pack(self.bin, self.archive, "--preset", "0", *options)

    def test_the_archive_is_all_that_a_gpu_machine_needs(self):
        done = self.pack()
        self.assertEqual(done.returncode, 0, done.stderr)
        with tarfile.open(self.archive) as archive:
            names = archive.getnames()
            manifest = archive.extractfile("MANIFEST").read().decode().splitlines()
            for line in manifest[1:]:
                digest, size, name = line.split(maxsplit=2)
                content = archive.extractfile(name).read()
                self.assertEqual((hashlib.sha256(content).hexdigest(), len(content)), (digest, int(size)))
        self.assertEqual(len(manifest), len(names))  # a first line, and no line for itself
        self.assertIn("build/cuda/bin/libbenchmark.so.1", names)
        self.assertNotIn("build/cuda/bin/unlisted", names)
        self.assertLessEqual({f"build/cuda/bin/{name}" for name, *_ in LISTED}, set(names))
        status, first, report = rehearse(self.archive, self.unpacked)
        self.assertEqual(status, 1)
        self.assertTrue(first.startswith(f"gpu_check: no device: {REFUSAL}; training step, "), first)
        self.assertEqual({part["verdict"] for part in report["parts"]}, {"no device"})

    def test_all_scripts_start_from_the_archive(self):
        self.assertEqual(self.pack().returncode, 0)
        subprocess.run(["tar", "xf", self.archive, "-C", self.unpacked], check=True)
        for script in ("tools/gpu_check", "bench/compare"):
            done = subprocess.run([self.unpacked / script, "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([self.unpacked / "bench/compare", "--device", "cuda", "--parts", "kernels"],
                              cwd=self.unpacked, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, f"compare: sec ended with status 1: {REFUSAL}\n"))

    def test_the_same_files_make_the_same_archive(self):
        self.assertEqual(self.pack().returncode, 0)
        before = self.archive.read_bytes()
        os.utime(self.bin / "sectrain", (1, 1))
        self.assertEqual(self.pack().returncode, 0)
        self.assertEqual(self.archive.read_bytes(), before)

    def test_programs_are_stripped(self):
        compiler = shutil.which("cc") or shutil.which("g++")
        if compiler is None or shutil.which("strip") is None:
            self.skipTest("no compiler or no strip")
        subprocess.run([compiler, "-g", "-x", "c", "-", "-o", self.bin / "sectrain"], input="int main(void) { return 7; }",
                       text=True, check=True)
        self.assertEqual(self.pack().returncode, 0)
        subprocess.run(["tar", "xf", self.archive, "-C", self.unpacked], check=True)
        program = self.unpacked / "build/cuda/bin/sectrain"
        self.assertLess(program.stat().st_size, (self.bin / "sectrain").stat().st_size)
        self.assertEqual(subprocess.run([program]).returncode, 7)

    def test_a_missing_program_and_a_large_archive_are_refused(self):
        (self.bin / "test_kernels_peers").unlink()  # may be missing
        done = self.pack()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("without test_kernels_peers", done.stdout)
        self.archive.unlink()
        (self.bin / "sectrain").write_bytes(os.urandom(3 << 20))
        done = self.pack("--most", "2")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^gpu_pack: the archive has \d+\.\d MiB, more than 2\n$")
        (self.bin / "test_step").unlink()
        done = self.pack()
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no test_step; build the target gpu_programs", done.stderr)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["build", "there"])

    def test_architectures_are_named(self):
        (self.bin.parent / "CMakeCache.txt").write_text("CMAKE_CUDA_ARCHITECTURES:STRING=80-real;90-real\n")
        done = self.pack()
        self.assertIn("built for 80-real;90-real", done.stdout)


def check_real_programs():
    """The real programs of a cuda build, on a machine without a GPU."""
    probe = subprocess.run([BIN / "bench_steps", "--device", "cuda"], stdin=subprocess.DEVNULL, capture_output=True)
    if probe.returncode == 0:
        print("NOT TESTED: there is a GPU")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "gpu.tar.xz"
        done = pack(BIN, archive)
        print(done.stdout + done.stderr, flush=True)
        if done.returncode != 0:
            return 1
        there = Path(folder).resolve() / "there"
        there.mkdir()
        status, first, report = rehearse(archive, there)
        print(first)
        verdicts = {part["verdict"] for part in report["parts"]}
        return 0 if (status, verdicts) == (1, {"no device"}) else 1


if __name__ == "__main__":
    if BIN is None:
        unittest.main()
    sys.exit(check_real_programs())
