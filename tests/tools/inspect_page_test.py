#!/usr/bin/env python3
"""The page of secinspect in a real browser.

  inspect_page_test.py --bin BUILD/bin            makes pages with the programs there, from synthetic recordings
  inspect_page_test.py --page FILE                tests a page that is there
  --screenshots FOLDER                            also keeps pictures of what was tested

Without a browser the test says so in one line and exits with 77, which CTest counts as skipped.
"""

import argparse
import itertools
import pathlib
import subprocess
import sys
import tempfile

import browser

SKIPPED = 77

# Every group of covariates and every kind of measure, so that the page's own rows are compared with the program's.
BEATS = """
title = "beats"
classes = ["N", "S", "V"]
[data]
train = ["101", "106", "119", "208"]
validation = ["205"]
test = ["100"]
leads = ["MLII", "other"]
[input]
channels = ["lead1", "lead1-difference", "lead2-difference", "rhythm"]
rhythm = ["rr/mean", "next/mean10", "previous/mean32", "rr/previous", "next/rr", "tscore32"]
covariates = ["rhythm", "irregularity", "intervals"]
[network]
width = 8
[sampler]
kind = "weighted"
epoch_samples = 768
class_power = 1.0
[train]
epochs = 3
batch = 32
rate = 3e-3
keep_epochs = 1
"""

RECORDINGS = """
title = "recordings"
classes = ["even", "third"]
[data]
task = "recordings"
source = "table"
label_file = "labels.csv"
protocol = "strat_folds"
leads = ["MLII", "V1", "V5"]
length = 256
seconds = 5
[network]
model = "resnet34"
width = 4
[loss]
kind = "bce"
[train]
epochs = 1
batch = 8
"""
READY = "document.documentElement.dataset.painted === 'yes'"
WIDTHS = (400, 900, 1600)

# Notes the texts that are drawn into canvases, with their boxes in CSS pixels. A canvas starts anew when it is cleared.
WATCH_CANVAS = """
(() => {
  const drawn = new Map();
  const place = CanvasRenderingContext2D.prototype;
  const { clearRect, fillText } = place;
  place.clearRect = function (...box) { drawn.set(this.canvas, []); clearRect.apply(this, box); };
  place.fillText = function (text, x, y, ...rest) {
    const size = this.measureText(text);
    const left = x - size.actualBoundingBoxLeft, right = x + size.actualBoundingBoxRight;
    const move = this.getTransform();
    const scale = this.canvas.clientWidth ? this.canvas.width / this.canvas.clientWidth : 1;
    if (!drawn.has(this.canvas)) drawn.set(this.canvas, []);
    drawn.get(this.canvas).push({ text, left: (left * move.a + move.e) / scale, right: (right * move.a + move.e) / scale,
      top: ((y - size.actualBoundingBoxAscent) * move.d + move.f) / scale,
      bottom: ((y + size.actualBoundingBoxDescent) * move.d + move.f) / scale });
    fillText.call(this, text, x, y, ...rest);
  };
  window.drawnTexts = drawn;
})();
"""

