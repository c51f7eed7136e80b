"""The server: it adds up messages, sends the sum out, and never sees a datum."""

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from ..terms import Step
from .partition import Message, is_proper, message_of, refine, share_of


class Traffic(NamedTuple):
    """What one round sent between server and workers.

    Attributes:
        messages: how many, both ways.
        bytes: of their numbers; not of the wrapping, and not of what a scheduler moves by itself.

    Book: section 8.3.
    """

    messages: int
    bytes: int


class Server:
    """The posterior N(0, I) * product of messages, and the rounds that improve it.

    A partition's rows and share are results on some worker, of which the server holds only the names.  If that worker dies,
    the scheduler makes them again from the source and the posteriors that were sent out since `fetch` was last called.
    """

    def __init__(self, cluster: Any, rows: list[Any], shapes: list[tuple[int, int]], term: Step, inner: int):
        self.cluster, self.rows, self.shapes = cluster, rows, shapes
        self.term, self.inner = term, inner
        self.lanes = [deque(lane) for lane in cluster.lanes(rows)]
        self.pending: dict[Any, tuple[int, Any, Any]] = {}  # message to come: its partition, the share to come, its lane
        self.shares: list[Any] = []
        self.messages: list[Message] = []

    def start(self, *sites: np.ndarray) -> None:
        """Begin with sites that are 1, or with given precisions and shifts in the rows' order, however these are cut.

        Raises:
            ValueError: if they are too few or too many, or leave no proper posterior.
        """
        count = sum(n for n, _ in self.shapes)
        if any(len(array) != count for array in sites):
            raise ValueError(f"the checkpoint holds {len(sites[0])} sites for {count} rows: it belongs to other data")
        cuts = np.cumsum([n for n, _ in self.shapes])[:-1]
        pieces = zip(self.rows, *(np.split(array, cuts) for array in sites), strict=True)
        self.shares = [self.cluster.submit(share_of, *piece) for piece in pieces]
        self.messages = self.cluster.gather([self.cluster.submit(message_of, share) for share in self.shares])
        if not is_proper(self.posterior()[0]):
            raise ValueError("the checkpoint's sites leave no proper posterior: it belongs to other data")

    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        """Precision and shift of prior times messages."""
        d = self.shapes[0][1]
        precision, shift = np.eye(d), np.zeros(d)
        for message in self.messages:
            precision, shift = precision + message.precision, shift + message.shift
        return precision, shift

    def log_evidence(self) -> float:
        """log of the integral of prior times scaled sites (3.40)."""
        precision, shift = self.posterior()
        log_det = np.linalg.slogdet(precision)[1]
        log_scale = sum(message.log_scale for message in self.messages)
        return 0.5 * float(shift @ np.linalg.solve(precision, shift) - log_det) + log_scale

    def synchronous(self, damping: float) -> tuple[float, int]:
        """Ask all partitions from one posterior, and take their messages together; the largest mismatch, and the skipped."""
        for message in list(self.pending):  # of asynchronous rounds
            self._take([message])
        posterior = self.posterior()
        for k in range(len(self.rows)):
            self._ask(k, posterior, damping)
        return self._take(self.pending)

    def asynchronous(self, damping: float) -> tuple[float, int]:
        """Take as many messages as there are partitions, each when it comes, and ask the next partition of that lane."""
        if not self.pending:
            for lane in self.lanes:
                self._ask(lane[0], self.posterior(), damping, lane)
        reports = []
        for _ in self.rows:
            first = self.cluster.first(self.pending)
            lane = self.pending[first][2]
            reports.append(self._take([first]))
            lane.rotate(-1)
            self._ask(lane[0], self.posterior(), damping, lane)
        return max(mismatch for mismatch, _ in reports), sum(skipped for _, skipped in reports)

    def fetch(self) -> tuple[np.ndarray, np.ndarray]:
        """All sites' precisions and shifts, brought here; from here they travel, so that a loss goes back no further."""
        self.shares = self.cluster.gather(self.shares)
        return np.concatenate([share.tau for share in self.shares]), np.concatenate([share.nu for share in self.shares])

    def traffic(self) -> Traffic:
        """Of one round: to each partition a precision and a shift, and back the same with three numbers more."""
        count, d = len(self.rows), self.shapes[0][1]
        numbers = count * (2 * (d * d + d) + 3)
        return Traffic(2 * count, numbers * np.dtype(float).itemsize)

    def _ask(self, k, posterior, damping, lane=None):
        share = self.cluster.submit(refine, self.rows[k], self.shares[k], *posterior, self.term, self.inner, damping)
        self.pending[self.cluster.submit(message_of, share)] = k, share, lane

    def _take(self, pending):
        """Take these messages, unless they leave no proper posterior: then nothing changes, and the mismatch is infinite."""
        pending = list(pending)
        messages, before = self.cluster.gather(pending), self.messages
        places = [self.pending.pop(future) for future in pending]
        mismatch, skipped = max(message.mismatch for message in messages), sum(message.skipped for message in messages)
        self.messages = list(before)
        for (k, _, _), message in zip(places, messages, strict=True):
            self.messages[k] = message
        if not mismatch < np.inf or not is_proper(self.posterior()[0]):
            self.messages = before
            return np.inf, skipped
        for k, share, _ in places:
            self.shares[k] = share
        return mismatch, skipped
