"""Mends what Sphinx and the theme write that a screen reader would stumble over; book/_static/access.js does the rest."""

MENDED = {
    'role="doc-biblioentry"': 'role="listitem"',  # docutils puts these into a list, where no other role may stand
    '<dl>\n<dd><em class="sig-param">': '<dl role="presentation">\n<dd><em class="sig-param">',  # arguments, no definitions
}


def mend_body(app, pagename, templatename, context, doctree):
    """Roles that fit what they stand in."""
    for written, mended in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(written, mended)


def name_arrows_of_navigation(app, pagename, templatename, context, doctree):
    """The arrows that open a chapter's pages in the sidebar are pictures without a word."""
    tree = context["generate_toctree_html"]
    context["generate_toctree_html"] = lambda *options, **more: str(tree(*options, **more)).replace(
        "<summary>", '<summary aria-label="Pages of this chapter">'
    )


def setup(app):
    app.connect("html-page-context", mend_body)
    app.connect("html-page-context", name_arrows_of_navigation, priority=900)  # the theme has made its tree by then
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
