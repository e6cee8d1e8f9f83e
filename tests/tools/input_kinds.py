"""Valid input files of every kind that the programs read, and the commands that read them, for mutate_inputs.py."""
import json
import random
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BEATS = """
title = "beats"
classes = ["N", "V"]
[data]
train = ["101", "106", "119"]
validation = ["205"]
test = ["100"]
[input]
channels = ["lead1", "lead2-difference", "rhythm"]
covariates = ["rhythm", "irregularity"]
past_beats = 8
[network]
width = 4
[sampler]
kind = "weighted"
epoch_samples = 16
[augment]
scale = 0.1
noise = 0.05
lead_drop = 0.2
[train]
epochs = 1
batch = 8
rate = 3e-3
average_decay = 0.9
checkpoint_steps = 1
log_steps = 1
"""

RECORDINGS = """
title = "recordings"
classes = ["even", "third"]
[data]
task = "recordings"
leads = ["MLII", "V1"]
length = 64
seconds = 5
[network]
width = 4
[loss]
kind = "bce"
[decision]
thresholds = "validation"
[train]
epochs = 1
batch = 8
"""

# What a recipe may ask for, but would take long or much memory.
SMALL = ["--set", "train.epochs=1", "--set", "network.width=4", "--set", "sampler.epoch_samples=16", "--set", "train.batch=8"]

TILES = """device = "simt"
measured = "nothing"
forward = [
  {precision = "bf16", c_in = 16, c_out = 16, k = 3, stride = 1, pad = 1, leads = 2, length = 9, columns = 64, rows = 32},
  {precision = "f32", c_in = 1, c_out = 16, k = 50, stride = 2, pad = 0, leads = 2, length = 90, columns = 64},
]
dgrad = []
wgrad = [
  {precision = "tf32", c_in = 16, c_out = 16, k = 3, stride = 1, pad = 1, leads = 2, length = 9, samples = 4, part_tiles = 2, most_blocks = 8},
]
"""


@dataclass
class Kind:
    """Inputs of one kind: a folder, the files to damage, and commands; {d} is a copy of the folder, {w} the work folder,
    OUT a file to be written, <FILE standard input."""
    name: str
    folder: Path
    files: list
    commands: list
    weight: float = 1.0


