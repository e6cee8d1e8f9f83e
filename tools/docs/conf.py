"""Settings of Sphinx for the site. tools/docs_site lays out the pages and calls it."""
import pathlib

from pygments.formatters import HtmlFormatter

project = "sec"
html_title = "sec"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
myst_heading_anchors = 4  # the anchors that forges make of headings
suppress_warnings = ["myst.header"]  # a document may go from ## to ####
nitpicky = True
smartquotes = False  # they make a dash of the two that begin an option
language = "en"
highlight_language = "none"  # of blocks that name no language

# Sphinx's own theme `basic` has nothing but the frame of a page and the search. Looks are those of the programs' pages.
html_theme = "basic"
templates_path = ["templates"]
root = pathlib.Path(__file__).resolve().parent.parent.parent
colours = [str(path) for floor in ("tools", "train") for path in (root / floor).rglob("colours.css")]
html_static_path = ["site.css", *colours]
html_css_files = ["colours.css", "site.css", "dark.css"]
html_copy_source = False
html_show_sourcelink = False
html_permalinks_icon = "#"
html_search_scorer = str(pathlib.Path(__file__).parent / "scorer.js")
html_use_index = False
html_show_search_summary = False  # it would load every page found, which browsers refuse for files
pygments_style = "default"


def write_dark_style(app, error):
    """The colours of code in the dark theme."""
    if not error:
        rules = HtmlFormatter(style="native", nobackground=True).get_style_defs(".highlight")
        text = f"@media screen and (prefers-color-scheme: dark) {{\n{rules}\n.highlight {{ background: none }}\n}}\n"
        (pathlib.Path(app.outdir) / "_static/dark.css").write_text(text, encoding="utf-8")


def setup(app):
    """Recipe keys and declarations are objects, so that the search finds them by name."""
    app.connect("build-finished", write_dark_style)
    app.add_object_type("declaration", "declaration", objname="declaration")
    app.add_object_type("recipekey", "recipekey", objname="recipe key")
