"""Figures with sliders: live widgets in a kernel, frames drawn beforehand in the built book.

A chapter imports all it displays from here: `mode`, `show`, `explore`, `glue`.
"""

import json
import math
import re
import traceback
from dataclasses import dataclass
from html import escape
from itertools import product

from .notebook import Picture, check_label, check_words, glue, mode, picture, publish_figure, publish_picture, show

__all__ = ["explore", "glue", "mode", "show"]

MOST_FRAMES = 60
_frames_on_page: dict[str, int] = {}  # a page is one run of a notebook, hence one kernel: figure name -> frames


def explore(draw, *, name, caption, default=None, labels=None, **grids):
    """A figure that the reader moves with one slider per keyword, with or without a kernel.

    In `live` mode ipywidgets call `draw` at each change; in `frames` mode every frame is drawn
    now and the page's own script swaps them; in `still` mode the default frame alone is shown.

    Args:
        draw: a function of the sliders' values that draws one pyplot figure and returns one
            sentence, computed, that says what is seen: alt text and row of the table of values.
        name: the label that prose links to, such as "fig-3-1".
        caption: MyST Markdown.
        default: a dict, slider -> value at the start; the middle of its grid if not named.
        labels: a dict, slider -> the words beside it; its keyword if not named.
        **grids: slider -> at least two values, numbers or strings, in the order of the slider.

    Raises:
        ValueError: a grid, default or label does not fit, the page would hold more than 60
            frames (`live` has no limit), or `draw` leaves no figure, returns no sentence or
            changes the figure's size.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> def line(slope):
        ...     figure, axes = plt.subplots()
        ...     axes.plot([0, 1], [0, slope])
        ...     return f"The line climbs to {slope}."
        >>> explore(line, name="fig-0-2", caption="A line", slope=[0.5, 1, 2])  # doctest: +ELLIPSIS
        <Figure: A line...>
    """
    check_label(name)
    check_words(f"the caption of {name}", caption)
    sliders = _sliders(name, grids, default or {}, labels or {})
    if mode() != "live":  # which draws a frame only when it is asked for
        _count_frames(name, sliders)
    {"live": _live, "frames": _frames, "still": _still}[mode()](draw, sliders, name, caption)


@dataclass(frozen=True)
class Slider:
    """One keyword of `draw`: the values it takes, how they are written, and where it starts."""

    key: str
    label: str
    values: tuple
    texts: tuple
    start: int


def _sliders(name, grids, default, labels):
    """The sliders that the keywords of `explore` ask for."""
    if not grids:
        raise ValueError(f"{name} has no slider: give explore a grid, such as w=[0.1, 0.5, 0.9]")
    for option, given in (("default", default), ("labels", labels)):
        unknown = sorted(set(given) - set(grids))
        if unknown:
            raise ValueError(f"{option} of {name} names {unknown[0]!r}, but its sliders are {', '.join(grids)}")
    return [_slider(name, key, grid, default, labels.get(key, key)) for key, grid in grids.items()]


