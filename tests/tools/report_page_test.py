#!/usr/bin/env python3
"""The reports of sectrain and secinfer in a real browser.

  report_page_test.py --bin BUILD/bin             makes reports with the programs there, from synthetic recordings
  report_page_test.py --page FILE                 tests a report that is there
  --screenshots FOLDER                            also keeps pictures of what was tested

Without a browser the test says so in one line and exits with 77, which CTest counts as skipped.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import browser

SKIPPED = 77

BEATS = """
title = "beats"
classes = ["N", "S", "V", "F"]
[data]
train = ["101", "106", "119", "208"]
validation = ["205"]
test = ["100", "202"]
leads = ["MLII", "other"]
[network]
width = 4
[sampler]
kind = "weighted"
epoch_samples = 128
[train]
epochs = EPOCHS
batch = 32
rate = 3e-3
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
epochs = 2
batch = 8
"""

# What is wrong with the layout, in words: texts that overlap or are cut off, labels over curves, boxes that hide a part of
# what they hold, strips whose drawing is not as wide as their place.
FAULTS = """
(() => {
  const faults = [];
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) faults.push(`the page is ${page.scrollWidth} wide on ${innerWidth}`);
  const printed = matchMedia('print').matches;
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  // Boxes may scroll on a screen, where they say so; nothing scrolls on paper.
  const scrolls = '.wide, .scroll, .paper, pre, .leak ul';
  for (const one of document.querySelectorAll('body *')) {
    const style = getComputedStyle(one);
    if (one instanceof SVGElement || !shown(one) || style.display === 'inline') continue;
    const hidden = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
    if (!hidden || (!printed && one.matches(scrolls))) continue;
    if (one.scrollWidth > one.clientWidth + 1 || style.overflowY !== 'visible') faults.push(`<${one.localName} class="${one.className}"> hides a part of its content: "${one.textContent.trim().slice(0, 40)}"`);
  }
  const boxes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim().slice(0, 60);
    const owner = walk.currentNode.parentElement;
    if (!text || owner.closest('script, style, title') || !shown(owner)) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const clips = [];
    for (let one = printed ? null : owner.closest(scrolls); one; one = one.parentElement.closest(scrolls)) clips.push(one.getBoundingClientRect());
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || clips.some((clip) => rect.right > clip.right || rect.left < clip.left || rect.bottom > clip.bottom || rect.top < clip.top)) continue;
      boxes.push({ text, owner, left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom });
      if (rect.right > innerWidth + 1 || rect.left < -1) faults.push(`cut off: "${text}"`);
    }
  }
  boxes.sort((a, b) => a.top - b.top);
  for (let i = 0; i < boxes.length; ++i) {
    for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom; ++j) {
      const [a, b] = [boxes[i], boxes[j]];
      if (a.owner === b.owner) continue;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2) faults.push(`"${a.text}" over "${b.text}"`);
    }
  }
  // The points of a path of absolute and relative moves, in its own units.
  const points = (d) => {
    const found = [];
    let x = 0, y = 0, kind = 'M', first = true;
    const numbers = [];
    for (const [token] of d.matchAll(/[MLl]|-?[0-9.]+/g)) {
      if (/[MLl]/.test(token)) { kind = token; continue; }
      numbers.push(+token);
      if (numbers.length < 2) continue;
      const [dx, dy] = numbers.splice(0, 2);
      const [from, to] = [[x, y], kind === 'l' ? [x + dx, y + dy] : [dx, dy]];
      for (let part = kind === 'M' ? 1 : 0.1; part <= 1.001; part += 0.1) found.push([from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])]);
      [x, y] = to;
      if (kind === 'M') kind = 'L';
    }
    return found;
  };
  const crosses = (path, scale, box) => points(path.getAttribute('d')).some(([x, y]) => x * scale > box.x && x * scale < box.x + box.width && y * scale > box.y && y * scale < box.y + box.height);
  for (const strip of document.querySelectorAll('svg.strip')) {
    const [, , width, height] = strip.getAttribute('viewBox').split(' ').map(Number);
    const box = strip.getBoundingClientRect();
    if (Math.abs(box.width / box.height - width / height) > 0.02 * width / height) faults.push(`a strip of ${width} x ${height} mm is drawn as ${box.width} x ${box.height} px`);
    for (const name of strip.querySelectorAll('text.lead')) {
      for (const trace of strip.querySelectorAll('path.trace')) {
        // Of the text's box the upper and lower margins are empty.
        const text = name.getBBox();
        const ink = { x: text.x, width: text.width, y: text.y + 0.2 * text.height, height: 0.6 * text.height };
        if (crosses(trace, 0.01, ink)) faults.push(`the lead's name "${name.textContent}" is over its curve`);
      }
    }
    for (const name of strip.querySelectorAll('text')) {
      const text = name.getBBox();
      if (text.x < -0.2 || text.x + text.width > width) faults.push(`"${name.textContent}" is cut at the strip's edge`);
    }
  }
  for (const chart of document.querySelectorAll('.chart svg')) {
    for (const name of chart.querySelectorAll('text:not([transform])')) {
      for (const curve of chart.querySelectorAll('path.curve')) {
        if (crosses(curve, 1, name.getBBox())) faults.push(`"${name.textContent}" is over a curve of "${chart.getAttribute('aria-label') ?? 'a chart'}"`);
      }
    }
  }
  const words = document.body.innerText.match(/(^|[^0-9.,])1 (epoch|step|beat|record|recording|patient|run|pause|interval)s\\b|undefined|NaN|Infinity/g);
  if (words) faults.push(`the page says "${words.join('", "')}"`);
  return faults;
})()
"""


def require(true, text):
    if not true:
        raise AssertionError(text)


def make_pages(programs, folder):
    """Reports of a run of several epochs, of one epoch, of whole recordings, and of a long recording."""

    def run(program, *arguments):
        done = subprocess.run([programs / program, *map(str, arguments)], capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"{program} {' '.join(map(str, arguments))}: {done.stderr}")

    def train(name, recipe, data):
        (folder / f"{name}.toml").write_text(recipe)
        run("sectrain", "--config", folder / f"{name}.toml", "--data", data, "--out", folder / name, "--threads", 1, "--quiet")
        return folder / name / "report.html"

    data = folder / "db"
    run("secdata", "synth", data, "--minutes", 2, "--quiet", "--records", "100,101,106,119,202,205,208")
    pages = {"beats": train("beats", BEATS.replace("EPOCHS", "6"), data)}
    pages["one_epoch"] = train("one_epoch", BEATS.replace("EPOCHS", "1"), data)
    table = folder / "table"
    run("secdata", "synth", table, "--count", 20, "--minutes", 0.1, "--rate", 100, "--leads", 3, "--quiet")
    rows = [f"s{i:05},{'|'.join(['even'] * (i % 2 == 0) + ['third'] * (i % 3 == 0))},P{i},{i % 10 + 1}" for i in range(1, 21)]
    (table / "labels.csv").write_text("file,labels,patient,fold\n" + "\n".join(rows) + "\n")
    pages["recordings"] = train("recordings", RECORDINGS, table)
    long = folder / "long"
    run("secdata", "synth", long, "--minutes", 62, "--quiet", "--records", "208")
    header = (long / "208.hea").read_text().split("\n", 1)
    (long / "208.hea").write_text(header[0] + " 23:10:00 01/02/2003\n" + header[1])
    pages["holter"] = folder / "holter.html"
    run("secinfer", "--model", folder / "beats", "--quiet", "--threads", 1, "--report", pages["holter"], long / "208")
    return pages


def pages_of(pdf):
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_page(page, name, path, pictures):
    def quiet(what):
        require(not page.errors(), f"{name}, {what}: {page.errors()}")
        require(not page.requests(), f"{name}, {what}: the page requests {page.requests()}")

    def check(width, scheme, medium, what):
        page.media(scheme, medium)
        page.size(width, 900)
        page.open(path.resolve().as_uri())
        page.settle()
        if pictures:
            page.screenshot(pictures / f"{name}_{what}.png", whole=True)
        faults = page.run(FAULTS)
        require(not faults, f"{name}, {what}: {len(faults)} faults: {faults[:8]}")
        quiet(what)

    for width in (900,) if name == "one_epoch" else (400, 900, 1600):  # otherwise the page of several epochs
        check(width, "light", "", f"{width}")
    if name in ("holter", "page"):  # all pages have the same colours
        check(1200, "dark", "", "dark")
    check(688, "dark", "print", "print")  # 688 px are the width of A4 inside its margins
    require(page.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)",
            f"{name}: a printed page is white, on a dark screen too")
    page.media("light")
    pdf = page.pdf()
    require(pdf.startswith(b"%PDF"), f"{name}: the page cannot be printed")
    quiet("printed")
    return pages_of(pdf)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    options = parser.parse_args()
    program = browser.find()
    if program is None:
        print("report_page_test: skipped, there is no Chromium here (tools/setup browser)")
        sys.exit(SKIPPED)
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    with browser.Browser(program) as page, tempfile.TemporaryDirectory() as folder:
        pages = {"page": options.page} if options.page else make_pages(options.bin, pathlib.Path(folder))
        for name, path in pages.items():
            count = test_page(page, name, path, options.screenshots)
            print(f"report_page_test: {name} passed, {path.stat().st_size / 1e6:.1f} MB, {count} pages printed", flush=True)


if __name__ == "__main__":
    main()
