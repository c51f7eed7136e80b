"""The check-your-answer cells: what they say, what they hide, and what they refuse."""

import math

import pytest

from epbook.answers import Answer, seal

RIGHT = 0.637128
ASKED = Answer("ex-0-1", "the posterior mean", seal(RIGHT))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [3e-7, 0.8, 12, 4e9])
@pytest.mark.parametrize("within", [0.001, 0.05])
def test_the_relative_error_decides(sign, size, within):
    right = sign * size
    asked = Answer("ex-0-1", "a number", seal(right), within)
    for nearly in (1 - 0.99 * within, 1, 1 + 0.99 * within):
        assert asked.accepts(nearly * right) and asked.says(nearly * right) == "right"
    larger, smaller = sorted([right * (1 + 1.1 * within), right * (1 - 1.1 * within)], reverse=True)
    assert not asked.accepts(larger) and asked.says(larger).endswith("too large")
    assert not asked.accepts(smaller) and asked.says(smaller).endswith("too small")
    assert asked.says(-right).endswith("too small" if sign > 0 else "too large")


def test_the_number_itself_is_nowhere_to_be_read(capsys, monkeypatch):
    seen = [repr(ASKED)]
    for shown in ("still", "frames"):
        monkeypatch.setenv("EPBOOK_WIDGETS", shown)
        for value in (None, 0.1, RIGHT, 2):
            ASKED.check(value)
            seen.append(capsys.readouterr().out)
    assert all(seen) and "0.63" not in "".join(seen)


def test_without_an_answer_the_cell_asks_for_one(capsys, monkeypatch):
    monkeypatch.setenv("EPBOOK_WIDGETS", "still")
    ASKED.check(None)
    assert capsys.readouterr().out == "The posterior mean: type your number first.\n"


def test_a_page_gets_a_field(monkeypatch):
    published = []
    monkeypatch.setenv("EPBOOK_WIDGETS", "frames")
    monkeypatch.setattr("epbook.answers.publish", lambda data, metadata: published.append(data))
    Answer("ex-0-1", 'how many "<"', seal(3), 0.2).check(None)
    [data] = published
    assert 'class="epbook-answer"' in data["text/html"] and 'data-within="0.2"' in data["text/html"]
    assert "how many &quot;&lt;&quot;" in data["text/html"]


@pytest.mark.parametrize("value", ["0.6", [0.6], math.nan, math.inf, -math.inf])
def test_an_answer_that_is_no_number_is_refused(value):
    for ask in (ASKED.accepts, ASKED.says, ASKED.check):
        with pytest.raises(ValueError, match="your answer to ex-0-1"):
            ask(value)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"name": "Exercise 1"}, "small letters"),
        ({"asks": " "}, "must be a sentence"),
        ({"sealed": "0.637"}, "epbook.answers.seal"),
        ({"sealed": None}, "epbook.answers.seal"),
        ({"sealed": "bmFu"}, "epbook.answers.seal"),  # nan
        ({"sealed": "MA=="}, "epbook.answers.seal"),  # 0
        ({"within": 0}, "within of ex-0-1"),
        ({"within": 1}, "within of ex-0-1"),
    ],
)
def test_what_cannot_be_asked_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Answer(**{"name": "ex-0-1", "asks": "a number", "sealed": seal(2), **change})


@pytest.mark.parametrize("number", [0, math.nan, math.inf, -math.inf, "2"])
def test_what_cannot_be_sealed_is_refused(number):
    with pytest.raises(ValueError, match="a number to seal"):
        seal(number)
