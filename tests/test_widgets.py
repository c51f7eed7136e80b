"""What notebooks display in each mode, read back as a front end would read it."""

import ast
import base64
import io
import json
import re
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances as widgets_by_id
from PIL import Image

from epbook import notebook, widgets
from epbook.widgets import explore, glue, mode, show


@pytest.fixture(params=notebook.MODES)
def any_mode(request, monkeypatch):
    monkeypatch.setenv("EPBOOK_WIDGETS", request.param)
    return request.param


@pytest.fixture
def set_mode(monkeypatch):
    return lambda name: monkeypatch.setenv("EPBOOK_WIDGETS", name)


@pytest.fixture(autouse=True)
def outputs(monkeypatch):
    """The outputs of one page, as (data, metadata); every figure must be closed in the end."""
    published = []
    monkeypatch.setattr(notebook, "publish", lambda data, metadata: published.append((data, metadata)))
    monkeypatch.setattr(widgets, "_frames_on_page", {})
    yield published
    left = plt.get_fignums()
    plt.close("all")
    assert left == []


def curves(w, seed=0, inches=(3.2, 2)):
    figure, axes = plt.subplots(figsize=inches, layout="constrained")
    x = np.linspace(-4, 8, 400)
    axes.plot(x, np.exp(-((x - 2) ** 2) / w), label="exact")
    axes.plot(x, np.exp(-((x - seed) ** 2) / w), "--", label="EP")
    axes.legend()
    return f"Two curves of width {w:g}, the second at {seed}."


def two_curves():
    curves(1.0, inches=(6.4, 4))
    return plt.gcf()


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def shown_frames(html):
    return json.loads(re.search(r'<script type="application/json">(.*)</script>', html).group(1))


# --- the mode


def test_live_is_the_mode_of_a_reader_who_sets_nothing(monkeypatch):
    monkeypatch.delenv("EPBOOK_WIDGETS", raising=False)
    assert mode() == "live"


def test_each_mode_can_be_chosen(any_mode):
    assert mode() == any_mode


def test_an_unknown_mode_is_refused(set_mode):
    set_mode("frame")
    with pytest.raises(ValueError, match="EPBOOK_WIDGETS must be one of live, frames, still .* not 'frame'"):
        mode()


