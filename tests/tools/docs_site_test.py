#!/usr/bin/env python3
"""Builds the documentation's site and checks it.

  docs_site_test.py --bin BUILD/bin               builds a site with the programs there, and checks it
  docs_site_test.py --bin BUILD/bin --site DIR    checks a site that is there
  --screenshots FOLDER                            also keeps pictures of some pages

The build fails at any warning. Then: every link leads to a file and every anchor exists; no page loads anything from
elsewhere; the site's own search, opened as files in headless Chromium, finds every recipe key and every option of every
program; pages fit windows of 400, 900 and 1600 pixels, in the light and in the dark theme, without an error.
Without a browser the search's index is read instead. Without Sphinx or doxygen the exit status is 77: skipped.
"""
import argparse
import html.parser
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import zlib

import browser

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = 77
NO_PROGRAMS = re.compile(r"test_|simt_bugs|kill_at|planted_conflict|capi_example")  # of the tests
SAMPLES = ("index.html", "heartbeat-to-gradient.html", "kernels/convolution.html", "options.html", "recipe-keys.html",
           "api/kernels.html", "code/kernels/cuda/conv_direct.cu.html", "search.html?q=train.epochs")
PRINTED = SAMPLES[:3]
LOOKS = ((400, "light"), (900, "dark"), (1600, "light"))
EVERY_LOOK = tuple((width, scheme) for width in (400, 900, 1600) for scheme in ("light", "dark"))
LOADS = {("script", "src"), ("img", "src"), ("img", "srcset"), ("iframe", "src"), ("source", "src"), ("source", "srcset"),
         ("video", "src"), ("audio", "src"), ("object", "data"), ("embed", "src"), ("link", "href"), ("form", "action")}
NO_LOADS = {"canonical", "index", "search", "next", "prev", "author", "help"}  # kinds of <link> that load nothing

failures = []


def check(right, what):
    if not right:
        failures.append(what)


class Page(html.parser.HTMLParser):
    """Anchors, links and what is loaded, of one page."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loads = set(), [], []
        self.in_style = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        for name in ("id", "name"):
            if values.get(name) and (name == "id" or tag == "a"):
                self.anchors.add(values[name])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        for name, value in attributes:
            if (tag, name) in LOADS and value:
                if tag != "link" or not set((values.get("rel") or "").split()) & NO_LOADS:
                    self.loads.append(value)
            if name == "style" and value:
                self.loads += in_css(value)
        self.in_style = tag == "style"

    def handle_data(self, data):
        if self.in_style:
            self.loads += in_css(data)


def in_css(text):
    found = re.findall(r"url\(\s*['\"]?([^'\")]*)|@import\s+['\"]([^'\"]*)", text)
    return [one for pair in found for one in pair if one]


def elsewhere(address):
    """Whether an address is outside of the site's folder, wherever that is."""
    return bool(re.match(r"(?!data:)[a-z][a-z0-9+.-]*:|/", address, re.I))


