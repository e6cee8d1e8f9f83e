#!/usr/bin/env python3
"""Checks `secmodel` against PyTorch and onnxruntime. A converted and imported .pth file must give PyTorch's logits.
It must export to the same bits. If a recording in Tianchi's text format is given, its logits must agree, too.
The ONNX form must give our logits for batches of one and of several samples.

Usage: tools/parity/programs.py SECMODEL CONVERTER [TIANCHI.txt]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

import safetensors_file
from network import SeEcgNet, randomise

NETWORKS = {
    "tied, as released": dict(leads=8, classes=34, covariates=0, width=32, tied=True),
    "untied, with covariates": dict(leads=2, classes=5, covariates=2, width=8, tied=False),
    "tied, with covariates": dict(leads=3, classes=4, covariates=1, width=4, tied=True),
}


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def predict(secmodel, model, signal):
    lines = run(secmodel, "predict", model, signal, "--json").splitlines()
    return np.array([json.loads(line)["logits"] for line in lines], dtype=np.float32)


def check(what, got, expected, bound):
    error = float(np.abs(got - expected).max() / np.abs(expected).max())
    print(f"  {what}: {error:.1e} of the largest, at most {bound:.0e}")
    if not error <= bound:
        raise SystemExit(f"parity: {what} differ")


def read_tianchi(path):
    rows = [line.split() for line in Path(path).read_text().splitlines()]
    return np.array(rows[1:], dtype=np.float64).T * 4.88e-3  # (leads, samples), in mV


def main():
    secmodel, converter, *recordings = sys.argv[1:]
    for seed, (title, options) in enumerate(NETWORKS.items()):
        print(title)
        torch.manual_seed(seed)
        net = randomise(SeEcgNet(**options)).eval()
        length, n = (5000, 1) if options["width"] == 32 else (777, 5)
        x = torch.randn(n, options["leads"], length)
        covariates = torch.randn(n, options["covariates"]) if options["covariates"] else None
        with tempfile.TemporaryDirectory() as folder:
            at = Path(folder)
            torch.save(net.state_dict(), at / "theirs.pth")
            run(sys.executable, converter, at / "theirs.pth", at / "theirs.safetensors")
            run(secmodel, "import", at / "theirs.safetensors", "--length", length, "--out", at / "model.safetensors")
            batch = {"x": x} if covariates is None else {"x": x, "covariates": covariates}
            safetensors_file.write(at / "batch.safetensors", batch)
            with torch.no_grad():
                expected = net.double()(x.double(), None if covariates is None else covariates.double()).numpy()
            net.float()
            ours = predict(secmodel, at / "model.safetensors", at / "batch.safetensors")
            check("logits of an imported model", ours, expected, 1e-4)
            check("logits of the state dict itself",
                  predict(secmodel, at / "theirs.safetensors", at / "batch.safetensors"), expected, 1e-4)

            run(secmodel, "export", at / "model.safetensors", "--out", at / "back.safetensors")
            back, _ = safetensors_file.read(at / "back.safetensors")
            theirs = net.state_dict()
            if list(sorted(back)) != list(sorted(theirs)):
                raise SystemExit("parity: the exported names are not those of the state dict")
            wrong = [name for name, tensor in theirs.items()
                     if tensor.dtype != back[name].dtype or not torch.equal(tensor, back[name])]
            if wrong:
                raise SystemExit(f"parity: not the same bits: {wrong}")
            SeEcgNet(**options).load_state_dict(back, strict=True)
            print(f"  {len(theirs)} tensors exported, bit for bit, and loaded by PyTorch")

            run(secmodel, "onnx", at / "model.safetensors", "--out", at / "model.onnx")
            model = onnx.load(at / "model.onnx")
            onnx.checker.check_model(model, full_check=True)
            session = onnxruntime.InferenceSession(at / "model.onnx", providers=["CPUExecutionProvider"])
            inputs = {"signal": x.numpy()} | ({} if covariates is None else {"covariates": covariates.numpy()})
            check(f"onnxruntime's logits, batch of {n}", session.run(None, inputs)[0], ours, 1e-4)
            twice = {name: np.concatenate([value, value[:1]]) for name, value in inputs.items()}
            check(f"onnxruntime's logits, batch of {n + 1}", session.run(None, twice)[0],
                  np.concatenate([ours, ours[:1]]), 1e-4)

            if recordings and options["width"] == 32:
                signal = read_tianchi(recordings[0])
                with torch.no_grad():
                    expected = net.double()(torch.tensor(signal)[None]).numpy()
                check("logits of a Tianchi recording", predict(secmodel, at / "model.safetensors", recordings[0]),
                      expected, 1e-4)
                from scipy.signal import resample

                run(secmodel, "import", at / "theirs.safetensors", "--length", 2048, "--out",
                    at / "short.safetensors")
                with torch.no_grad():
                    expected = net(torch.tensor(resample(signal, 2048, axis=1))[None]).numpy()
                check("and resampled to 2048", predict(secmodel, at / "short.safetensors", recordings[0]), expected,
                      1e-4)
                net.float()


if __name__ == "__main__":
    main()