def test_importing_loads_no_notebook_package():
    code = (
        "import sys, epbook.widgets;"
        "print([m for m in ('matplotlib', 'IPython', 'ipywidgets', 'PIL') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


# --- show


def test_show_publishes_figure_caption_and_alt(any_mode, outputs):
    show(two_curves(), name="fig-3-4", caption="**Figure 3-4.** Curves.", alt="Two curves.")
    data, metadata = outputs[0]
    assert set(data) == {"image/png", "text/plain"}
    assert data["text/plain"] == "<Figure: **Figure 3-4.** Curves.>"
    assert metadata == {
        "image/png": {"width": 640},
        "epbook": {"name": "fig-3-4", "caption": "**Figure 3-4.** Curves.", "alt": "Two curves."},
    }
    caption = [({"text/markdown": "**Figure 3-4.** Curves."}, {})]
    assert outputs[1:] == ([] if any_mode == "frames" else caption)


def test_figures_are_small_in_git_and_sharp_for_readers(any_mode, outputs):
    show(two_curves(), name="fig-1", caption="Curves.", alt="Two curves.")
    image = opened(outputs[0][0]["image/png"])
    assert image.size == ((640, 400) if any_mode == "still" else (1280, 800))
    assert image.mode == "P" and len(image.getcolors()) <= 64


def test_a_small_figure_keeps_its_size_and_a_wide_one_fits_the_page(set_mode, outputs):
    set_mode("frames")
    for inches in (3, 12):
        show(plt.figure(figsize=(inches, 3)), name="fig-1", caption="Paper.", alt="Nothing.")
    assert [metadata["image/png"]["width"] for _, metadata in outputs] == [300, 640]
    assert [opened(data["image/png"]).width for data, _ in outputs] == [600, 1280]


def test_the_same_figure_gives_the_same_bytes(any_mode, outputs):
    for _ in range(2):
        show(two_curves(), name="fig-1", caption="Curves.", alt="Two curves.")
    assert outputs[: len(outputs) // 2] == outputs[len(outputs) // 2 :]


def test_the_palette_keeps_paper_flat_fills_and_lone_dots(set_mode):
    set_mode("live")
    figure, axes = plt.subplots(figsize=(6.4, 4))
    grid = np.linspace(-3, 3, 120)
    axes.pcolormesh(grid, grid, np.exp(-(grid**2) - grid[:, None] ** 2))
    pale = [(250 - 5 * k, 250, 255) for k in range(6)]
    for k, colour in enumerate(pale):
        axes.axhspan(3 + k, 4 + k, color=np.array(colour) / 255)
    dots = [(255, 0, 0), (255, 160, 0), (255, 0, 255)]
    for k, colour in enumerate(dots):
        axes.plot([k - 1], [1], ".", color=np.array(colour) / 255, markersize=4)
    image = Image.open(io.BytesIO(notebook.picture(figure).png)).convert("RGB")
    plt.close(figure)
    assert image.getpixel((3, 3)) == (255, 255, 255)
    assert set(pale) <= {colour for _, colour in image.getcolors(1 << 24)}
    for colour in dots:
        distance = np.abs(np.asarray(image).astype(int) - colour).max(axis=2)
        assert (distance < 30).sum() > 20


@pytest.mark.parametrize(
    "words, message",
    [
        ({"name": "Figure 3.4"}, "joined by '-', such as fig-3-4, not 'Figure 3.4'"),
        ({"name": None}, "not None"),
        ({"caption": " "}, "the caption of fig-1 must be a sentence"),
        ({"alt": ""}, "the alt text of fig-1 must be a sentence"),
    ],
)
def test_show_refuses_a_figure_without_words(words, message):
    figure = plt.figure()
    with pytest.raises(ValueError, match=message):
        show(figure, **{"name": "fig-1", "caption": "Paper.", "alt": "Nothing.", **words})
    plt.close(figure)


# --- glue


@pytest.mark.parametrize(
    "value, spec, text",
    [(np.float64(-45.678912), ".2f", "-45.68"), (0.5, ".2f", "0.50"), (1500, ",", "1,500"), ("yes", "", "yes")],
)
def test_glue_keeps_every_digit_it_is_asked_for(value, spec, text, outputs):
    glue("evidence", value, spec)
    [(data, metadata)] = outputs
    [(mime, stored)] = data.items()
    assert mime == "application/papermill.record/text/plain"
    assert metadata == {"scrapbook": {"name": "evidence", "mime_prefix": "application/papermill.record/"}}
    assert ast.literal_eval(stored) == text  # how the role {glue:text} reads it


@pytest.mark.parametrize("value, spec", [(np.zeros(2), ".2f"), ("a", ".2f"), (0.5, "zz")])
def test_glue_refuses_what_it_cannot_format(value, spec):
    with pytest.raises(ValueError, match=r"glue\('evidence'\) cannot format"):
        glue("evidence", value, spec)


def test_glue_needs_a_name():
    with pytest.raises(ValueError, match="the name given to glue must be"):
        glue("", 1)


# --- explore: still


def test_still_shows_the_middle_frame_as_show_does(set_mode, outputs):
    set_mode("still")
    draw = partial(curves, inches=(6.4, 4))
    explore(draw, name="fig-3-1", caption="**Figure 3-1.** Curves.", w=[0.5, 1.0, 2.0])
    sentence = "Two curves of width 1, the second at 0."
    show(two_curves(), name="fig-3-1", caption=f"**Figure 3-1.** Curves. {sentence}", alt=sentence)
    assert outputs[:2] == outputs[2:]


# --- explore: frames


@pytest.fixture
def two_sliders(set_mode, outputs):
    set_mode("frames")
    explore(
        curves,
        name="fig-3-1",
        caption="**Figure 3-1.** Curves.",
        w=np.arange(1, 4) * 0.1,
        seed=[0, 1],
        default={"w": 0.3, "seed": 0},
        labels={"w": "weight <w>"},
    )
    [(data, metadata)] = outputs
    return data, metadata


def test_frames_hold_every_setting_the_last_slider_fastest(two_sliders):
    data, metadata = two_sliders
    assert set(data) == {"text/html", "text/plain"}
    assert metadata["epbook"] == {
        "name": "fig-3-1",
        "caption": "**Figure 3-1.** Curves.",
        "alt": "Two curves of width 0.3, the second at 0.",
    }
    state = shown_frames(data["text/html"])
    assert state["grids"] == {"w": ["0.1", "0.2", "0.3"], "seed": ["0", "1"]}
    assert state["labels"] == {"w": "weight <w>", "seed": "seed"}
    assert state["default"] == {"w": 2, "seed": 0}
    says = [f"Two curves of width {w}, the second at {seed}." for w in (0.1, 0.2, 0.3) for seed in (0, 1)]
    assert [frame["says"] for frame in state["frames"]] == says
    assert len({frame["src"] for frame in state["frames"]}) == 6


def test_frames_read_without_a_script(two_sliders):
    html = two_sliders[0]["text/html"]
    state = shown_frames(html)
    source, alt, width, height = re.search(r'<img src="(.*?)" alt="(.*?)" width="(.*?)" height="(.*?)">', html).groups()
    assert source == state["frames"][4]["src"] and alt == state["frames"][4]["says"]
    assert (width, height) == ("320", "200")
    assert f'<p class="epbook-says" aria-live="polite">{alt}</p>' in html
    assert "<caption>With seed = 0.</caption>" in html
    assert re.findall(r"<th scope=\"row\">(.*?)</th><td>(.*?)</td>", html) == [
        (f"{w}", f"Two curves of width {w}, the second at 0.") for w in (0.1, 0.2, 0.3)
    ]
    assert 'role="group" aria-label="interactive figure: Figure 3-1"' in html
    assert "<input" not in html and "<button" not in html
    assert "<w>" not in html


def test_one_slider_has_no_word_on_others_and_middle_default(set_mode, outputs):
    set_mode("frames")
    explore(curves, name="fig-1", caption="Curves.", w=[0.5, 1.0, 2.0])
    html = outputs[0][0]["text/html"]
    assert "<caption>" not in html
    assert 'aria-label="interactive figure: fig-1"' in html  # its caption has no title
    assert shown_frames(html)["default"] == {"w": 1}


def test_a_sentence_cannot_break_out_of_the_page(set_mode, outputs):
    set_mode("frames")

    def draw(w):
        curves(w)
        return f'</script><b title="{w}">'

    explore(draw, name="fig-1", caption="Curves.", w=[1, 2])
    html = outputs[0][0]["text/html"]
    assert html.count("</script>") == 1 and "<b " not in html
    assert shown_frames(html)["frames"][0]["says"] == '</script><b title="1">'


def test_frames_are_small_sharp_palettes(set_mode, outputs):
    set_mode("frames")
    explore(partial(curves, inches=(6.4, 4)), name="fig-1", caption="Curves.", w=[0.5, 2.0])
    for frame in shown_frames(outputs[0][0]["text/html"])["frames"]:
        text = frame["src"].removeprefix("data:image/png;base64,")
        assert len(base64.b64decode(text)) <= 35_000
        assert opened(text).size == (1280, 800) and opened(text).mode == "P"


def test_frames_are_the_same_bytes_when_drawn_again(set_mode, outputs):
    set_mode("frames")
    for _ in range(2):
        explore(curves, name="fig-1", caption="Curves.", w=[0.5, 1.0])
    assert outputs[0] == outputs[1]


def test_frames_of_two_sizes_are_refused(set_mode):
    set_mode("frames")

    def draw(w):
        plt.figure(figsize=(w, 2))
        return "Paper."

    with pytest.raises(ValueError, match=r"the frames of fig-1 differ in size, \(200, 200\) and \(300, 200\)"):
        explore(draw, name="fig-1", caption="Paper.", w=[2, 3])


# --- explore: live


@pytest.fixture
def panel(set_mode, outputs):
    """Builds a live figure and returns its sliders, its button and its view."""

    def build(draw, **grids):
        set_mode("live")
        explore(draw, name="fig-3-1", caption="Curves.", **grids)
        (data, metadata), caption = outputs
        assert data["text/plain"] == "<Figure: Curves.>" and metadata["epbook"]["name"] == "fig-3-1"
        assert caption == ({"text/markdown": "Curves."}, {})
        model = data["application/vnd.jupyter.widget-view+json"]["model_id"]
        *sliders, button, view = widgets_by_id[model].children
        return sliders, button, view

    return build


def test_live_sliders_redraw_and_reset(panel):
    (w, seed), button, view = panel(curves, w=[0.5, 1.0, 2.0], seed=[0, 1], labels={"w": "weight"})
    assert (w.description, seed.description) == ("weight", "seed")
    assert (w.label, w.value, seed.value) == ("1", 1.0, 1)
    at_start = view.value
    assert 'alt="Two curves of width 1, the second at 1."' in at_start
    assert opened(re.search('base64,(.*?)"', at_start).group(1)).size == (640, 400)
    w.value, seed.value = 2.0, 0
    assert 'alt="Two curves of width 2, the second at 0."' in view.value
    assert re.search('base64,(.*?)"', view.value).group(1) not in at_start
    button.click()
    assert (w.value, seed.value) == (1.0, 1) and view.value == at_start


def test_live_shows_what_went_wrong_and_recovers(panel):
    def draw(w):
        sentence = curves(w)
        if w == 2:
            raise RuntimeError("no <mass> left")
        return sentence

    [w], _, view = panel(draw, w=[0.5, 1, 2])
    w.value = 2
    assert view.value.startswith('<pre role="alert">Traceback') and "RuntimeError: no &lt;mass&gt; left" in view.value
    w.value = 0.5
    assert "<img" in view.value and "<pre" not in view.value


# --- explore: bad input, in every mode


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "fig-1 has no slider: give explore a grid"),
        ({"w": []}, "slider w of fig-1 needs at least 2 values to move between, not 0"),
        ({"w": [1]}, "needs at least 2 values to move between, not 1"),
        ({"w": 0.5}, "slider w of fig-1 needs a sequence of values, not 0.5"),
        ({"w": "abc"}, "needs a sequence of values, not 'abc'"),
        ({"w": [1, 1]}, "slider w of fig-1 shows a value twice: 1, 1"),
        ({"w": [1, 2], "default": {"w": 3}}, "the default of slider w of fig-1 must be one of 1, 2, not 3"),
        ({"w": [1, 2], "default": {"v": 1}}, "default of fig-1 names 'v', but its sliders are w"),
        ({"w": [1, 2], "labels": {"v": "v"}}, "labels of fig-1 names 'v', but its sliders are w"),
        ({"w": [1, 2], "labels": {"w": ""}}, "the label of slider w of fig-1 must be a sentence"),
        ({"w": [1, 2], "name": "fig 1"}, "a figure's name is small letters"),
        ({"w": [1, 2], "caption": ""}, "the caption of fig-1 must be a sentence"),
    ],
)
def test_explore_refuses_bad_input(any_mode, options, message, outputs):
    with pytest.raises(ValueError, match=message):
        explore(curves, **{"name": "fig-1", "caption": "Curves.", **options})
    assert outputs == []


