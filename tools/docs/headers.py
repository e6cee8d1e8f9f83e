"""The reference of the headers. doxygen finds the declarations; the pages show them as the headers have them."""
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree

from stage import Problem, plain

FLOORS = ("engine", "io", "kernels", "layers", "model", "train")
SINGLE = ("tools/capi/sec.h",)  # the C interface
SETTINGS = """
INPUT = {input}
FILE_PATTERNS = *.h
RECURSIVE = YES
EXTRACT_ALL = YES
EXTRACT_STATIC = YES
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
QUIET = YES
WARNINGS = NO
ENABLE_PREPROCESSING = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = __global__= __device__= __host__= __forceinline__=inline SEC_BACKEND=cuda SEC_API=
OUTPUT_DIRECTORY = {output}
"""
LONGEST_BODY = 12  # lines; longer bodies of functions are left out


class Entity:
    """A declaration: its kind, its name, and its lines in a header, from 1."""

    def __init__(self, kind, name, scope, first, last):
        self.kind, self.name, self.scope, self.first, self.last = kind, name, scope, first, last


def parse(root, work):
    """The declarations of every header, by file."""
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    settings = SETTINGS.format(input=" ".join((*FLOORS, *SINGLE)), output=work)
    result = subprocess.run(["doxygen", "-"], cwd=root, input=settings, text=True, capture_output=True, check=False)
    if result.returncode:
        raise Problem(f"doxygen fails: {result.stderr.strip().splitlines()[-1:]}")
    found = {}

    def add(kind, name, scope, element):
        location = element.find("location")
        file = location.get("file")
        line = int(location.get("line"))
        last = int(location.get("bodyend", "-1"))
        begin = int(location.get("bodystart", "-1"))
        if last < line or begin < line or location.get("bodyfile", file) != file:
            last = line
        found.setdefault(file, {}).setdefault((line, name), Entity(kind, name, scope, line, last))

    for path in sorted((work / "xml").glob("*.xml")):
        for compound in xml.etree.ElementTree.parse(path).getroot().iter("compounddef"):
            kind = compound.get("kind")
            name = compound.findtext("compoundname")
            if kind in ("struct", "class", "union"):
                scope, _, own = name.rpartition("::")
                if not scope.rpartition("::")[2][:1].isupper() and "@" not in own and "<" not in own:
                    add(kind, own, scope, compound)
            elif kind in ("namespace", "file"):
                for member in compound.iter("memberdef"):
                    if member.get("kind") != "define" and "@" not in member.findtext("name"):
                        add(member.get("kind"), member.findtext("name"), name if kind == "namespace" else "", member)
    return found


def declaration(lines, entity):
    """The lines of a declaration with the comment above it."""
    first = entity.first - 1
    while first > 0 and re.match(r"\s*(//|template|requires|\[\[)", lines[first - 1]):
        first -= 1
    last = entity.last - 1
    if entity.last == entity.first:  # up to the semicolon
        while last + 1 < len(lines) and not re.search(r"[;}]\s*(//.*)?$", lines[last]) and last - first < 40:
            last += 1
    shown = lines[first:last + 1]
    if entity.kind == "function" and len(shown) - (entity.first - 1 - first) > LONGEST_BODY:
        for index, line in enumerate(shown):
            if re.search(r"\{\s*(//.*)?$", line):
                return [*shown[:index], re.sub(r"\{\s*(//.*)?$", "{ ... }", line)]
    for index, line in enumerate(shown):
        if 'R"(' in line:  # the text of a page
            return [*shown[:index], line.partition('R"(')[0] + 'R"(...)";']
    return shown


def heading(lines):
    """The comment at the head of a header, as Markdown."""
    comment = []
    for line in lines:
        if not line.startswith("//"):
            break
        comment.append(line[2:].removeprefix(" "))
    if any(re.match(r"\s{2,}\S", line) for line in comment):
        return ["```text", *comment, "```", ""]
    return [plain(line) for line in comment] + [""]


def qualified(entity):
    """The name with its namespaces below sec, as sec::kernels::ConvShape: kernels::ConvShape."""
    scope = entity.scope.removeprefix("sec").removeprefix("::")
    return f"{scope}::{entity.name}" if scope else entity.name


def header_section(name, path, entities, taken):
    lines = path.read_text(encoding="utf-8").splitlines()
    out = [f"## {plain(name)}", "", *heading(lines)]
    blocks = {}  # overloads share a block
    for entity in sorted(entities, key=lambda one: (one.first, -one.last)):
        blocks.setdefault(qualified(entity), []).append(entity)
    covered = 0  # declarations inside a struct that is shown are part of it
    for title, group in blocks.items():
        group = [one for one in group if one.first > covered]
        if not group:
            continue
        code = []
        for one in group:
            code += declaration(lines, one) + [""]
            if one.kind in ("struct", "class", "union"):
                covered = max(covered, one.last)
        if title in taken:  # a function with overloads in several headers
            title = f"{title} ({name})"
        taken.add(title)
        out += [f"````{{declaration}} {title}", "```cpp", *code[:-1], "```", "````", ""]
    return out


def pages(root, work):
    """The text of every page of the reference, by name."""
    found = parse(root, work)
    folders, taken, out = {}, set(), {}
    for file in sorted(found):
        folders.setdefault(str(pathlib.PurePosixPath(file).parent), []).append(file)
    index = ["# The headers", "",
             "Every declaration of every header, with its comment, by floor and room of "
             "[the house](../architecture.md#the-house).",
             "Bodies of long functions are left out. The search finds declarations by name.", ""]
    floor = ""
    for folder in sorted(folders, key=lambda one: ((*FLOORS, "tools").index(one.split("/")[0]), one)):
        page = f"{folder.replace('/', '-')}.md"
        lines = ["---", "orphan: true", "---", f"# {plain(folder)}/", ""]
        for file in folders[folder]:
            lines += header_section(file, root / file, found[file].values(), taken)
        out[f"api/{page}"] = "\n".join(lines)
        if folder.split("/")[0] != floor:
            floor = folder.split("/")[0]
            index += ["", f"**{floor}**", ""]
        names = ", ".join(f"`{pathlib.PurePosixPath(file).name}`" for file in folders[folder])
        index.append(f"- [{plain(folder)}/]({page}): {names}")
    out["api/index.md"] = "\n".join([*index, ""])
    return out
