#!/usr/bin/env python3
"""Tests tools/gpu_code on an object with one kernel, built here byte by byte: gpu_code_objects_test.py GPU_CODE."""

import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

gpu_code = ""


def elf(sections, symbols=()):
    """A 64-bit ELF file with the given sections, {name: content}, and a symbol table."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in symbols)
    offsets = [1 + sum(len(name) + 1 for name in symbols[:i]) for i in range(len(symbols))]
    table = b"".join(struct.pack("<IBBHQQ", offset, 0, 0, 0, 0, 0) for offset in offsets)
    all_sections = {"": b"", **sections, ".strtab": strings, ".symtab": table, ".shstrtab": b""}
    names = b"".join(name.encode() + b"\0" for name in all_sections)
    all_sections[".shstrtab"] = names
    order = list(all_sections)
    body, headers, at = b"", b"", 64
    for i, (name, content) in enumerate(all_sections.items()):
        kind = 0 if i == 0 else 2 if name == ".symtab" else 1
        link = order.index(".strtab") if name == ".symtab" else 0
        offset = sum(len(each) + 1 for each in order[:i])
        headers += struct.pack("<IIQQQQIIQQ", offset, kind, 0, 0, at, len(content), link, 0, 1, 0)
        body += content
        at += len(content)
    start = struct.pack("<QQQIHHHHHH", 0, 0, at, 0, 64, 0, 0, 64, len(all_sections), order.index(".shstrtab"))
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 1, 190, 1) + start + body + headers


def cubin(kernel):
    def attribute(number, *values):
        content = struct.pack(f"<{len(values)}I", *values)
        return struct.pack("<BBH", 4, number, len(content)) + content
    info = attribute(0x2F, 0, 40) + attribute(0x11, 0, 16)  # 40 registers, 16 bytes of stack
    load = struct.pack("<QQ", 0x181, 6 << 9)  # LDG.128
    return elf({".note.nv.tkinfo": b"Cuda compilation tools, release 13.0, V13.0.48\0", ".nv.info": info,
                ".nv.info." + kernel: attribute(0x05, 128, 1, 1), ".text." + kernel: load}, [kernel])


def object_file(source, kernel="sum_rows"):
    """What nvcc makes of a source file with one kernel for sm_90."""
    code = cubin(kernel)
    name = source.encode() + b"\0"
    header = 64 + len(name)
    entry = struct.pack("<HHIQ", 2, 1, header, len(code)).ljust(28, b"\0") + struct.pack("<I", 90)
    entry = entry.ljust(64, b"\0") + name + code
    return elf({".nv_fatbin": struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entry)) + entry})


def archive(*members):
    data = b"!<arch>\n"
    for member in members:
        data += b"a.o/".ljust(48) + str(len(member)).encode().ljust(10) + b"`\n" + member + b"\n" * (len(member) % 2)
    return data


class Objects(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_it(self, content, *arguments):
        path = pathlib.Path(self.folder.name) / "kernels.o"
        path.write_bytes(content)
        return subprocess.run([sys.executable, gpu_code, path, *arguments], capture_output=True, text=True)

    def table(self, *rows):
        path = pathlib.Path(self.folder.name) / "table.tsv"
        done = self.run_it(object_file("sums.cu"))
        lines = done.stdout.splitlines()
        path.write_text("\n".join(lines + list(rows)) + "\n")
        return path

    def test_an_object_is_shown_without_complaints_about_other_files(self):
        done = self.run_it(object_file("sums.cu"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "# nvcc V13.0.48")
        self.assertEqual(lines[2].split("\t")[:6], ["sm_90", "sums.cu", "sum_rows", "128", "40", "16"])

    def test_an_object_is_checked_against_its_part_of_the_table(self):
        other = "\t".join(["sm_90", "conv.cu", "conv", *["0"] * 8, "warps"])
        gone = "\t".join(["sm_90", "sums.cu", "sum_columns", *["0"] * 8, "warps"])
        self.assertEqual(self.run_it(object_file("sums.cu"), "--check", self.table(other)).returncode, 0)
        done = self.run_it(object_file("sums.cu"), "--check", self.table(other, gone))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("sums.cu sum_columns, sm_90: is in", done.stderr)

    def test_rules_for_the_files_of_an_object_still_hold(self):
        done = self.run_it(object_file("conv_tensor.cu"))
        self.assertEqual(done.returncode, 1)
        self.assertTrue(all("conv_tensor.cu" in line for line in done.stderr.splitlines()), done.stderr)

    def test_a_library_must_have_every_file(self):
        done = self.run_it(archive(object_file("sums.cu")))
        self.assertEqual(done.returncode, 1)
        self.assertIn("no kernel matches conv_tensor.cu", done.stderr)

    def test_a_table_is_not_written_from_an_object(self):
        path = pathlib.Path(self.folder.name) / "new.tsv"
        done = self.run_it(object_file("sums.cu"), "--write", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--write needs the library", done.stderr)
        self.assertFalse(path.exists())


if __name__ == "__main__":
    gpu_code = sys.argv.pop(1)
    unittest.main()