def _slider(name, key, grid, default, label):
    """One slider, its values as Python numbers or strings."""
    if isinstance(grid, (str, bytes)) or not hasattr(grid, "__iter__"):
        raise ValueError(f"slider {key} of {name} needs a sequence of values, not {grid!r:.60}")
    values = tuple(value.item() if hasattr(value, "item") else value for value in grid)
    texts = tuple(_text(value) for value in values)
    if len(values) < 2:
        raise ValueError(f"slider {key} of {name} needs at least 2 values to move between, not {len(values)}")
    if len(set(texts)) < len(texts):
        raise ValueError(f"slider {key} of {name} shows a value twice: {', '.join(texts)}")
    start = _text(default[key]) if key in default else texts[len(texts) // 2]
    if start not in texts:
        raise ValueError(f"the default of slider {key} of {name} must be one of {', '.join(texts)}, not {start}")
    check_words(f"the label of slider {key} of {name}", label)
    return Slider(key, label, values, texts, texts.index(start))


def _text(value):
    """A value as the reader sees it: 0.3 for what floating point makes of 3 * 0.1."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _count_frames(name, sliders):
    """Raise ValueError if this figure makes the page hold more frames than a reader should load."""
    here = math.prod(len(slider.values) for slider in sliders)
    total = here + sum(count for other, count in _frames_on_page.items() if other != name)
    if total > MOST_FRAMES:
        raise ValueError(
            f"{name} has {here} frames, which makes {total} on this page, and {MOST_FRAMES} is the most: shorten a grid"
        )
    _frames_on_page[name] = here


@dataclass(frozen=True)
class Frame:
    """What one call of `draw` gave."""

    image: Picture
    sentence: str

    @property
    def address(self):
        """The image as a data address."""
        return f"data:image/png;base64,{self.image.base64}"


def _frame(draw, settings, name):
    """Calls `draw` once and closes the figure it made, whatever happens."""
    import matplotlib.pyplot as plt

    call = f"draw({', '.join(f'{key}={value!r}' for key, value in settings.items())}) of {name}"
    before = set(plt.get_fignums())
    try:
        sentence = draw(**settings)
        made = [number for number in plt.get_fignums() if number not in before]
        if len(made) != 1:
            raise ValueError(
                f"{call} left {len(made)} figures, not 1: make it with plt.subplots() and neither show nor close it"
            )
        check_words(f"what {call} returns", sentence)
        return Frame(picture(plt.figure(made[0])), sentence)
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def _at_start(sliders):
    """The settings that every reader sees first."""
    return {slider.key: slider.values[slider.start] for slider in sliders}


def _still(draw, sliders, name, caption):
    """The default frame as a plain figure, its sentence in the caption."""
    frame = _frame(draw, _at_start(sliders), name)
    publish_picture(frame.image, name=name, caption=f"{caption} {frame.sentence}", alt=frame.sentence)


def _live(draw, sliders, name, caption):
    """Sliders of ipywidgets, which call `draw` at each change."""
    import ipywidgets

    controls = {
        slider.key: ipywidgets.SelectionSlider(
            options=list(zip(slider.texts, slider.values)),
            index=slider.start,
            description=slider.label,
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "min(32rem, 95%)"},
        )
        for slider in sliders
    }
    reset = ipywidgets.Button(description="Reset")
    first = _frame(draw, _at_start(sliders), name)
    view = ipywidgets.HTML(_image_and_sentence(first))

    def redraw(_change):
        try:
            frame = _frame(draw, {key: control.value for key, control in controls.items()}, name)
            view.value = _image_and_sentence(frame)
        except Exception:  # a widget's callback has no cell to raise in
            view.value = f'<pre role="alert">{escape(traceback.format_exc())}</pre>'

    def to_start(_button):
        for slider in sliders:
            controls[slider.key].index = slider.start

    for control in controls.values():
        control.observe(redraw, "value")
    reset.on_click(to_start)
    panel = ipywidgets.VBox([*controls.values(), reset, view])
    publish_figure(panel._repr_mimebundle_(), name=name, caption=caption, alt=first.sentence)


def _frames(draw, sliders, name, caption):
    """Every frame at once, as HTML that book/_static/explore.js brings to life."""
    points = list(product(*(range(len(slider.values)) for slider in sliders)))
    frames = {}
    for point in points:
        settings = {slider.key: slider.values[i] for slider, i in zip(sliders, point)}
        frames[point] = _frame(draw, settings, name)
    sizes = sorted({(frame.image.width, frame.image.height) for frame in frames.values()})
    if len(sizes) > 1:
        raise ValueError(f"the frames of {name} differ in size, {sizes[0]} and {sizes[-1]}: give all the same figsize")
    first = frames[tuple(slider.start for slider in sliders)]
    state = {
        "grids": {slider.key: slider.texts for slider in sliders},
        "labels": {slider.key: slider.label for slider in sliders},
        "default": {slider.key: slider.start for slider in sliders},
        "frames": [{"src": frames[point].address, "says": frames[point].sentence} for point in points],
    }
    data = json.dumps(state).replace("<", r"\u003c")  # a sentence cannot end the script
    title = re.search(r"\*\*(.+?)\.?\*\*", caption)  # as "**Figure 3-1.**"
    label = escape(f"interactive figure: {title[1] if title else name}")
    html = (
        f'<div class="epbook-explore" data-name="{name}" role="group" aria-label="{label}">\n'
        f"{_image_and_sentence(first)}\n{_table(sliders, frames)}\n"
        f'<script type="application/json">{data}</script>\n</div>'
    )
    publish_figure({"text/html": html}, name=name, caption=caption, alt=first.sentence)


def _image_and_sentence(frame):
    """A frame as HTML."""
    image, sentence = frame.image, escape(frame.sentence)
    return (
        f'<img src="{frame.address}" alt="{sentence}" width="{image.width}" height="{image.height}">\n'
        f'<p class="epbook-says" aria-live="polite">{sentence}</p>'
    )


def _table(sliders, frames):
    """The sentences of the first slider's values, the others at their defaults, as HTML."""
    varied, *held = sliders
    rest = tuple(slider.start for slider in held)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(text)}</th><td>{escape(frames[(i, *rest)].sentence)}</td></tr>'
        for i, text in enumerate(varied.texts)
    )
    at = ", ".join(f"{escape(slider.label)} = {escape(slider.texts[slider.start])}" for slider in held)
    return (
        "<details><summary>Values</summary>\n<table>"
        + (f"<caption>With {at}.</caption>" if held else "")
        + f'\n<thead><tr><th scope="col">{escape(varied.label)}</th>'
        + '<th scope="col">What the figure shows</th></tr></thead>'
        + f"\n<tbody>\n{rows}\n</tbody></table></details>"
    )