class Bits:
    """Bits in order, highest first, with FLAC's checksums."""

    def __init__(self):
        self.value = 0
        self.count = 0

    def put(self, value, bits):
        self.value = self.value << bits | value & (1 << bits) - 1
        self.count += bits

    def bytes(self):
        return self.value.to_bytes(self.count // 8, "big")

    def put_checksum(self, polynomial, bits):
        rest = 0
        for byte in self.bytes():
            rest ^= byte << bits - 8
            for _ in range(8):
                rest = (rest << 1 ^ polynomial if rest >> bits - 1 else rest << 1) & (1 << bits) - 1
        self.put(rest, bits)


def flac(samples, rate):
    """A FLAC stream of one channel of 16 bits, whose frames of 192 samples are stored as they are (RFC 9639)."""
    block = 192
    samples = samples[:len(samples) // block * block]
    head = Bits()
    for value, bits in ((0x80, 8), (34, 24), (block, 16), (block, 16), (0, 24), (0, 24), (rate, 20), (0, 3), (15, 5),
                        (len(samples), 36), (0, 128)):
        head.put(value, bits)
    stream = b"fLaC" + head.bytes()
    for frame in range(len(samples) // block):
        bits = Bits()
        for value, size in ((0x3ffe, 14), (0, 2), (1, 4), (0, 4), (0, 4), (4, 3), (0, 1), (frame, 8)):
            bits.put(value, size)
        bits.put_checksum(0x07, 8)
        bits.put(0b00000010, 8)  # a verbatim subframe
        for sample in samples[frame * block:(frame + 1) * block]:
            bits.put(sample, 16)
        bits.put_checksum(0x8005, 16)
        stream += bits.bytes()
    return stream


def make(programs, work):
    """Writes all inputs below `work`. Returns the kinds."""
    draw = random.Random(1)

    def run(program, *words):
        done = subprocess.run([str(programs / program), *map(str, words)], capture_output=True, check=False)
        if done.returncode != 0:
            sys.exit(f"mutate_inputs: {program} {' '.join(map(str, words))}: {done.stderr.decode()}")

    def folder(name):
        path = work / name
        path.mkdir()
        return path

    def copy(source, target, *names):
        for name in names:
            shutil.copyfile(source / name, target / name)

    # Shared inputs that stay valid.
    db = work / "db"
    run("secdata", "synth", "--quiet", db, "--minutes", "0.2", "--records", "100,101,106,119,205")
    (work / "beats.toml").write_text(BEATS)
    train = ["sectrain", "--quiet", "--device", "cpu", "--threads", "1"]
    run(*train, "--config", work / "beats.toml", "--data", db, "--out", work / "model")
    table = work / "table"
    run("secdata", "synth", "--quiet", table, "--count", "10", "--minutes", "0.1", "--rate", "100", "--leads", "3")
    rows = [f"s{i:05},{'|'.join(['even'] * (i % 2 == 0) + ['third'] * (i % 3 == 0))},P{i},{i % 10 + 1},{40 + i},"
            f"{'FM'[i % 2]}" for i in range(1, 11)]
    (table / "labels.csv").write_text("file,labels,patient,fold,age,sex\n" + "\n".join(rows) + "\n")
    (work / "recordings.toml").write_text(RECORDINGS)
    folds = ["--set", "data.protocol=strat_folds", "--set", "data.validation_fold=2", "--set", "data.test_fold=3"]
    own = ["--set", "data.source=table", "--set", "data.label_file=labels.csv"]
    run(*train, "--config", work / "recordings.toml", "--data", table, "--out", work / "whole", *own, *folds)

    infer = ["secinfer", "--quiet", "--device", "cpu", "--threads", "1", "--model", "{w}/model"]
    kinds = []

    def reading(record, leads=None):
        """Commands that read one recording."""
        chosen = [] if leads is None else ["--leads", leads]
        return [["secdata", "info", record], ["secdata", "info", "--json", record], ["secdata", "verify", record],
                ["secdata", "verify", "--json", record], ["secdata", "dump", record],
                ["secdata", "dump", record, "--to", "1.5"],
                ["secdata", "dump", record, "--from", "s300", "--out", "OUT.npy"],
                *[["secdata", "convert", "--quiet", record, target] for target in ("OUT.edf", "OUT.csv", "OUT.npy", "OUT")],
                ["secdata", "convert", "--json", "--format", "24", record, "OUT"],
                [*infer, *chosen, record], [*infer, *chosen, "--json", record],
                [*infer, *chosen, "--report", "OUT.html", "--rr", "OUT.csv", "--nn", "OUT.nn.csv", record],
                [*infer, *chosen, "--json", "--no-verify", record]]

    def training(data, *more):
        return [*train, "--config", "{w}/beats.toml", "--data", data, "--out", "{d}/run", *more]

    # WFDB: headers, signals and annotations, in the format that the database has.
    one = folder("wfdb")
    copy(db, one, "100.hea", "100.dat", "100.atr")
    kinds.append(Kind("WFDB header", one, ["100.hea"], reading("{d}/100"), 3))
    kinds.append(Kind("WFDB signal", one, ["100.dat"], reading("{d}/100")))
    kinds.append(Kind("WFDB annotations", one, ["100.atr"], [
        ["secdata", "info", "{d}/100"], ["secdata", "verify", "{d}/100"], ["secdata", "dump", "--annotations", "{d}/100"],
        ["secdata", "dump", "--annotations", "--json", "{d}/100"], ["secdata", "convert", "--quiet", "{d}/100", "OUT.edf"],
        ["secdata", "score", "{d}/100.atr", "{w}/db/100.atr", "--start", "0"],
        ["secdata", "score", "--json", "{w}/db/100.atr", "{d}/100.atr", "--start", "0"],
        ["secdata", "score", "--json", "--classes", "de-chazal", "--start", "0", "{d}/100.atr", "{w}/db/100.atr"],
        [*infer, "--annotations", "atr", "--json", "{d}/100"], [*infer, "--annotations", "atr", "{d}/100"]], 2))
    # The other formats of signals: random bytes are valid samples in most of them.
    for name, bits in (("8", 8), ("16", 16), ("24", 24), ("32", 32), ("61", 16), ("80", 8), ("160", 16), ("212", 12),
                       ("310", 32 / 3), ("311", 32 / 3)):
        one = folder(f"wfdb{name}")
        samples = 1536
        (one / "r.hea").write_text(f"r 2 250 {samples}\nr.dat {name} 200 12 0 0 0 0 MLII\nr.dat {name} 200 12 0 0 0 0 V1\n"
                                   "# Age: 56\n")
        data = [draw.randrange(256) for _ in range(int(2 * samples * bits / 8))]
        if name == "32":
            data[3::4] = [0] * (2 * samples)  # large samples have no place in EDF
        (one / "r.dat").write_bytes(bytes(data))
        kinds.append(Kind(f"WFDB format {name}", one, ["r.hea", "r.dat"],
                          [c for c in reading("{d}/r", "MLII,V1") if c[1] != "verify" and c[0] != "secinfer"] +
                          [[*infer, "--leads", "MLII,V1", "--no-verify", "{d}/r"]], 0.3))
    one = folder("flac")
    (one / "r.dat").write_bytes(flac([draw.randrange(-300, 300) for _ in range(1536)], 250))
    (one / "r.hea").write_text("r 1 250 1536\nr.dat 516 200 16 0\n")
    kinds.append(Kind("WFDB FLAC", one, ["r.hea", "r.dat"],
                      [c for c in reading("{d}/r") if c[1] != "verify" and c[0] != "secinfer"], 1))
    one = folder("segments")
    for name in ("a", "b"):
        run("secdata", "synth", "--quiet", one / name, "--count", "1", "--minutes", "0.1", "--rate", "250", "--seed", ord(name))
        for extension in ("hea", "dat", "atr"):
            shutil.move(one / name / f"s00001.{extension}", one / f"{name}.{extension}")
        shutil.rmtree(one / name)
        header = (one / f"{name}.hea").read_text()
        (one / f"{name}.hea").write_text(header.replace("s00001", name))
    (one / "r.hea").write_text("r/3 2 250 3400\na 1500\n~ 400\nb 1500\n# Age: 56\n")
    kinds.append(Kind("WFDB segments", one, ["r.hea", "r.hea", "a.hea"], reading("{d}/r")))

    # Recordings in one file, and tables and arrays with their side files.
    for name, target, files, more in (("EDF", "r.edf", ["r.edf"], []), ("CSV", "r.csv", ["r.csv"], []),
                                      ("TSV", "r.tsv", ["r.tsv"], []), ("NumPy", "r.npy", ["r.npy"], []),
                                      ("digital NumPy", "r.npy", ["r.npy", "r.npy.json"], ["--digital"]),
                                      ("side file", "r.npy", ["r.npy.json"], [])):
        one = folder(name)
        run("secdata", "convert", "--quiet", db / "100", one / target, *more)
        kinds.append(Kind(name, one, files, reading("{d}/" + target), 2 if name == "EDF" else 1))
    one = folder("table-side")
    lines = (work / "CSV/r.csv").read_text().splitlines()
    (one / "r.csv").write_text("\n".join(line.split(",", 1)[1] for line in lines if not line.startswith("#")) + "\n")
    (one / "r.csv.json").write_text(json.dumps({"rate": 360, "leads": ["MLII", "V5"], "units": ["mV", "uV"], "gain": 2,
                                                "baseline": [1, 0], "comments": ["Age: 56"]}))
    kinds.append(Kind("side file of a table", one, ["r.csv.json"], reading("{d}/r.csv")))
    one = folder("discontinuous")
    content = (work / "EDF/r.edf").read_bytes().replace(b"EDF+C", b"EDF+D")
    (one / "r.edf").write_bytes(content)
    kinds.append(Kind("EDF+D", one, ["r.edf"], reading("{d}/r.edf")))

    # Databases of heartbeats.
    one = folder("database")
    for path in db.iterdir():
        shutil.copyfile(path, one / path.name)
    kinds.append(Kind("database", one, ["101.hea", "101.dat", "101.atr", "100.atr", "RECORDS", "SYNTHETIC.txt"],
                      [training("{d}"), training("{d}", "--no-verify"), ["secdata", "verify", "{d}"],
                       ["secdata", "score", "{d}", "{w}/db", "--test", "atr", "--records", "100,101", "--start", "0"]], 2))

    # Recipes, split files and tile files.
    one = folder("recipe")
    (one / "recipe.toml").write_text('base = "base.toml"\ntitle = "x"\n[train]\nepochs = 1\n')
    (one / "base.toml").write_text(BEATS)
    shutil.copyfile(work / "model/recipe.toml", one / "resolved.toml")
    kinds.append(Kind("recipe", one, ["recipe.toml", "base.toml", "base.toml"],
                      [[*train, "--config", "{d}/recipe.toml", "--data", "{w}/db", "--out", "{d}/run", *SMALL]], 2))
    kinds.append(Kind("resolved recipe", one, ["resolved.toml"],
                      [[*train, "--config", "{d}/resolved.toml", "--data", "{w}/db", "--out", "{d}/run", *SMALL]], 1))
    one = folder("splits")
    (one / "split.csv").write_text("record,split,patient,from,to\n101,train,P1,0,10\n106,train,P2\n119,train\n205,validation\n"
                                   "100,test\n")
    (one / "split.json").write_text(json.dumps({"train": ["101", "106", "119"], "validation": ["205"], "test": ["100"],
                                                "patients": {"101": "P1", "106": "P2"}}))
    for name in ("split.csv", "split.json"):
        kinds.append(Kind("split file", one, [name], [training("{w}/db", "--set", "data.protocol=file", "--set",
                                                               "data.split_file={d}/" + name)], 0.7))
    one = folder("tiles")
    (one / "tiles.toml").write_text(TILES)
    kinds.append(Kind("tile file", one, ["tiles.toml"], [["secinfer", "--quiet", "--threads", "1", "--model", "{w}/model",
                                                          "--device", "simt", "--tiles", "{d}/tiles.toml", "--annotations",
                                                          "few", "{w}/few"]], 0.5))
    copy(db, work, "100.dat")
    (work / "few.hea").write_text((db / "100.hea").read_text().replace("100 2", "few 2", 1))
    (work / "few.few").write_bytes(struct.pack("<HHH", 1 << 10 | 900, 1 << 10 | 300, 0))

    # Models, state dicts, checkpoints and run folders.
    small = [*infer[:-1]]
    one = folder("models")
    copy(work / "model", one, "best.safetensors")
    shutil.copyfile(work / "whole/best.safetensors", one / "whole.safetensors")
    run("secmodel", "export", one / "whole.safetensors", "--out", one / "dict.safetensors")
    best = "{d}/best.safetensors"
    kinds.append(Kind("model of heartbeats", one, ["best.safetensors"], [
        [*small, best, "{w}/db/100"], [*small, best, "--json", "{w}/db/100"], ["secmodel", "summary", best], ["secinspect", best],
        ["secmodel", "onnx", best, "--out", "OUT"], ["secmodel", "export", best, "--out", "OUT"],
        ["secmodel", "import", best, "--out", "OUT"], training("{w}/db", "--init", best)], 2))
    whole = "{d}/whole.safetensors"
    kinds.append(Kind("model of recordings", one, ["whole.safetensors"], [
        [*small, whole, "{w}/table/s00001"], [*small, whole, "--json", "{w}/table/s00001"], ["secmodel", "summary", whole], ["secinspect", whole],
        ["secmodel", "onnx", whole, "--out", "OUT"], ["secmodel", "import", whole, "--out", "OUT"]], 1))
    kinds.append(Kind("state dict", one, ["dict.safetensors"], [
        ["secmodel", "import", "{d}/dict.safetensors", "--length", "64", "--out", "OUT"],
        ["secmodel", "summary", "{d}/dict.safetensors", "--length", "64"],
        ["secinspect", "{d}/dict.safetensors", "--length", "64"],
        ["secmodel", "onnx", "{d}/dict.safetensors", "--length", "64", "--out", "OUT"]], 1))
    one = folder("predict")
    header = json.dumps({"x": {"dtype": "F32", "shape": [2, 2, 64], "data_offsets": [0, 1024]}}).encode()
    (one / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header +
                                        struct.pack("<256f", *(draw.uniform(-1, 1) for _ in range(256))))
    predict = ["secmodel", "predict", "--threads", "1", "{w}/whole/best.safetensors", "{d}/x.safetensors"]
    kinds.append(Kind("signals of predict", one, ["x.safetensors"], [predict, [*predict, "--json"]], 0.5))
    resume = [*train, "--resume", "--data", "{w}/db", "--out", "{d}"]
    one = folder("run")
    for path in (work / "model").iterdir():
        shutil.copyfile(path, one / path.name)
    kinds.append(Kind("run folder", one, ["last.safetensors", "last.safetensors", "best.safetensors", "recipe.toml",
                                          "log.jsonl", "metrics.json", "report.html"],
                      [resume, [*resume, "--json"], [*small, "{d}", "{w}/db/100"]], 2))

    # Labelled recordings.
    def labelled(name, files, source, *more, weight=1.0):
        kinds.append(Kind(name, work / source, files, [[*train, "--config", "{w}/recordings.toml", "--data", "{d}", "--out",
                                                        "{d}/run", *more]], weight))

    labelled("label table", ["labels.csv", "labels.csv", "s00001.hea", "s00002.dat"], "table", *own, *folds)
    one = folder("cinc")
    for i in range(1, 11):
        copy(table, one, f"s{i:05}.dat")
        header = (table / f"s{i:05}.hea").read_text().split("#")[0]
        (one / f"s{i:05}.hea").write_text(header + f"#Age: {40 + i}\n#Sex: {['Male', 'Female'][i % 2]}\n#Dx: "
                                          f"{['426783006', '164889003', '426783006,164889003'][i % 3]}\n")
    labelled("CinC headers", ["s00001.hea", "s00002.hea"], "cinc", "--set", "data.source=cinc", "--set", "data.protocol=hash",
             "--set", "data.validation_share=0.4", "--set", "data.test_share=0.3", "--set", "classes=[]")
    one = folder("ptbxl")
    (one / "records100").mkdir()
    rows = ["ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr,filename_hr"]
    for i in range(1, 11):
        for extension in ("hea", "dat"):
            shutil.copyfile(table / f"s{i:05}.{extension}", one / f"records100/s{i:05}.{extension}")
        codes = ["{'NORM': 100.0, 'SR': 0.0}", "{'IMI': 80.0}", "{'NORM': 50.0, 'IMI': 0.0}"][i % 3]
        rows.append(f"{i},{i}.0,{40 + i}.0,{i % 2},\"{codes}\",{i},records100/s{i:05},records500/s{i:05}")
    (one / "ptbxl_database.csv").write_text("\n".join(rows) + "\n")
    (one / "scp_statements.csv").write_text(",description,diagnostic,diagnostic_class\nNORM,normal,1.0,NORM\n"
                                            "IMI,infarction,1.0,MI\nSR,rhythm,,\n")
    labelled("PTB-XL tables", ["ptbxl_database.csv", "scp_statements.csv"], "ptbxl", "--set", "data.source=ptbxl", "--set",
             "data.signal_folder=records100", "--set", "data.label_set=superclass", "--set", "classes=[]", *folds)
    one = folder("tianchi")
    (one / "train").mkdir()
    labels = []
    for i in range(1, 9):
        text = ["I II V1 V2 V3 V4 V5 V6"] + [" ".join(str(draw.randrange(-200, 200)) for _ in range(8)) for _ in range(5000)]
        (one / f"train/{i}.txt").write_text("\n".join(text) + "\n")
        labels.append(f"{i}.txt\t{40 + i}\t{['MALE', 'FEMALE'][i % 2]}\t{['slow', 'fast'][i % 2]}\t\n")
    (one / "labels.txt").write_text("".join(labels))
    (one / "classes.txt").write_text("slow\nfast\n")
    labelled("Tianchi", ["labels.txt", "labels.txt", "classes.txt", "train/1.txt"], "tianchi", "--set", "data.source=tianchi",
             "--set", "data.label_file=labels.txt", "--set", "data.class_file=classes.txt", "--set", "data.signal_folder=train",
             "--set", "data.leads=[\"I\",\"II\"]", "--set", "data.protocol=hash", "--set", "data.validation_share=0.4", "--set",
             "data.test_share=0.3", "--set", "classes=[]", weight=0.5)

    # Standard input.
    one = folder("live")
    values = [round(draw.uniform(-1, 1), 3) for _ in range(2 * 1500)]
    (one / "csv").write_text("".join(f"{a},{b}\n" for a, b in zip(values[::2], values[1::2])))
    (one / "i16").write_bytes(struct.pack(f"<{len(values)}h", *(int(200 * v) for v in values)))
    (one / "f32").write_bytes(struct.pack(f"<{len(values)}f", *values))
    for form in ("csv", "i16", "f32"):
        live = [*infer, "--live", "--rate", "250", "--leads", "MLII,V5", "--input", form]
        kinds.append(Kind(f"live {form}", one, [form], [[*live, "-", "<{d}/" + form], [*live, "--json", "-", "<{d}/" + form]],
                          0.5))
    return kinds
