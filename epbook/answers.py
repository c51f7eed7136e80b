"""Numbers that exercises ask for: the reader types one, and is told whether it is right, not what is."""

import base64
import binascii
import math
from dataclasses import dataclass
from html import escape

from .checks import number_in
from .notebook import check_label, check_words, mode, publish


@dataclass(frozen=True)
class Answer:
    """The number that an exercise asks for, sealed so that nobody reads it by accident.

    Args:
        name: the exercise's label, such as "ex-2-1".
        asks: what is asked, in a few words; they stand beside the field.
        sealed: what `seal` made of the number.
        within: the relative error, above 0 and below 1, up to which an answer is right.

    Raises:
        ValueError: the name is no label, `asks` is empty, `sealed` holds no number but 0, or
            `within` leaves its interval.

    Example:
        >>> thirds = Answer("ex-0-1", "a third of one", seal(1 / 3))
        >>> thirds.check(None)
        A third of one: type your number first.
        >>> thirds.check(0.5)
        A third of one: not yet, your number is too large.
        >>> thirds.accepts(0.333)
        True
    """

    name: str
    asks: str
    sealed: str
    within: float = 0.01

    def __post_init__(self):
        check_label(self.name)
        check_words(f"what {self.name} asks", self.asks)
        number_in(f"within of {self.name}", self.within, 0, 1, open_low=True, open_high=True)
        self._number()

    def _number(self):
        """The number, unsealed."""
        try:
            number = float(base64.b64decode(self.sealed, validate=True))
        except (TypeError, ValueError, binascii.Error):
            number = 0.0
        if not number or not math.isfinite(number):
            raise ValueError(f"the sealed number of {self.name} must come from epbook.answers.seal, not be {self.sealed!r:.60}")
        return number

    def accepts(self, value):
        """Whether a number is right; what a solution asserts of its own, so that the sealed one cannot go stale.

        Raises:
            ValueError: the value is no finite number.
        """
        return self._excess(value) == 0

    def says(self, value):
        """What a reader is told about a number, or about None, in a few words that do not give it away.

        Raises:
            ValueError: the value is neither None nor a finite number.
        """
        if value is None:
            return "type your number first"
        return {
            0: "right",
            1: "not yet, your number is too large",
            -1: "not yet, your number is too small",
        }[self._excess(value)]

    def check(self, value):
        """Displays what `says` has to say; on a page of the book, a field to type the number in.

        Raises:
            ValueError: the value is neither None nor a finite number.
        """
        line = f"{self.asks[0].upper()}{self.asks[1:]}: {self.says(value)}."
        if mode() == "frames":
            publish({"text/html": self._field(), "text/plain": line}, {})
        else:
            print(line)

    def _excess(self, value):
        """1, 0 or -1: too large, right, too small."""
        value, right = (
            number_in(f"your answer to {self.name}", value, -math.inf, math.inf, open_low=True),
            self._number(),
        )
        return 0 if abs(value - right) <= self.within * abs(right) else int(math.copysign(1, value - right))

    def _field(self):
        """HTML that book/_static/answers.js turns into a labelled field with a button."""
        return (
            f'<div class="epbook-answer" data-name="{self.name}" data-asks="{escape(self.asks)}" '
            f'data-sealed="{self.sealed}" data-within="{self.within}">\n'
            "<p>With JavaScript, here is a field to check your number.</p>\n</div>"
        )


def seal(number):
    """A number as text that an `Answer` reads and a reader does not: base64 of six digits.

    Raises:
        ValueError: the number is 0, of which there is no relative error, or is not finite.

    Example:
        >>> seal(0.8)
        'MC44'
    """
    number = number_in("a number to seal", number, -math.inf, math.inf, open_low=True)
    if number == 0:
        raise ValueError("a number to seal must not be 0, of which there is no relative error: ask for another number")
    return base64.b64encode(f"{number:.6g}".encode()).decode()
