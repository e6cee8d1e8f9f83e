"""The pages of recipe keys and of options, from what the programs print."""
import re
import subprocess

from stage import Problem, plain

# Programs of the build, and scripts of the repository, in the order of the page.
BUILT = ("sectrain", "secinfer", "secinspect", "secdata", "secmodel", "kernel_lab",
         "bench_steps", "bench_kernels", "bench_tiles", "bench_traffic", "bench_forecast")
SCRIPTS = ("tools/quickstart", "tools/setup", "tools/test", "tools/lint", "tools/docs_site", "tools/docs_figures",
           "tools/fuzz", "tools/mutate", "tools/rooms", "tools/sum_folds", "tools/pretrained", "tools/gpu_pack",
           "tools/gpu_check", "tools/gpu_code", "tools/draw_comments", "bench/compare", "bench/figures", "bench/holter.py",
           "bench/noise_stress.py", "bench/s_class.py", ".ci/check_docs")
OPTION = re.compile(r"^ {1,4}(?P<names>-{1,2}[A-Za-z][^ ]*(?: \S+)*?(?: (?:Excludes|Needs): .*?)?)(?: {2,}(?P<help>\S.*))?$")


def output_of(*command):
    try:
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    except OSError as error:
        raise Problem(f"{command[0]}: {error.strerror}; build the programs first: cmake --build build") from None
    if result.returncode:
        raise Problem(f"{' '.join(map(str, command))} fails")
    return result.stdout


def keys_page(bin_folder):
    """A section per group of keys, and in it every key with its default and its line of help."""
    lines = ["# Recipe keys", "",
             "Every key of a recipe, its default, and what it does, as `sectrain --keys` prints them.",
             "[Recipes](recipes.md) explains those that need more than a line; `--set KEY=VALUE` overrides one.", ""]
    group = None
    for line in output_of(bin_folder / "sectrain", "--keys").splitlines():
        match = re.match(r"(\S+) +(\[.*?\](?= |$)|'[^']*'|\S+)? {1,}(.*)$", line)
        if not match:
            raise Problem(f"sectrain --keys: a line of unknown form: {line}")
        key, value, text = match.groups()
        if key == "base":  # has no default: it is a line of the file, and no value
            value, text = "", line[len(key):].strip()
        if key.rpartition(".")[0] != group:
            group = key.rpartition(".")[0]
            lines += [f"## {group or 'The run'}", ""]
        lines += [f"```{{recipekey}} {key}", plain(text), "", *([f"Default: `{value}`"] if value else []), "```", ""]
    return "\n".join(lines)


def parts(text):
    """A help text as lines before the options, options (signature, help), and the other lines."""
    before, options, other = [], [], []
    current = None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = OPTION.match(line)
        following = next((one for one in lines[number + 1:] if one.strip()), "")
        if re.match(r"\w.*:$", line) and OPTION.match(following):
            continue  # the title of a group of options
        if match:
            current = [match["names"], [match["help"]] if match["help"] else []]
            options.append(current)
        elif current and re.match(r" {6,}\S", line):
            current[1].append(line.strip())
        elif not options:
            before.append(line)
        else:
            current = None
            other.append(line)
    return before, options, other


def signature(names):
    """An option as `--name VALUE`, and its choices, its default and what it excludes as a sentence."""
    said = []
    for word, meaning in (("Excludes", "not with"), ("Needs", "needs")):
        match = re.search(rf" {word}: (.*?)(?= (?:Excludes|Needs): |$)", names)
        if match:
            said.append(f"{meaning} " + ", ".join(f"`{name}`" for name in match[1].split()))
            names = names.replace(match[0], "")
    if names.endswith(" REQUIRED"):
        said.append("required")
        names = names.removesuffix(" REQUIRED")
    if names.endswith(" ..."):
        said.append("repeatable")
        names = names.removesuffix(" ...")
    match = re.search(r"=([^,{}]+|\[.*\])$", names)
    if match and "|" not in names and not match[1].isupper():  # KEY=VALUE and NAME=DIR are no defaults
        said.append(f"default `{match[1]}`")
        names = names[:match.start()]
    match = re.search(r":\{([^}]*)\}", names)
    if match:
        said.append("one of " + ", ".join(f"`{choice}`" for choice in match[1].split(",")))
        names = names.replace(match[0], "")
    names = re.sub(r"\{(false|true)\}", "", names)
    match = re.search(r":(?:INT|UINT|FLOAT) in (\[.*?\])", names)
    if match:
        said.append(f"from {match[1][1:-1].replace(' - ', ' to ')}")
        names = names.replace(match[0], "")
    names = re.sub(r":(NONNEGATIVE|POSITIVE|[A-Z]+)$", "", names)
    return re.sub(r",(?=-)", ", ", names), "; ".join(said)


def section(name, text, level):
    before, options, other = parts(text)
    while before and not before[-1].strip():
        before.pop()
    heading = [f"{'#' * level} {plain(name)}", "", f"```{{program}} {name}", "```", ""]
    lines = heading + ["```text", *(line for line in before if line.strip()), "```", ""]
    for names, help_lines in options:
        shown, said = signature(names)
        lines += [f"```{{option}} {shown}", plain(" ".join(help_lines)), ""]
        lines += [said[0].upper() + said[1:] + ".", ""] if said else []
        lines += ["```", ""]
    rest = "\n".join(other).strip("\n")
    rest = re.sub(r"\n{3,}", "\n\n", rest)
    return lines + (["```text", rest, "```", ""] if rest.strip() else [])


def subcommands(text):
    listed = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
    return re.findall(r"^  (\S+)", listed[1], re.M) if listed else []


def modes(name, text):
    """Ways to call a program that have options of their own, and are no subcommands: by its examples, the first words
    that are neither a subcommand nor one of its options. As `compare`, or `--kernel conv`."""
    known = {word for names, _ in parts(text)[1] for word in re.findall(r"--[a-z-]+", names)} | set(subcommands(text))
    found = re.findall(rf"^  {re.escape(name)} ((?:--[a-z-]+ )?[a-z]\S*)(?= )", text, re.M)
    found = [words for words in found if words.startswith("--") or re.fullmatch("[a-z]+", words)]
    return [words for words in dict.fromkeys(found) if words.split()[0] not in known]


def options_page(root, bin_folder):
    lines = ["# Options of the programs", "", "Every option of every program, from its `--help`.", ""]
    for name in BUILT:
        text = output_of(bin_folder / name, "--help").replace(f"{bin_folder}/", "").replace("build/bin/", "")
        lines += section(name, text, 2)
        for subcommand in subcommands(text):
            more = output_of(bin_folder / name, subcommand, "--help").replace(f"{bin_folder}/", "")
            lines += section(f"{name} {subcommand}", more.replace("build/bin/", ""), 3)
        for mode in modes(name, text):
            more = output_of(bin_folder / name, *mode.split(), "--help").replace(f"{bin_folder}/", "")
            lines += section(f"{name} {mode.split()[0]}", more.replace("build/bin/", ""), 3)
    for name in SCRIPTS:
        if (root / name).is_file():
            lines += section(name, output_of(root / name, "--help"), 2)
    return "\n".join(lines)
