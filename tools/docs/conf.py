"""Settings of Sphinx for the site. tools/docs_site lays out the pages and calls it."""
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


def setup(app):
    """Recipe keys and declarations are objects, so that the search finds them by name."""
    app.add_object_type("declaration", "declaration", objname="declaration")
    app.add_object_type("recipekey", "recipekey", objname="recipe key", indextemplate="pair: %s; recipe key")