# Pairs of texts that overlap, texts cut off at a canvas's edge, and a page wider than the screen.
FAULTS = """
(() => {
  const faults = [];
  const across = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const pairs = (boxes, where) => {
    boxes.sort((a, b) => a.top - b.top);
    for (let i = 0; i < boxes.length; ++i) {
      for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom; ++j) {
        const [a, b] = [boxes[i], boxes[j]];
        if (a.owner && a.owner === b.owner) continue;
        if (across(a, b) > 1 && down(a, b) > 2) faults.push(`${where}: "${a.text}" and "${b.text}"`);
      }
    }
  };
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide on ${innerWidth}`);
  const boxes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim();
    const owner = walk.currentNode.parentElement;
    if (!text || owner.closest('script, style, option, #tip, .skip, .small-paper, nav') || !owner.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const clip = owner.closest('.scroller, .wide, .side')?.getBoundingClientRect();
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || (clip && (rect.right > clip.right || rect.left < clip.left || rect.bottom > clip.bottom))) continue;
      boxes.push({ text, owner, left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom });
      if (rect.right > innerWidth + 1) faults.push(`cut off at the right: "${text}"`);
    }
  }
  pairs(boxes, 'text');
  for (const [canvas, texts] of drawnTexts) {
    if (!canvas.isConnected) continue;
    const name = canvas.getAttribute('aria-label') ?? 'canvas';
    for (const one of texts) {
      if (one.left < -1 || one.right > canvas.clientWidth + 1 || one.top < -2 || one.bottom > canvas.clientHeight + 2) faults.push(`${name}: cut off: "${one.text}"`);
    }
    pairs([...texts], name);
  }
  return faults;
})()
"""


def require(true, text):
    if not true:
        raise AssertionError(text)


def make_pages(programs, folder):
    """A page about a beat with 200 more to compare, about a network alone, and about a recording of 5 s."""

    def run(program, *arguments):
        done = subprocess.run([programs / program, *map(str, arguments)], capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"{program} {' '.join(map(str, arguments))}: {done.stderr}")

    def train(name, recipe, data):
        (folder / f"{name}.toml").write_text(recipe)
        run("sectrain", "--config", folder / f"{name}.toml", "--data", data, "--out", folder / name, "--threads", 1, "--quiet")
        return folder / name

    run("secdata", "synth", folder / "db", "--minutes", 4, "--quiet", "--records", "100,101,106,119,205,208")
    beats = train("beats", BEATS, folder / "db")
    table = folder / "table"
    run("secdata", "synth", table, "--count", 20, "--minutes", 0.1, "--rate", 100, "--leads", 3, "--quiet")
    rows = [f"s{i:05},{'|'.join(['even'] * (i % 2 == 0) + ['third'] * (i % 3 == 0))},P{i},{i % 10 + 1}" for i in range(1, 21)]
    (table / "labels.csv").write_text("file,labels,patient,fold\n" + "\n".join(rows) + "\n")
    recordings = train("recordings", RECORDINGS, table)
    pages = {name: folder / f"{name}.html" for name in ("beat", "network", "recording")}
    run("secinspect", beats, folder / "db/208", "--at", "1:00", "--data", folder / "db", "--check", 200, "--threads", 1, "--out",
        pages["beat"])
    run("secinspect", beats, "--threads", 1, "--out", pages["network"])
    run("secinspect", recordings, table / "s00006", "--threads", 1, "--out", pages["recording"])
    return pages