@pytest.mark.parametrize("counted", ["frames", "still"])
def test_more_frames_than_a_page_should_load_are_refused(counted, set_mode, outputs):
    set_mode(counted)
    with pytest.raises(ValueError, match="fig-1 has 61 frames, which makes 61 on this page, and 60 is the most"):
        explore(curves, name="fig-1", caption="Curves.", w=range(1, 62))
    assert outputs == []


def test_live_sliders_may_be_as_fine_as_one_likes(panel):
    [w], _, view = panel(curves, w=range(1, 102))
    assert len(w.options) == 101 and 'alt="Two curves of width 51, the second at 0."' in view.value


def test_the_most_frames_count_the_whole_page_and_a_repeated_cell_once(set_mode):
    set_mode("still")
    for _ in range(2):
        explore(curves, name="fig-1", caption="Curves.", w=range(1, 11), seed=range(4))
    explore(curves, name="fig-2", caption="Curves.", w=range(1, 21))
    with pytest.raises(ValueError, match="fig-3 has 2 frames, which makes 62 on this page"):
        explore(curves, name="fig-3", caption="Curves.", w=[1, 2])


def no_figure(w):
    return "Nothing."


def two_figures(w):
    plt.figure(), plt.figure()
    return "Twice nothing."


def no_sentence(w):
    curves(w)


