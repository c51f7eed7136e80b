"""Mends what Sphinx writes that a screen reader would stumble over; book/_static/access.js does the rest."""


def references_are_list_items(app, pagename, templatename, context, doctree):
    """Docutils calls the references a list, but gives its entries a role that no list may hold."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    app.connect("html-page-context", references_are_list_items)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
