"""Random damage of files, for mutate_inputs.py."""
import json
import os
import re
import shutil

NUMBERS = ["0", "-1", "1", "2", "127", "128", "255", "256", "32767", "-32768", "65536", "2147483647", "2147483648",
           "-2147483649", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
           "18446744073709551616", "1e308", "1e-320", "1e999", "-0", "0.1", "nan", "inf", "-inf", "0x10", "1e5", "1000000",
           "1000000000", "99999999999999999999999999", "1,5", "008", "+5", "1.", ".5", "--1", "1/0"]
WORDS = ["", "null", "true", "{}", "[]", "\"\"", "''", "..", "/", "../x", "/dev/zero", "~", "#", "=", ":", ",", "\t", "\r\n",
         "\x00", "\x1b[31m", "%s%n", "\\", "\"", "\xff", "\ufeff", "é", "心电", "A" * 300, "9" * 400, "a,b", "EDF+D", "310", "508",
         "516", "80", "61", "8", "24", "212", "16x100000", "16:2147483647", "16+99999999", "0", "N", "II", "__metadata__", "F16",
         "U8"]
INTEGERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 2**63 - 1, 2**63,
            2**64 - 1]
ABSURD = 100_000_000_000  # bytes of a sparse file, which takes no space on the disk
LIVE = ("csv", "i16", "f32")  # inputs of secinfer --live


def change_bytes(data, draw):
    """One change of bytes. Returns the bytes and what was done."""
    data = bytearray(data)
    if not data:
        return bytes([draw.randrange(256)]), "a byte in an empty file"
    at = draw.randrange(len(data))
    # Headers are at the beginning, so half of the changes are there.
    if draw.random() < 0.5:
        at = min(at, draw.randrange(min(len(data), 400)))
    length = min(len(data) - at, draw.choice([1, 1, 2, 4, 8, 16, 64, 300]))
    kind = draw.randrange(9)
    if kind == 0:
        bit = draw.randrange(8)
        data[at] ^= 1 << bit
        return bytes(data), f"bit {bit} of byte {at}"
    if kind == 1:
        data[at] = draw.choice([0, 0xff, 0x7f, 0x80, 10, 13, 32, 34, 44, 48])
        return bytes(data), f"byte {at}"
    if kind == 2:
        size = draw.choice([2, 4, 8])
        number = draw.choice(INTEGERS) % (1 << 8 * size)
        data[at:at + size] = number.to_bytes(size, draw.choice(["little", "little", "big"]))
        return bytes(data), f"the integer {number} at {at}"
    if kind == 3:
        return bytes(data[:at]), f"truncated to {at} bytes"
    if kind == 4:
        del data[at:at + length]
        return bytes(data), f"{length} bytes at {at} deleted"
    if kind == 5:
        data[at:at] = data[at:at + length] * draw.choice([1, 1, 2, 50])
        return bytes(data), f"{length} bytes at {at} repeated"
    if kind == 6:
        data[at:at] = bytes(draw.randrange(256) for _ in range(length))
        return bytes(data), f"{length} random bytes inserted at {at}"
    if kind == 7:
        data[at:at + length] = bytes(draw.randrange(256) for _ in range(length))
        return bytes(data), f"{length} random bytes at {at}"
    data[at:at + length] = bytes([draw.choice([0, 0xff])]) * length
    return bytes(data), f"{length} equal bytes at {at}"


def change_text(data, draw):
    """One change of text. Returns the bytes and what was done."""
    text = data.decode("latin-1")
    kind = draw.randrange(8)
    if kind <= 2:
        numbers = list(re.finditer(r"-?\d+(\.\d+)?(e-?\d+)?", text))
        if numbers:
            found = draw.choice(numbers[:60] if draw.random() < 0.7 else numbers)
            new = draw.choice(NUMBERS)
            text = text[:found.start()] + new + text[found.end():]
            return text.encode("latin-1"), f"{found.group()} at {found.start()} became {new}"
    if kind <= 4:
        words = list(re.finditer(r"[^\s,:=\"\[\]{}]+", text))
        if words:
            found = draw.choice(words[:60] if draw.random() < 0.7 else words)
            new = draw.choice(WORDS).encode().decode("latin-1")
            text = text[:found.start()] + new + text[found.end():]
            return text.encode("latin-1"), f"{found.group()[:30]!r} at {found.start()} became {new[:30]!r}"
    lines = text.splitlines(keepends=True)
    if kind <= 6 and lines:
        at = draw.randrange(min(len(lines), 40))
        do = draw.randrange(4)
        if do == 0:
            del lines[at]
        elif do == 1:
            lines[at:at] = [lines[at]] * draw.choice([1, 1, 3, 2000])
        elif do == 2:
            other = draw.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at].rstrip("\n")
        return "".join(lines).encode("latin-1"), f"line {at + 1} {['deleted', 'repeated', 'moved', 'joined'][do]}"
    at = draw.randrange(len(text) + 1)
    new = draw.choice(["[" * 20000, "{\"a\":" * 20000, "\n" * 1000, "," * 20000, "\x00", "\"", "'", "A" * 200000, " "])
    return (text[:at] + new + text[at:]).encode("latin-1"), f"{len(new)} x {new[:5]!r} inserted at {at}"


def change_safetensors(data, draw):
    """A change of the header's text, with the right length of the header, so that its contents are read."""
    length = int.from_bytes(data[:8], "little")
    header, what = change_text(data[8:8 + length], draw)
    return len(header).to_bytes(8, "little") + header + data[8 + length:], "header: " + what


def change_metadata(data, draw):
    """A change within one value of a safetensors file's metadata, which is mostly JSON or a recipe."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    key = draw.choice(sorted(header["__metadata__"]))
    text, what = change_text(header["__metadata__"][key].encode(), draw)
    header["__metadata__"][key] = text.decode("latin-1")
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length:], f"metadata {key}: {what}"


def replace_file(path, draw, others):
    """Replaces the file as a whole. Returns what was done."""
    kind = draw.choice(["empty", "missing", "folder", "pipe", "loop", "absurd", "other", "other", "zeros"])
    data = path.read_bytes()
    path.unlink()
    if kind == "absurd" and path.name in LIVE:
        kind = "zeros"  # samples that arrive as they come have no end, so no size of theirs is absurd
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "absurd":
        path.write_bytes(data)
        os.truncate(path, ABSURD)
    elif kind == "other":
        other = draw.choice(others)
        shutil.copyfile(other, path)
        kind = f"replaced by {other.name}"
    elif kind == "zeros":
        path.write_bytes(bytes(len(data)))
    elif kind == "empty":
        path.write_bytes(b"")
    return kind


def mutate(path, draw, others):
    """Damages a file. Returns a list of what was done."""
    if draw.random() < 0.06:
        return [replace_file(path, draw, others)]
    data = path.read_bytes()
    is_text = b"\x00" not in data
    done = []
    for _ in range(draw.choice([1, 1, 1, 2, 3, 6])):
        change = change_bytes
        if is_text and draw.random() < 0.75:
            change = change_text
        elif path.suffix == ".safetensors" and not done and draw.random() < 0.7:
            change = draw.choice([change_safetensors, change_metadata])
            try:
                data, what = change(data, draw)
                done.append(what)
                continue
            except (ValueError, KeyError):  # a file without metadata
                change = change_bytes
        data, what = change(data, draw)
        done.append(what)
    path.write_bytes(data)
    return done