@pytest.mark.parametrize(
    "draw, message",
    [
        (no_figure, r"draw\(w=2\) of fig-1 left 0 figures, not 1"),
        (two_figures, r"draw\(w=2\) of fig-1 left 2 figures, not 1"),
        (no_sentence, r"what draw\(w=2\) of fig-1 returns must be a sentence, not None"),
    ],
)
def test_explore_refuses_a_draw_without_figure_or_sentence(any_mode, draw, message):
    with pytest.raises(ValueError, match=message):
        explore(draw, name="fig-1", caption="Nothing.", w=[2, 3], default={"w": 2})


def test_a_draw_that_fails_at_first_raises_in_its_cell(any_mode):
    def draw(w):
        plt.figure()
        raise ZeroDivisionError("w")

    with pytest.raises(ZeroDivisionError):
        explore(draw, name="fig-1", caption="Nothing.", w=[1, 2])


# --- publishing


@pytest.mark.parametrize("installed", [True, False])
def test_outside_a_notebook_the_plain_text_is_printed(installed, monkeypatch, capsys):
    monkeypatch.undo()
    if not installed:
        monkeypatch.setitem(sys.modules, "IPython", None)
    notebook.publish({"text/plain": "<Figure: Curves.>", "image/png": "..."}, {})
    notebook.publish({"text/markdown": "Curves."}, {})
    assert capsys.readouterr().out == "<Figure: Curves.>\n"


def test_inside_a_notebook_the_bundle_is_published(monkeypatch):
    monkeypatch.undo()
    sent = []
    publisher = SimpleNamespace(publish=lambda data, metadata: sent.append((data, metadata)))
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(display_pub=publisher))
    notebook.publish({"text/plain": "x"}, {"epbook": {}})
    assert sent == [({"text/plain": "x"}, {"epbook": {}})]
