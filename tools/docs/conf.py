"""Settings of Sphinx for the site. tools/docs_site lays out the pages and calls it."""
import pathlib
import re

project = "sec"
html_title = "sec"
copyright = ""  # noqa: A001: Sphinx's name
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = []
myst_heading_anchors = 4  # the anchors that forges make of headings
suppress_warnings = ["myst.header"]  # a document may go from ## to ####
nitpicky = True
language = "en"

# The theme has no fonts, images or scripts from elsewhere.
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_permalinks_icon = "#"
html_show_search_summary = False  # it would load every page found, which browsers refuse for files


# Debian's package of the theme leaves its parts in files of their own: the script imports a module, the style sheet one of
# a web server's folder. Pages that are opened as files can load neither, so both parts are put where they are asked for.
# Other packages of the theme have nothing to replace.
def put_parts_together(app, error):
    if error or app.builder.name != "html":
        return
    for folder, name, pattern, parts in (
            ("scripts", "furo.js", r'import \w+ from "\./(.*?)";', pathlib.Path(app.outdir) / "_static/scripts"),
            ("styles", "furo.css", r"@import url\(/javascript/(.*?)\);", pathlib.Path("/usr/share/javascript"))):
        path = pathlib.Path(app.outdir) / "_static" / folder / name
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(pattern, lambda match: (parts / match[1]).read_text(encoding="utf-8"), text),
                        encoding="utf-8")


def setup(app):
    """Recipe keys and declarations are objects, so that the search finds them by name."""
    app.connect("build-finished", put_parts_together)
    app.add_object_type("declaration", "declaration", objname="declaration")
    app.add_object_type("recipekey", "recipekey", objname="recipe key", indextemplate="pair: %s; recipe key")
