"""Reads and writes safetensors files with the standard library and PyTorch.
A file has the header's length (u64, little-endian), a JSON header, and the tensors' bytes."""

import json
import struct
from pathlib import Path

import torch

TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I32": torch.int32, "I64": torch.int64,
         "U8": torch.uint8}
NAMES = {kind: name for name, kind in TYPES.items()}


def write(path, tensors, metadata=None):
    header, pieces, at = {"__metadata__": metadata or {}}, [], 0
    # Tensors with larger elements come first, so that every tensor is aligned.
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        if tensor.dtype not in NAMES:
            raise SystemExit(f"{path}: tensor {name}: {tensor.dtype} cannot be stored, expected one of {list(TYPES)}")
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {
            "dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]
        }
        pieces.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(pieces))


def read(path):
    """The tensors by name, and the metadata."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = torch.frombuffer(bytearray(content[8 + length + begin : 8 + length + end]), dtype=torch.uint8)
        tensors[name] = raw.view(TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata
