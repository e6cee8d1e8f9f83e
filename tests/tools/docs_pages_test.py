#!/usr/bin/env python3
"""How tools/docs makes pages of documents, help texts and headers; and that Sphinx's warnings are errors."""
import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools/docs"))
import figures_of_kernels  # noqa: E402
import headers  # noqa: E402
import programs  # noqa: E402
import stage  # noqa: E402

INDEX = """# Documentation

Begin with [a](a.md).

## First

- [Page A](a.md): the first
- [The notes](../bench/NOTES.md)
- [The project](../README.md)
- [B](sub/b.md)
"""


def equal(found, wanted):
    assert found == wanted, f"found {found!r}\nwanted {wanted!r}"


def problem(function, *arguments):
    try:
        function(*arguments)
    except stage.Problem as error:
        return str(error)
    raise AssertionError("there is no problem")


@contextlib.contextmanager
def checkout(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        subprocess.run(["git", "init", "-q", root], check=True)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        yield root


def test_links_lead_to_pages_of_the_site():
    files = {"docs/README.md": INDEX, "README.md": "", "bench/NOTES.md": "see [there](../docs/sub/b.md#x)\n",
             "docs/a.md": "[home](README.md) [p](../README.md#top) [code](../src/a.cpp) [dir](../src) [b](sub/b.md)\n"
                          "[out](https://example.org) ![f](f.svg)\n```\n[none](none.md)\n```\n",
             "docs/sub/b.md": "[a](../a.md) [f](../f.svg) [code](../../src/a.cpp)\n", "docs/f.svg": "<svg/>",
             "src/a.cpp": "// Adds. And more.\nint a;\n", "src/b.h": "// Not linked\n"}
    with checkout(files) as root:
        out = root / "out"
        site = stage.Stage(root, out)
        site.write()
        equal((out / "a.md").read_text(),
              "[home](index.md) [p](project.md#top) [code](code/src/a.cpp.md) [dir](code/src/index.md) [b](sub/b.md)\n"
              "[out](https://example.org) ![f](f.svg)\n```\n[none](none.md)\n```\n")
        equal((out / "sub/b.md").read_text(), "[a](../a.md) [f](../f.svg) [code](../code/src/a.cpp.md)\n")
        equal((out / "bench/notes.md").read_text(), "see [there](../sub/b.md#x)\n")
        index = (out / "index.md").read_text()
        assert ":caption: First\n\nPage A <a>\nThe notes <bench/notes>\nThe project <project>\nB <sub/b>\n```" in index, index
        assert ":caption: Reference\n\nRecipe keys <recipe-keys>\n" in index, index
        assert "int a;" in (out / "code/src/a.cpp.md").read_text()
        folder = (out / "code/src/index.md").read_text()
        assert "- [a.cpp](a.cpp.md): Adds.\n- `b.h`: Not linked\n" in folder, folder
        assert (out / "f.svg").is_file()


def test_a_wrong_link_is_one_line():
    whole = {"docs/README.md": INDEX, "README.md": "", "bench/NOTES.md": "", "docs/sub/b.md": ""}
    with checkout({**whole, "docs/a.md": "", "docs/new.md": "", "docs/sub/new.md": ""}) as root:
        equal(problem(stage.Stage(root, root / "out").write),
              "docs/README.md: no list of it names docs/new.md, docs/sub/new.md")
    with checkout({**whole, "docs/a.md": "[b](b.md)"}) as root:
        equal(problem(stage.Stage(root, root / "out").write), "docs/a.md: the link b.md leads nowhere")
    with checkout({"README.md": ""}) as root:
        assert "docs/README.md is missing" in problem(stage.Stage, root, root / "out")
    with tempfile.TemporaryDirectory() as folder:
        assert "git" in problem(stage.Stage, pathlib.Path(folder), pathlib.Path(folder) / "out")


def test_options_of_help_texts():
    text = """Does things.
Usage: do [OPTIONS]

How:
  -h,--help                   Print this
  --seed N:NONNEGATIVE        A seed, two lines
                              of help
  --device TEXT:{cpu,cuda}=cpu Excludes: --all --one
                              Where
  --wait FLOAT:FLOAT in [0.5 - 60]=2
  --set KEY=VALUE             A key
  --data DIR|NAME=DIR         A folder
  --no-verify{false}          Not
  --out TEXT REQUIRED         File
  --precision TEXT:{tf32,bf16}=[tf32,bf16] ...
                              Which

Examples:
  do --seed 1
"""
    before, options, other = programs.parts(text)
    equal([line for line in before if line], ["Does things.", "Usage: do [OPTIONS]"])
    equal(other, ["", "Examples:", "  do --seed 1"])
    equal([(programs.signature(names), " ".join(words)) for names, words in options], [
        (("-h, --help", ""), "Print this"),
        (("--seed N", ""), "A seed, two lines of help"),
        (("--device TEXT", "not with `--all`, `--one`; default `cpu`; one of `cpu`, `cuda`"), "Where"),
        (("--wait FLOAT", "default `2`; from 0.5 to 60"), ""),
        (("--set KEY=VALUE", ""), "A key"),
        (("--data DIR|NAME=DIR", ""), "A folder"),
        (("--no-verify", ""), "Not"),
        (("--out TEXT", "required"), "File"),
        (("--precision TEXT", "repeatable; default `[tf32,bf16]`; one of `tf32`, `bf16`"), "Which")])
    equal(programs.subcommands("Subcommands:\n  info   What\n  dump   Samples\n\nExamples:\n  x\n"), ["info", "dump"])
    equal(programs.modes("do", "Subcommands:\n  info   What\n\nOptions:\n  --seed N  A seed\n\nExamples:\n  do info x\n"
                               "  do --seed 1 x\n  do runs/a x\n  do compare runs/a\n  do --kernel conv x\n"),
          ["compare", "--kernel conv"])
    assert "build the programs first" in problem(programs.output_of, "/nowhere/sectrain", "--keys")


HEADER = """// What this is for.
#pragma once
namespace sec::kernels {

// A shape.
struct Shape {
  int n;  // samples
  int size() const { return n; }
};

// Adds.
template <typename T>
T add(T a,   // (N)
      T b);  // (N)

inline int long_one() {
""" + "  int a = 0;\n" * 20 + """  return 0;
}

void add(int a);
}  // namespace sec::kernels
"""


def test_declarations_of_headers():
    if not shutil.which("doxygen"):
        print("docs_pages_test: NOT TESTED: headers, as there is no doxygen")
        return
    with checkout({"kernels/shape.h": HEADER, "tools/capi/sec.h": "int sec_load(const char* path);\n",
                   **{f"{floor}/x.h": "// Empty\nint x();\n" for floor in headers.FLOORS}}) as root:
        pages = headers.pages(root, root / "work")
        page = pages["api/kernels.md"]
        for part in ("## kernels/shape.h\n\nWhat this is for.\n",
                     "{declaration} kernels::Shape\n```cpp\n// A shape.\nstruct Shape {\n  int n;  // samples\n"
                     "  int size() const { return n; }\n};\n```",
                     "{declaration} kernels::add\n```cpp\n// Adds.\ntemplate <typename T>\nT add(T a,   // (N)\n"
                     "      T b);  // (N)\n\nvoid add(int a);\n```",
                     "inline int long_one() { ... }\n```"):
            assert part in page, f"{part}\n---- is missing in ----\n{page}"
        assert "{declaration} size" not in page, "a member of a struct is no declaration of its own"
        assert "sec_load" in pages["api/tools-capi.md"]
        assert "[kernels/](kernels.md): `shape.h`, `x.h`" in pages["api/index.md"], pages["api/index.md"]


FORECAST = ("# nvcc\ndevice\tprecision\tkernel\tlaunches\tissue_ms\tmemory_ms\ttensor_ms\tms\tper_hmma\n"
            "H100\tbf16\tstep\t9\t6.0\t3.0\t1.0\t7.5\t\nH200\tbf16\tstep\t9\t6.0\t2.0\t1.0\t7.0\t\n"
            "H100\ttf32\tstep\t9\t6.0\t3.0\t1.0\t9.5\t\nH200\ttf32\tstep\t9\t6.0\t2.0\t1.0\t9.0\t\n"
            "H100\tbf16\tadd<bf16>\t2\t0.1\t0.4\t0\t0.5\t\nH200\tbf16\tadd<bf16>\t2\t0.1\t0.3\t0\t0.4\t\n")
COUNTS = ('{"cases": {"f32": {"kernels": {"a.cu add<float>": {"bytes_read": 20, "bytes_written": 10, "floor_bytes": 20}}}, '
          '"tf32": {"kernels": {}}, "bf16": {"kernels": {}}}}')


def test_tables_of_forecasts():
    before = "# A\n\n<!-- figures: add<* -->\n| old |\n|---|\n\nText\n"
    with checkout({"docs/kernels/a.md": before, "bench/results/forecast.tsv": FORECAST,
                   "bench/results/simt-traffic.json": COUNTS}) as root:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            equal(figures_of_kernels.update(root, root, check=True), 1)
        assert "tables of a.md are not those" in said.getvalue()
        equal((root / "docs/kernels/a.md").read_text(), before)
        with contextlib.redirect_stdout(io.StringIO()):
            equal(figures_of_kernels.update(root, root, check=False), 0)
            equal(figures_of_kernels.update(root, root, check=True), 0)
        text = (root / "docs/kernels/a.md").read_text()
        for part in ("| `add<bf16>` | bf16 | 2 | 0.400 | 0.500 | – | memory |\n",
                     "| `add<float>` | f32 | – | – | – | 1.50 | – |\n\nText\n"):
            assert part in text, text
        (root / "docs/kernels/a.md").write_text(before.replace("add<*", "gone<*"))
        equal(problem(figures_of_kernels.update, root, root, True), "docs/kernels: no kernel of bench/results is called gone<*")


def test_warnings_are_errors():
    if not shutil.which("sphinx-build"):
        print("docs_pages_test: NOT TESTED: Sphinx's warnings, as there is no Sphinx")
        return
    good = {"index.md": "# A\n\n[to b](b.md#part)\n\n```{toctree}\nb\n```\n", "b.md": "# B\n\n## Part\n"}
    faults = {"an anchor that does not exist": {**good, "b.md": "# B\n"},
              "a page in no list": {**good, "c.md": "# C\n"},
              "code that its language does not know": {**good, "b.md": "# B\n\n## Part\n\n```json\n{…}\n```\n"}}
    for name, files in {"no fault": good, **faults}.items():
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "source"
            source.mkdir()
            for file, text in files.items():
                (source / file).write_text(text)
            result = subprocess.run(["sphinx-build", "-W", "--keep-going", "-q", "-c", ROOT / "tools/docs", source,
                                     pathlib.Path(folder) / "out"], capture_output=True, text=True, check=False)
            assert (result.returncode != 0) == (name != "no fault"), f"{name}: {result.returncode}: {result.stderr}"


def main():
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    for test in tests:
        test()
    print(f"docs_pages_test: {len(tests)} tests passed")


if __name__ == "__main__":
    main()
