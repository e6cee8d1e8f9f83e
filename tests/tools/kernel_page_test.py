#!/usr/bin/env python3
"""Tests the page of kernel_lab in headless Chromium. Exits with 77 if there is none.

Usage: kernel_page_test.py KERNEL_LAB PLANTED_CONFLICT
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import browser

LAB, PLANTED = "", ""

# Pairs of texts that overlap. Scrolled code and the bar that stays at the top are left out: both clip or cover.
OVERLAPS = """(() => {
  const boxes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest('script, style, .code, .wide, option, #tip, .skip')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 1 && box.height > 1) boxes.push({ parent, box, text: node.textContent.trim() });
  }
  const found = [];
  for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
    const a = boxes[i], b = boxes[j];
    if (a.parent === b.parent) continue;
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    if (wide > 2 && high > 4) found.push(a.text + ' | ' + b.text);
  }
  return found.slice(0, 5);
})()"""

LINE = "+document.querySelector('.code .current').value"
READY = "document.documentElement.dataset.ready === 'yes'"


class KernelPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        path = pathlib.Path(cls.folder.name)
        cls.pages = {}
        for name in ("direct", "tiled", "blocked", "tensor"):
            cls.pages[name] = path / (name + ".html")
            subprocess.run([LAB, "--version", name, "--shape", "1x64x2x16x32", "--trace", cls.pages[name]], check=True,
                           stdout=subprocess.DEVNULL)
        cls.pages["wgrad"] = path / "wgrad.html"
        subprocess.run([LAB, "--version", "tensor", "--pass", "wgrad", "--type", "bf16", "--shape", "1x24x1x16x16", "--trace",
                        cls.pages["wgrad"]], check=True, stdout=subprocess.DEVNULL)
        for pitch in (2, 33):
            cls.pages[pitch] = path / f"{pitch}.html"
            subprocess.run([PLANTED, str(pitch), path / "data.json", cls.pages[pitch]], check=True)
        cls.browser = browser.Browser(browser.find(), 1600, 1000)
        cls.addClassCleanup(cls.browser.__exit__)

    def open(self, name, address="", width=1600, scheme="light"):
        self.browser.size(width, 1000)
        self.browser.media(scheme)
        self.browser.open(f"file://{self.pages[name]}?{width}{scheme}{address}", READY)
        self.browser.settle()

    def run_script(self, script):
        return self.browser.run(script)

    def test_pages_have_no_error_and_no_overlapping_text(self):
        for name in self.pages:
            for width in (400, 900, 1600):
                for scheme in ("light", "dark") if width == 900 else ("light",):
                    with self.subTest(page=name, width=width, scheme=scheme):
                        self.open(name, width=width, scheme=scheme)
                        self.assertEqual(self.run_script(OVERLAPS), [])
                        self.run_script("moveTo(Math.floor(walk.length / 2))")
                        self.browser.settle()
                        self.assertEqual(self.run_script(OVERLAPS), [])
                        self.assertLessEqual(self.run_script("document.documentElement.scrollWidth"), width)
                        self.assertEqual(self.browser.errors(), [])
                        self.assertEqual(self.browser.requests(), [])

    def test_the_slider_moves_the_current_line(self):
        for name in ("direct", "tiled", "blocked", "tensor"):
            self.open(name)
            lines = set()
            for position in range(0, self.run_script("walk.length"), 5):
                line = self.run_script(f"(() => {{ const s = document.getElementById('time'); s.value = {position};"
                                       f"s.dispatchEvent(new Event('input')); return {LINE}; }})()")
                # The line is the one that the data names, and it can be seen in its box.
                self.assertEqual(line, self.run_script("places[current().place].main.line"))
                lines.add(line)
            self.assertGreater(len(lines), 2 if name == "direct" else 4)
            self.assertTrue(self.run_script("""(() => { const l = document.querySelector('.code .current').getBoundingClientRect(),
                b = document.querySelector('.code').getBoundingClientRect(); return l.top >= b.top && l.bottom <= b.bottom; })()"""))

    def test_keys_and_address(self):
        self.open("tiled", "#step=0&thread=5&warp=all")
        self.assertEqual(self.run_script("[state.step, state.thread, state.warp]"), [0, 5, -1])
        for _ in range(3):
            self.browser.press("ArrowRight", 39)
        self.assertEqual(self.run_script("state.step"), 3)
        self.browser.press("b", 66)
        self.assertTrue(self.run_script("current().kind === KIND.barrier"))
        self.assertIn("barrier", self.run_script("document.querySelector('#now .plain').textContent"))
        self.browser.press("w", 87)
        self.assertEqual(self.run_script("state.thread"), 37)
        self.assertEqual(self.run_script("location.hash"), f"#step={self.run_script('state.step')}&thread=37&warp=all")
        self.browser.press("Home", 36)
        self.assertEqual(self.run_script("state.step"), 0)

    def test_a_planted_conflict_is_marked(self):
        shared = "show({step: events.find(e => e.kind === KIND.shared_load).index}), +document.getElementById('shared').dataset.conflicts"
        self.open(2)
        self.assertEqual(self.run_script(shared), 32)  # every word has a rival in its bank
        self.assertIn("2 passes instead of 1", self.run_script("document.querySelector('.zoom').textContent"))
        self.assertIn("2 passes instead of 1", self.run_script("document.querySelector('#now').textContent"))
        self.open(33)
        self.assertEqual(self.run_script(shared), 0)
        self.assertNotIn("instead", self.run_script("document.querySelector('.zoom').textContent"))

    def test_shared_memory_follows_the_slider_back_and_forth(self):
        self.open("tiled")
        content = "JSON.stringify(Object.values(memory.words).map(w => [...w]))"
        self.run_script("show({warp: -1}), moveTo(40)")
        before = self.run_script(content)
        self.run_script("moveTo(walk.length - 1)")
        self.assertNotEqual(self.run_script(content), before)
        self.run_script("moveTo(40)")
        self.assertEqual(self.run_script(content), before)

    def test_counts_of_a_thread(self):
        self.open("direct", "#thread=40")
        # Thread 40 computes step 0, lead 1: the tap before the first step is outside.
        counts = self.run_script("countThread(40)")
        self.assertEqual(counts["loads"]["accesses"], 2 * 2 * 16 + 1)
        self.assertEqual(counts["stores"]["accesses"], 1)
        row = self.run_script("[...document.querySelectorAll('#counts tbody tr')][0].textContent")
        self.assertTrue(row.startswith("loads from global memory65"), row)

    def test_fragments_name_elements_of_the_result(self):
        self.open("tensor")
        self.run_script("show({step: events.filter(e => e.kind === KIND.product && e.warp === 0)[9].index})")
        self.browser.settle()
        text = self.run_script("document.querySelector('.lane-registers').textContent")
        self.assertRegex(text, r"a0.*b0w\[\d+, \d+, \d+\].*d0y\[0, \d+, \d, \d+\] so far")
        # By the formula of the convolution, the sum after the last product is the element of y.
        difference = self.run_script("""(() => {
          const y = arrays.find(a => a.name === 'y'), last = new Map();
          for (const e of events) if (e.kind === KIND.product) for (let row = 0; row < 16; row++) for (let column = 0; column < 8; column++) {
            const name = sumElement(e, row, column, false, 8), at = holderD(row, column);
            if (name) last.set(name, e.d[at.lane * 4 + at.register]);
          }
          let most = 0;
          for (const [name, sum] of last) { const [n, t, h, o] = name.slice(2, -1).split(', ').map(Number), s = y.shape; most = Math.max(most, Math.abs(y.values[((n * s[1] + t) * s[2] + h) * s[3] + o] - sum)); }
          return [last.size, most]; })()""")
        self.assertEqual(difference[0], 128 * 32)
        self.assertLess(difference[1], 1e-3)  # sums are written with four digits, and are below 10

    def test_tables_open(self):
        self.open("tensor", "#step=600")  # after the first product
        self.run_script("seek(1, e => e.kind === KIND.shared_load), document.querySelectorAll('details').forEach(d => { d.open = true; })")
        self.browser.settle()
        rows = self.run_script("[...document.querySelectorAll('details')].map(d => d.querySelectorAll('tbody tr').length)")
        self.assertEqual(len(rows), 3)
        self.assertTrue(all(count > 0 for count in rows), rows)
        self.assertEqual(self.browser.errors(), [])


if __name__ == "__main__":
    PLANTED = sys.argv.pop()
    LAB = sys.argv.pop()
    if browser.find() is None:
        print("kernel_page: SKIPPED: there is no Chromium (tools/setup browser installs it)")
        sys.exit(77)
    unittest.main()
