"""Lays out the pages of the site: copies of the documents, whose links then lead to pages of the site."""
import os
import pathlib
import re
import subprocess


class Problem(Exception):
    """One line that says what is wrong."""


# Documents outside docs/, and their names in the site.
OUTSIDE = {"README.md": "project.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md",
           "bench/NOTES.md": "bench/notes.md", "docs/README.md": "index.md"}
LEXERS = {".h": "cpp", ".cpp": "cpp", ".c": "c", ".cu": "cuda", ".py": "python", ".toml": "toml", ".json": "json",
          ".css": "css", ".js": "javascript", ".cmake": "cmake"}
IMAGES = {".svg", ".png"}
# The pages of the site that no document stands for.
REFERENCE = """
## Reference

- [Recipe keys](recipe-keys.md): every key, its default, what it does
- [Options](options.md): every option of every program
- [The headers](api/index.md): every declaration
"""
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?P<after>\))")
FENCE = re.compile(r"^\s*```")


def tracked_files(root):
    """Every file that git knows or would add, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            capture_output=True, text=True, check=False)
    if listed.returncode:
        raise Problem(f"git does not list the files of {root}: {listed.stderr.strip()}")
    return sorted(name for name in listed.stdout.split("\0") if name and (root / name).is_file())


def heading_comment(path):
    """The first sentence of the comment at the head of a source file, or an empty string."""
    words = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[:12]:
        match = re.match(r"(?://|#|\"\"\")(?!!)\s?(.*)", line)
        if match and not line.startswith(("#pragma", "#include")):
            words.append(match.group(1).strip().removesuffix('"""'))
        elif words:
            break
    return re.split(r"(?<=\.)\s", " ".join(words), maxsplit=1)[0].removesuffix(":")


def plain(text):
    """Text in which Markdown finds nothing to mark up."""
    return re.sub(r"([\\`*_{}\[\]<>|$#])", r"\\\1", text)


class Stage:
    """The source folder of the site."""

    def __init__(self, root, folder):
        self.root = root
        self.folder = folder
        self.files = tracked_files(root)
        self.names = {}  # page by document
        self.generated = {}  # text by page
        self.listed = []  # entries of the lists that order the pages
        self.sources = set()  # linked files and folders of the source tree
        for name in self.files:
            path = pathlib.PurePosixPath(name)
            if name in OUTSIDE:
                self.names[name] = OUTSIDE[name]
            elif path.suffix == ".md" and path.parts[0] == "docs":
                self.names[name] = str(path.relative_to("docs"))
            elif path.suffix == ".md" and name.startswith("model/pretrained/") and path.stem != "README":
                self.names[name] = name
        if "docs/README.md" not in self.names:
            raise Problem("docs/README.md is missing, which orders the pages")

    def generate(self, name, text):
        self.generated[name] = text

    def page_of_source(self, name):
        """The page of a file or folder of the source tree."""
        if (self.root / name).is_dir():
            return f"code/{name}/index.md"
        return f"code/{name}.md"

    def target_of(self, document, page, target, anchor):
        """What a link of a document becomes in its page; None leaves it as it is."""
        if "://" in target or target.startswith("mailto:"):
            return None
        here = pathlib.PurePosixPath(document).parent
        name = os.path.normpath(str(here / target))
        if name.startswith("docs/") and pathlib.PurePosixPath(name).suffix in IMAGES:
            to = name.removeprefix("docs/")
        elif name in self.names:
            to = self.names[name]
        elif (self.root / name).exists() and not name.startswith(".."):
            self.sources.add(name)
            to = self.page_of_source(name)
            anchor = ""
        else:
            raise Problem(f"{document}: the link {target} leads nowhere")
        return os.path.relpath(to, str(pathlib.PurePosixPath(page).parent)) + (anchor or "")

    def rewrite(self, document, page, text):
        """The text of a document with links to pages of the site. Code blocks stay as they are."""
        def replace(match):
            target = self.target_of(document, page, match["target"], match["anchor"])
            return match.group() if target is None else f"{match['before']}{target}{match['after']}"

        lines, fenced = [], False
        for line in text.split("\n"):
            if FENCE.match(line):
                fenced = not fenced
            lines.append(line if fenced else LINK.sub(replace, line))
        return "\n".join(lines)

    def put(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def order(self, text):
        """The hidden lists of pages that give the site its order: one for each section of docs/README.md."""
        lists, title, pages = [], "", []
        for line in [*text.split("\n"), "## "]:
            if line.startswith("## "):
                if pages:
                    lists.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```", ""]))
                title, pages = line[3:], []
            elif title and line.startswith("- "):
                match = re.match(r"- \[(.*?)\]\((.*?)\.md\)", line)
                pages += [f"{match[1]} <{match[2]}>"] if match else []
                self.listed += pages[-1:]
        missing = sorted({page for page in self.names.values() if page != "index.md"}
                         - {f"{entry.partition('<')[2].removesuffix('>')}.md" for entry in self.listed})
        if missing:
            named = ", ".join(document for document, page in self.names.items() if page in missing)
            raise Problem(f"docs/README.md: no list of it names {named}")
        return "\n".join(lists)

    def index_page(self, text):
        """The first page: docs/README.md, the pages made from programs and headers, and the order of all pages."""
        text += REFERENCE
        return text + "\n" + self.order(text)

    def write(self):
        """Writes every page."""
        for document, page in self.names.items():
            text = self.rewrite(document, page, (self.root / document).read_text(encoding="utf-8"))
            self.put(page, text if page != "index.md" else self.index_page(text))
        for page, text in self.generated.items():
            self.put(page, text)
        for name in self.files:
            if name.startswith("docs/") and pathlib.PurePosixPath(name).suffix in IMAGES:
                path = self.folder / name.removeprefix("docs/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((self.root / name).read_bytes())
        for name in sorted(self.sources):
            if (self.root / name).is_dir():
                self.put(self.page_of_source(name), self.folder_page(name))
            else:
                self.put(self.page_of_source(name), self.file_page(name))

    def file_page(self, name):
        lexer = LEXERS.get(pathlib.PurePosixPath(name).suffix, "text")
        text = (self.root / name).read_text(encoding="utf-8", errors="replace").rstrip("\n")
        return "\n".join(["---", "orphan: true", "nosearch: true", "---", f"# {plain(name)}", "",
                          f"~~~~~{{code-block}} {lexer}", ":linenos:", "", text, "~~~~~", ""])

    def folder_page(self, name):
        lines = ["---", "orphan: true", "nosearch: true", "---", f"# {plain(name)}", ""]
        for file in self.files:
            if str(pathlib.PurePosixPath(file).parent) == name:
                base = pathlib.PurePosixPath(file).name
                shown = f"[{plain(base)}]({base}.md)" if file in self.sources else f"`{base}`"
                about = plain(heading_comment(self.root / file)) if pathlib.PurePosixPath(file).suffix in LEXERS else ""
                lines.append(f"- {shown}" + (f": {about}" if about else ""))
        return "\n".join([*lines, ""])