class PageTest:
    def __init__(self, page, address, pictures):
        self.page = page
        self.address = address
        self.pictures = pictures

    def open(self, fragment="", width=1280, height=900):
        self.page.size(width, height)
        self.page.call("Page.navigate", url="about:blank")
        seconds = self.page.open(self.address + fragment, READY)
        self.page.settle()
        return seconds

    def run(self, script):
        value = self.page.run(script)
        self.page.settle()
        return value

    def quiet(self, what):
        require(not self.page.errors(), f"{what}: {self.page.errors()}")
        require(not self.page.requests(), f"{what}: the page requests {self.page.requests()}")

    def picture(self, name, **options):
        if self.pictures:
            self.page.screenshot(self.pictures / f"{name}.png", **options)

    def has(self, selector):
        return self.run(f"document.querySelector({selector!r}) !== null")

    def test_layout(self):
        """No text overlaps, nothing is cut off, at several widths, light and dark, and printed."""
        for width, scheme in [*itertools.product(WIDTHS, ("light", "dark")), (1200, "light")]:
            self.page.media(scheme)
            self.open(width=width)
            faults = self.run(FAULTS)
            require(not faults, f"{width} px, {scheme}: {faults[:8]}")
            self.quiet(f"{width} px, {scheme}")
            self.picture(f"{width}_{scheme}", whole=True)
        self.page.media("dark", "print")
        self.open(width=760)  # the width of A4 inside its margins
        faults = self.run(FAULTS)
        require(not faults, f"printed: {faults[:8]}")
        require(self.run("ink.page.join()") == "255,255,255", "a printed page is white, on a dark screen too")
        self.picture("print", whole=True)
        self.page.media("light")
        self.open()
        require(self.page.pdf().startswith(b"%PDF"), "the page cannot be printed")
        self.quiet("printed")

    def test_hover(self):
        """Pointing at a unit selects it, shows numbers, and lights its receptive field on the ECG."""
        self.open()
        before = self.run("document.querySelector('#ecg .over').toDataURL()")
        box = self.run("""(() => {
          const unit = [...document.querySelectorAll('#network .unit')].find((one) => nodes[one.dataset.node].op !== 'input' && one.querySelector('canvas'));
          unit.scrollIntoView({ block: 'center' });
          const box = unit.querySelector('canvas').getBoundingClientRect();
          return { x: box.left + box.width * 0.6, y: box.top + box.height / 2, node: +unit.dataset.node };
        })()""")
        self.page.move(box["x"], box["y"])
        self.page.settle()
        self.page.settle()
        require(self.run("state.node") == box["node"], "pointing at a unit does not select it")
        tip = self.run("document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent")
        require("sees" in tip and "ms" in tip or "window" in tip, f"no numbers beside the pointer: {tip!r}")
        require(self.run("document.querySelector('#ecg .over').toDataURL()") != before, "the receptive field is not lit on the ECG")
        name = self.run("document.querySelector('.details .name').textContent")
        require(name == self.run(f"nodes[{box['node']}].name"), f"the inspector shows {name}")
        # The light is as wide as the receptive field says: its yellow frame in pixels of the paper.
        seen = self.run("seen(nodes[state.node], positionOf(nodes[state.node]))")
        found = self.run("""(() => {
          const canvas = document.querySelector('#ecg .over');
          const row = canvas.getContext('2d').getImageData(0, Math.round((strip.head + 1.5) * canvas.width / canvas.clientWidth), canvas.width, 1).data;
          const lit = [];
          for (let x = 0; x < canvas.width; ++x) if (row[4 * x + 3] > 200) lit.push(x);
          return [lit[0], lit.at(-1)].map((x) => strip.time(x / canvas.width, 1));
        })()""")
        for expected, lit in zip(seen, found):
            require(abs(expected - lit) < 0.03, f"the light reaches from {found} s, the receptive field from {seen} s")
        self.picture("hover")
        self.quiet("hover")

    def test_keyboard(self):
        """Arrow keys walk through units and time; the address leads back to the selection."""
        self.open()
        self.run("document.querySelectorAll('#network .unit')[2].focus()")
        first = self.run("state.node")
        self.page.press("ArrowDown", 40)
        self.page.settle()
        second = self.run("state.node")
        require(first is not None and second is not None and first != second, "the arrow keys do not walk through the units")
        time = self.run("state.time")
        self.page.press("ArrowRight", 39)
        self.page.settle()
        require(self.run("state.time") != time, "the arrow keys do not walk in time")
        self.page.run("new Promise(done => setTimeout(done, 300))")
        fragment = self.run("location.hash")
        name, at = self.run("nodes[state.node].name"), self.run("state.time.toFixed(3)")
        require("node=" in fragment and f"t={at}" in fragment, f"the address is {fragment}")
        self.open(fragment)
        self.page.settle()
        require(self.run("state.node === null ? '' : nodes[state.node].name") == name, f"{fragment} does not select {name}")
        require(self.run("state.time.toFixed(3)") == at, f"{fragment} does not mark the time")
        require(self.run("document.querySelectorAll('.unit.chosen').length") == 1, "the selected unit is not marked")
        self.quiet("keyboard")

    def test_operations(self):
        """The drawing has a row for every operation, and lines for all of its inputs."""
        self.open()
        blocks = self.run("document.querySelectorAll('#network .unit').length")
        self.run("document.querySelector('#network input[type=checkbox]').click()")
        self.page.settle()
        count, all_nodes = self.run("document.querySelectorAll('#network .unit').length"), self.run("nodes.length")
        require(count == all_nodes and blocks <= count, f"{count} rows for {all_nodes} operations")
        lines, inputs = self.run("document.querySelectorAll('.edges path').length"), self.run("nodes.reduce((n, one) => n + new Set(one.inputs).size, 0)")
        require(lines == inputs, f"{lines} lines for {inputs} inputs")
        faults = self.run(FAULTS)
        require(not faults, f"every operation: {faults[:8]}")
        self.picture("operations", whole=True)
        self.quiet("every operation")

    def test_tables(self):
        """Every figure has a table of its numbers, and every canvas a description or none that matters."""
        self.open()
        nameless = self.run("[...document.querySelectorAll('canvas')].filter((one) => !(one.getAttribute('role') === 'img' && one.getAttribute('aria-label')) && one.getAttribute('aria-hidden') !== 'true').length")
        require(nameless == 0, f"{nameless} canvases have no description")
        self.run("document.querySelectorAll('details.numbers').forEach((one) => { one.open = true; })")
        self.page.run("new Promise(done => setTimeout(done, 100))")
        empty = self.run("[...document.querySelectorAll('details.numbers')].filter((one) => !one.querySelector('tbody tr td')).map((one) => one.closest('section').id)")
        require(not empty, f"empty tables in {empty}")
        without = self.run("[...document.querySelectorAll('section')].filter((one) => one.querySelector('canvas') && !one.querySelector('details.numbers, table')).map((one) => one.id)")
        require(not without, f"no table in {without}")
        broken = self.run("(document.body.innerText.match(/undefined|NaN|\\[object|Infinity/g) ?? [])")
        require(not broken, f"the page shows {broken[:3]}")
        self.quiet("tables")

    def test_choices(self):
        """Every choice of method, class, baseline and device can be made."""
        self.open()
        count = self.run("document.querySelectorAll('select').length")
        for i in range(count):
            for option in range(self.run(f"document.querySelectorAll('select')[{i}]?.options.length ?? 0")):
                self.run(f"(() => {{ const one = document.querySelectorAll('select')[{i}]; if (one) {{ one.selectedIndex = {option}; one.dispatchEvent(new Event('change')); }} }})()")
                self.quiet(f"choice {i}, option {option}")
        faults = self.run(FAULTS)
        require(not faults, f"after all choices: {faults[:8]}")

    def test_what_if(self):
        """Sliders change the logits, and the way back restores them."""
        self.open()
        if not self.has("#whatif input[type=range]"):
            return
        logits = "document.querySelector('#whatif .results').dataset.logits.split(' ').map(Number)"
        start = self.run(logits)
        require(start == self.run("data.result.logits"), "the sliders do not start at the program's logits")
        sliders = self.run("[...document.querySelectorAll('#whatif input[type=range]')].map((one) => one.getAttribute('aria-label'))")
        for i, name in enumerate(sliders):
            self.run(f"(() => {{ const one = document.querySelectorAll('#whatif input[type=range]')[{i}]; one.value = one.max; one.dispatchEvent(new Event('input')); }})()")
            self.page.settle()
            moved = self.run(logits)
            unused = "Gain" in name or "Shift" in name  # a lead that no channel shows changes nothing
            require(unused or max(abs(a - b) for a, b in zip(start, moved)) > 1e-3, f"the slider \"{name}\" changes no logit")
            chances = self.run("[...document.querySelectorAll('#whatif .probability output')].map((one) => one.textContent)")
            require(all(chances), f"no probabilities beside the slider \"{name}\"")
            self.run("document.querySelector('#whatif .reset').click()")
            self.page.settle()
            back = self.run(logits)
            require(max(abs(a - b) for a, b in zip(start, back)) < 0.05, f"the way back from \"{name}\" leads to {back}, not to {start}")
        lost = self.run("document.querySelectorAll('#whatif input[type=checkbox]').length")
        for i in range(lost):
            self.run(f"document.querySelectorAll('#whatif input[type=checkbox]')[{i}].click()")
        self.page.settle()
        require(max(abs(a - b) for a, b in zip(start, self.run(logits))) > 1e-3, "removing all leads changes no logit")
        self.picture("what_if")
        self.quiet("what if")

    def test_epochs(self):
        """The slider over the epochs shows each kept epoch's own decision, filters, gates and attribution."""
        self.open()
        if not self.has("#epochs input[type=range]"):
            return
        list = self.run("data.epochs.list.map((one) => [one.epoch, one.logits, one.probabilities])")
        require([one[0] for one in list] == [1, 2, 3], f"the page has the epochs {[one[0] for one in list]}")
        state = """(() => { const host = document.querySelector('#epochs');
          return { ...host.querySelector('.results').dataset, label: host.querySelector('.slider output').textContent,
            chances: [...host.querySelectorAll('.probability output')].map((one) => one.textContent),
            bars: [...host.querySelectorAll('.bars b')].map((one) => one.textContent).join(' '),
            filters: [...host.querySelectorAll('.filters canvas')].map((one) => one.toDataURL()).join(' '),
            gates: [...host.querySelectorAll('.gate canvas')].map((one) => one.toDataURL()).join(' ') }; })()"""
        self.run("document.querySelector('#epochs').scrollIntoView()")
        chosen = self.run("data.epochs.chosen")
        own = self.run(state)
        require(own["epoch"] == str(chosen), f"the slider begins at epoch {own['epoch']}, the page has the weights of {chosen}")
        # The nodes' own pass and the plain forward pass add in another order.
        off = max(abs(a - b) for a, b in zip(map(float, own["logits"].split()), self.run("data.result.logits")))
        require(off < 1e-4, f"the chosen epoch's logits differ from the page's by {off}")
        seen = []
        for i, (epoch, logits, probabilities) in enumerate(list):
            self.run(f"(() => {{ const one = document.querySelector('#epochs input[type=range]'); one.value = {i}; one.dispatchEvent(new Event('input')); }})()")
            self.page.settle()
            now = self.run(state)
            require(now["epoch"] == str(epoch) and now["label"].startswith(str(epoch)), f"the slider shows {now['label']} for epoch {epoch}")
            require(list[i][1] == [float(x) for x in now["logits"].split()], f"epoch {epoch}: other logits than the data's")
            require(now["chances"] == self.run(f"data.epochs.list[{i}].probabilities.map(chanceText)"), f"epoch {epoch}: other probabilities")
            seen.append(now)
        for part in ("bars", "filters", "gates"):
            require(len({one[part] for one in seen}) == 3 and all(one[part] for one in seen), f"{part} do not change with the epoch")
        self.run("document.querySelector('#epochs input[type=range]').focus()")
        self.page.press("ArrowLeft", 37)
        self.page.settle()
        require(self.run("document.querySelector('#epochs .results').dataset.epoch") == "2", "the arrow keys do not move the slider")
        self.picture("epochs")
        self.quiet("epochs")

    def test_kernels(self):
        """On cuda the page shows the committed forecast, says for which shape, and calls it a forecast."""
        self.open()
        self.run("(() => { const one = document.querySelector('#kernels select'); one.value = 'cuda'; one.dispatchEvent(new Event('change')); })()")
        note = self.run("document.querySelector('#forecast').textContent")
        require("not measured" in note and "64 recordings with 8 leads and 5000 samples" in note and "H200" in note, f"the forecast says {note!r}")
        table = pathlib.Path(__file__).resolve().parents[2] / "bench/results/forecast.tsv"
        rows = [line.split("\t") for line in table.read_text().splitlines() if line.startswith("H200\ttf32\t")]
        expected = {row[2]: (int(row[3]), float(row[7])) for row in rows}
        shown = self.run("Object.values(data.forecast.operations).flat().map((one) => [one.name, one.launches, one.ms])")
        require(len(shown) > 5 and any(name.startswith("conv_tensor") for name, _, _ in shown), f"the forecast has only {shown}")
        for name, launches, ms in shown:
            require(expected.get(name) == (launches, ms), f"{name}: {launches} launches, {ms} ms; the table has {expected.get(name)}")
        texts = self.run("[...document.querySelectorAll('#forecast + .wide tbody tr')].map((one) => one.firstChild.textContent)")
        require(sorted(texts) == sorted(one[0] for one in shown), f"the page lists {texts}")
        self.quiet("kernels")

    def test_forward_pass(self):
        """The page's own input rows and forward pass are those of the program."""
        self.open()
        if not self.has("#own-pass"):
            return
        off = self.run("""(() => {
          const { beat } = data.what_if;
          const own = inputRows(beat, values(beat.windows), beat.rhythm);
          return furthest(Array.from(values(data.input.values), (value, i) => value - own[i]));
        })()""")
        require(off < 1e-5, f"the page's input differs from the program's by {off}")  # both round once to f32
        # Rounding a weight to f16 changes it by at most 2^-11 of its size. The changes of one path through the network add up;
        # a score is a sum over many paths, whose changes have either sign. 1 % of the scores' range is 20 such steps.
        spread = self.run("Math.max(...data.result.logits) - Math.min(...data.result.logits)")
        for _ in range(100):
            if self.run("document.getElementById('own-pass').dataset.own !== undefined"):
                break
            self.page.run("new Promise(done => setTimeout(done, 100))")
        own = float(self.run("document.getElementById('own-pass').dataset.own"))
        require(own < 0.01 * max(spread, 1), f"the page's logits differ by {own}")
        if not self.has("#own-pass button"):
            return
        self.page.run("document.querySelector('#own-pass button').click()", seconds=300)
        note = self.run("({ ...document.getElementById('own-pass').dataset })")
        print(f"page_test: own forward pass on {note['count']} beats: largest difference of a logit {float(note['largest']):.5f}")
        spread = self.run("(() => { const [low, high] = extent(values(data.what_if.check.logits)); return high - low; })()")
        require(spread > 1, f"the network has learned too little to compare anything: its logits span {spread}")
        require(float(note["largest"]) < 0.01 * spread, f"the page's logits differ by {note['largest']} on {note['count']} beats")
        self.quiet("forward pass")

    def all(self, names=None):
        for name in names or [name[5:] for name in dir(self) if name.startswith("test_")]:
            getattr(self, "test_" + name)()
            print(f"page_test: {name} passed", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--only")
    options = parser.parse_args()
    program = browser.find()
    if program is None:
        print("page_test: skipped, there is no Chromium here (tools/setup browser)")
        sys.exit(SKIPPED)
    with browser.Browser(program) as page, tempfile.TemporaryDirectory() as folder:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH_CANVAS)
        pages = {"beat": options.page} if options.page else make_pages(options.bin, pathlib.Path(folder))
        only = options.only and [options.only]
        for name, path in pages.items():
            pictures = options.screenshots and options.screenshots / name
            if pictures:
                pictures.mkdir(parents=True, exist_ok=True)
            print(f"page_test: {name}, {path.stat().st_size / 1e6:.1f} MB", flush=True)
            test = PageTest(page, path.resolve().as_uri(), pictures)
            test.all(only or (None if name == "beat" else ["layout", "tables", "operations"] + ["choices"] * (name == "recording")))


if __name__ == "__main__":
    main()