def check_links(site):
    """Links and anchors inside of the site, and what its pages and style sheets load. Returns the number of links."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    count = 0
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for address in page.loads:
            check(not elsewhere(address), f"{name} loads {address}")
        for address in page.links + page.loads:
            if elsewhere(address) or address.startswith("data:"):
                continue
            count += 1
            target, _, anchor = address.partition("#")
            to = (path.parent / urllib.parse.unquote(target.partition("?")[0])).resolve() if target else path
            check(to.is_file(), f"{name}: the link {address} leads nowhere")
            if anchor and to in pages:
                check(urllib.parse.unquote(anchor) in pages[to].anchors, f"{name}: the link {address} has no anchor")
    for path in site.rglob("*.css"):
        for address in in_css(path.read_text(encoding="utf-8")):
            inside = address.startswith("data:") or not elsewhere(address) and (path.parent / address).is_file()
            check(inside, f"{path.relative_to(site)} loads {address}")
    return count


def test_link_checker():
    """The checks above find what they look for."""
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder)
        (site / "a.html").write_text('<h1 id="one">A</h1><a href="b.html#two">b</a><a href="b.html#three">b</a>'
                                     '<a href="c.html">c</a><a href="https://example.org">outside</a>')
        (site / "b.html").write_text('<p id="two"></p><script src="https://example.org/x.js"></script>'
                                     '<link rel="stylesheet" href="//example.org/x.css"><img src="none.png">')
        (site / "s.css").write_text("@import 'https://example.org/y.css'; @import url(/z.css); "
                                  "p { background: url(data:image/png;base64,) }")
        check_links(site)
    found = list(failures)
    failures.clear()
    wanted = ["a.html: the link b.html#three has no anchor", "a.html: the link c.html leads nowhere",
              "b.html: the link none.png leads nowhere", "b.html loads https://example.org/x.js",
              "b.html loads //example.org/x.css", "s.css loads https://example.org/y.css", "s.css loads /z.css"]
    check(sorted(found) == sorted(wanted), f"the checks of links find {found}")


def help_of(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)
    check(result.returncode == 0, f"{' '.join(map(str, command))} fails")
    return result.stdout


def words_to_find(bin_folder):
    """Recipe keys, and options of programs, as the programs print them."""
    keys = [line.split()[0] for line in help_of(bin_folder / "sectrain", "--keys").splitlines() if line.strip()]
    options = {}
    programs = [path for path in sorted(bin_folder.iterdir()) if path.is_file() and not NO_PROGRAMS.match(path.name)
                and path.stat().st_mode & 0o100]
    scripts = [path for folder in ("tools", "bench") for path in sorted((ROOT / folder).iterdir())
               if path.is_file() and path.stat().st_mode & 0o100]
    for path in programs + scripts + [ROOT / ".ci/check_docs"]:
        texts = [help_of(path, "--help")]
        listed = re.search(r"^Subcommands:\n((?: .*\n)+)", texts[0], re.M)
        for line in listed[1].splitlines() if listed else ():
            texts.append(help_of(path, line.split()[0], "--help"))
        # Other ways to call it, as in its examples: `secinspect --kernel conv` has options of its own.
        for words in re.findall(rf"^  {path.name} (--[a-z]+ \S+|[a-z]+) ", texts[0], re.M):
            first = words.split()[0]
            if not re.search(rf"^  (?:-\w,)?{first}\b", texts[0], re.M):
                texts.append(help_of(path, *words.split(), "--help"))
        for text in texts:
            for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*", text):
                options.setdefault(option.rstrip("-"), [path.name, False])
            for option in re.findall(r"^ {1,4}(?:-\w(?: [A-Z]+)?, ?)?(--[a-z][a-z0-9-]*)", text, re.M):
                options[option][1] = True  # the line defines it
    check(len(keys) > 90, f"sectrain --keys has {len(keys)} lines")
    known = {"--set", "--find-beats", "--at", "--annotator", "--sass", "--overwrite", "--budget", "--check", "--seed"}
    check(all(options.get(one, (0, False))[1] for one in known), f"the options are {options}")
    return keys, options


SEARCH = """(queries => {
  window.setTimeout = () => 0;  // the page shows results one by one; only the list is wanted
  Search.output = document.createElement('ul');
  return queries.map(query => {
    const found = [];
    Scorer.score = item => { found.push(item); return item[4]; };
    Search.query(query);
    found.sort((a, b) => b[4] - a[4]);
    return found.map(item => [item[5] || item[0], item[2], item[4]]);
  });
})"""


def check_search(page, site, keys, options):
    """Searches for every key and option in the site's own search page."""
    page.open((site / "search.html").as_uri() + "?q=nothing", ready="typeof Search === 'object' && Search.hasIndex()")
    queries = [*keys, *options]
    results = dict(zip(queries, page.run(f"{SEARCH}({browser.json.dumps(queries)})", seconds=300)))
    for key in keys:
        found = results[key]
        first = [one[:2] for one in found[:4]]  # a heading may have the same name
        check(any(page.startswith("recipe-keys") and anchor == f"#recipekey-{key}" for page, anchor in first),
              f"a search for the key {key} finds {found[:3]}")
    for option, (program, defined) in options.items():
        found = [one for one in results[option] if one[0].startswith("options")]
        check(bool(found), f"a search for {option} of {program} does not find the page of options")
        if defined:
            anchor = "-h" if option == "--help" else option[1:]  # the anchor has the first name of an option
            check(any(one[1].endswith(anchor) for one in found), f"a search for {option} of {program} finds no entry: {found}")
    nothing = page.run(f"{SEARCH}(['xyzzyplugh'])")
    check(nothing == [[]], f"a search for a word that does not exist finds {nothing}")


def check_index(site, keys, options):
    """Without a browser: the inventory of the search's objects holds every key and option."""
    data = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    entries = [line.split() for line in zlib.decompress(data).decode().splitlines()]
    names = {(entry[1], entry[0]) for entry in entries}
    found = {entry[0].rpartition(".")[2] for entry in entries if entry[1] == "std:cmdoption"}
    for key in keys:
        check(("std:recipekey", key) in names, f"the index has no key {key}")
    for option, (program, defined) in options.items():
        check(not defined or option in found, f"the index has no option {option} of {program}")


def check_pages(page, site, screenshots):
    """Some pages at several widths, light, dark and printed; and a search as a reader does it."""
    for sample in SAMPLES:
        name, _, query = sample.partition("?")
        address = (site / name).as_uri() + (f"?{query}" if query else "")
        for width, scheme in EVERY_LOOK if screenshots else LOOKS:
            page.size(width, 900)
            page.media(scheme)
            page.open(address)
            page.settle()
            what = f"{sample} at {width} px, {scheme}"
            check(not page.errors(), f"{what}: {page.errors()}")
            wide = page.run("document.documentElement.scrollWidth")
            check(wide <= width, f"{what}: the page is {wide} pixels wide")
            if screenshots:
                page.screenshot(screenshots / f"{name.replace('/', '-')}-{width}-{scheme}.png")
        requests = {event["params"]["request"]["url"] for event in page.events
                    if event["method"] == "Network.requestWillBeSent"}
        outside = [url for url in requests if not url.startswith((site.as_uri(), "data:"))]
        check(bool(requests) and not outside, f"{sample} requests {outside}")
        if sample in PRINTED:
            pdf = page.pdf()
            check(len(pdf) > 5000, f"{sample}: the printed page is empty")
            page.media(medium="print")
            shown = page.run("[...document.querySelectorAll('.bar, .site, .page-contents, .neighbours')]"
                             ".filter(one => getComputedStyle(one).display !== 'none').length")
            check(shown == 0, f"{sample}: what leads through the site is printed")
            if screenshots:
                (screenshots / f"{name.replace('/', '-')}.pdf").write_bytes(pdf)
            page.media()
    page.size(1000, 900)
    page.open((site / "index.html").as_uri(), ready="Boolean(document.querySelector('input[name=q]'))")
    page.run("""(() => { const field = document.querySelector('input[name=q]');
                field.value = 'train.epochs'; field.form.submit(); })()""")
    wait_for(page, "location.pathname.endsWith('search.html') && document.querySelector('#search-results li a')")
    page.run("document.querySelector('#search-results li a').click()")
    wait_for(page, "location.pathname.endsWith('recipe-keys.html') && document.querySelector(':target')")
    text = page.run("(document.querySelector(':target') || {}).textContent || 'nothing'")
    check("train.epochs" in text, f"the first result of a search leads to {text}")


def wait_for(page, condition):
    for _ in range(500):
        try:
            if page.run(f"Boolean({condition})"):
                return
        except RuntimeError:
            pass  # the page is changing
        browser.time.sleep(0.02)
    check(False, f"within ten seconds not: {condition}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--site", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    if not arguments.site and not (shutil.which("sphinx-build") and shutil.which("doxygen")):
        print("docs_site_test: SKIPPED: there is no Sphinx or no doxygen; tools/setup docs installs them")
        return SKIPPED
    test_link_checker()
    site = (arguments.site or ROOT / "build/site").resolve()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    if not arguments.site:
        command = [ROOT / "tools/docs_site", "--bin", arguments.bin, "--out", site]
        if subprocess.run(command, check=False).returncode:
            return 1
        command = [ROOT / "tools/docs_site", "--bin", arguments.bin, "--tables", "--check"]
        check(subprocess.run(command, check=False).returncode == 0, "the tables of docs/kernels are old")
    links = check_links(site)
    check(links > 3000, f"the site has {links} links")
    keys, options = words_to_find(arguments.bin)
    program = browser.find()
    if program:
        with browser.Browser(program) as page:
            check_search(page, site, keys, options)
            check_pages(page, site, arguments.screenshots)
    else:
        print("docs_site_test: there is no browser: the search's index was read, and no page was opened")
        check_index(site, keys, options)
    for what in failures:
        print(f"docs_site_test: {what}", file=sys.stderr)
    print(f"docs_site_test: {links} links, {len(keys)} keys, {len(options)} options, {len(failures)} faults")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
