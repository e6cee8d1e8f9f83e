#!/usr/bin/env python3
"""Converts a state dict saved by PyTorch (.pth, .pt) to safetensors, for `secmodel` and `sectrain --init`.

A development tool: it needs PyTorch. Shared modules keep an entry per name, as in the state dict.
The file may hold the state dict as an entry "state_dict", "model_state_dict" or "model". The prefix "module." of all
names is removed. --rename OLD=NEW replaces OLD by NEW in names; OLD matches whole dot-separated parts.

Usage: tools/parity/pth_to_safetensors.py [--rename OLD=NEW]... INPUT.pth OUTPUT.safetensors
"""

import argparse
import re
import sys

import torch

import safetensors_file


def state_dict_of(loaded):
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(t, torch.Tensor) for t in loaded.values()):
        raise SystemExit("pth_to_safetensors: no state dict in the file, expected a dictionary of tensors")
    if all(name.startswith("module.") for name in loaded):
        loaded = {name.removeprefix("module."): tensor for name, tensor in loaded.items()}
    return loaded


def renamed(name, rules):
    for old, new in rules:
        name = re.sub(rf"(^|(?<=\.)){re.escape(old)}(?=\.|$)", lambda _, new=new: new, name)
    return name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("input")
    parser.add_argument("output")
    arguments = parser.parse_args()
    rules = [rule.split("=", 1) for rule in arguments.rename]
    if any(len(rule) != 2 or not rule[0] for rule in rules):
        parser.error("--rename: expected OLD=NEW")
    try:
        loaded = torch.load(arguments.input, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises the pickle reader's exceptions
        raise SystemExit(f"pth_to_safetensors: {arguments.input}: {str(error).splitlines()[0]}")
    tensors = {renamed(name, rules): tensor for name, tensor in state_dict_of(loaded).items()}
    safetensors_file.write(arguments.output, tensors, {"format": "pt"})
    print(f"{arguments.output}: {len(tensors)} tensors", file=sys.stderr)


if __name__ == "__main__":
    main()
