"""What a chapter displays: figures with a caption and an alt text, and numbers for the prose.

Three modes, chosen by the environment variable EPBOOK_WIDGETS: `live` for a reader's own kernel
(unset), `frames` while the book is built, `still` for notebooks kept in git and their tests.
"""

import base64
import io
import os
import re
from dataclasses import dataclass

import numpy as np

__all__ = ["glue", "mode", "show"]

MODES = ("live", "frames", "still")
PAGE_WIDTH = 640  # CSS pixels: the text column of the book
COLOURS = 64


def mode():
    """One of `live`, `frames` and `still`: who is going to look at the notebook.

    Raises:
        ValueError: EPBOOK_WIDGETS is set to something else.

    Example:
        >>> mode() in ("live", "frames", "still")
        True
    """
    chosen = os.environ.get("EPBOOK_WIDGETS") or "live"
    if chosen not in MODES:
        raise ValueError(f"EPBOOK_WIDGETS must be one of {', '.join(MODES)} (or unset, for live), not {chosen!r}")
    return chosen


def show(figure, name, caption, alt):
    """Displays a matplotlib figure with its caption and alt text, and closes it.

    Args:
        figure: a matplotlib Figure.
        name: the label that prose links to, such as "fig-3-4".
        caption: MyST Markdown, such as "**Figure 3-4.** The posterior."
        alt: what is seen, for readers who cannot see it; compute its numbers.

    Raises:
        ValueError: the name is no label, or the caption or the alt text is empty.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> figure, axes = plt.subplots()
        >>> show(figure, name="fig-0-1", caption="**Figure 0-1.** Axes.", alt="Empty axes.")
        <Figure: **Figure 0-1.** Axes.>
    """
    import matplotlib.pyplot as plt

    check_label(name)
    check_words(f"the caption of {name}", caption)
    check_words(f"the alt text of {name}", alt)
    image = picture(figure)
    plt.close(figure)
    publish_picture(image, name=name, caption=caption, alt=alt)


def glue(name, value, spec=""):
    """Binds a number to a name, for prose to quote with the role {glue:text}.

    Args:
        name: the key that prose uses.
        value: what `format` accepts: a number, a numpy scalar, a string.
        spec: a format specification such as ".3f"; it fixes the digits that are printed.

    Raises:
        ValueError: the name is empty, or the value does not take the format.

    Example:
        >>> glue("evidence", -45.678912, ".2f")
    """
    check_words("the name given to glue", name)
    try:
        text = format(value, spec)
    except (TypeError, ValueError) as error:
        raise ValueError(f"glue({name!r}) cannot format {value!r:.60} as {spec!r}: {error}") from None
    # The role reads its text as a Python literal: without quotes 0.50 would lose its last digit.
    publish(
        {"application/papermill.record/text/plain": repr(text)},
        {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
    )


def publish(data, metadata):
    """Sends one output to the notebook; outside of one, prints its plain text."""
    try:
        from IPython import get_ipython
    except ImportError:
        shell = None
    else:
        shell = get_ipython()
    if shell:
        shell.display_pub.publish(data, metadata)
    elif "text/plain" in data:
        print(data["text/plain"])


def publish_picture(image, **words):
    """Publishes a `Picture` as a PNG figure."""
    publish_figure({"image/png": image.base64}, {"image/png": {"width": image.width}}, **words)


def publish_figure(data, metadata=None, *, name, caption, alt):
    """Publishes one figure in any mime type, with what the build needs to caption it."""
    publish(
        {**data, "text/plain": f"<Figure: {caption}>"},
        {**(metadata or {}), "epbook": {"name": name, "caption": caption, "alt": alt}},
    )
    if mode() != "frames":  # the build writes the caption itself, below the figure
        publish({"text/markdown": caption}, {})


@dataclass(frozen=True)
class Picture:
    """A PNG file and the size in CSS pixels at which a page shows it."""

    png: bytes
    width: int
    height: int

    @property
    def base64(self):
        """The file as text, as notebooks and data addresses carry it."""
        return base64.b64encode(self.png).decode("ascii")


def picture(figure):
    """Draws a figure: small enough for git in `still` mode, sharp on dense screens in the others."""
    from PIL import Image

    inches = figure.get_size_inches()
    width = min(PAGE_WIDTH, round(100 * inches[0]))
    dpi = 100 if mode() == "still" else 2 * width / inches[0]
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    image = Image.open(drawn).convert("RGB")
    file = io.BytesIO()
    _few_colours(image).save(file, format="PNG", optimize=True)
    return Picture(file.getvalue(), width, round(width * image.height / image.width))


def _few_colours(image):
    """The image in a palette: its commonest colours exactly, and a spread for the rarer ones.

    The first half keeps paper and flat fills true, the second keeps a lone red dot red; either
    of Pillow's own palettes loses one of the two.
    """
    from PIL import Image
    from scipy.spatial import cKDTree

    counts = image.getcolors(image.width * image.height)
    palette = colours = np.array([colour for _, colour in sorted(counts, reverse=True)])
    if len(colours) > COLOURS:
        spread = image.quantize(COLOURS // 2, Image.Quantize.MAXCOVERAGE).getpalette()
        palette = np.vstack([colours[: COLOURS // 2], np.reshape(spread, (-1, 3))[: COLOURS // 2]])
    code = np.array([1 << 16, 1 << 8, 1])
    nearest = np.zeros(1 << 24, dtype=np.uint8)
    nearest[colours @ code] = cKDTree(palette).query(colours)[1]
    small = Image.fromarray(nearest[np.asarray(image) @ code])
    small.putpalette(palette.astype(np.uint8).tobytes())
    return small


def check_label(name):
    """Raise ValueError unless `name` can label a figure in a page and in its address."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"a figure's name is small letters and numbers joined by '-', such as fig-3-4, not {name!r}")


def check_words(what, text):
    """Raise ValueError unless `text` is a string that says something."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{what} must be a sentence, not {text!r:.60}")
