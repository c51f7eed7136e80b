"""Balls that fly straight and bounce off the walls w.x_i = 0: the three pools of thesis section 5.8.

A place w and a velocity v are kept as images [w.n_1 .. w.n_n | w], the distances from all walls and then the coordinates.
The image of a wall's unit normal n_i is a row of a table made once, so a bounce adds one row to v, with a kernel as without.
"""

import numpy as np

TINY = 1e-300  # keeps a ball that touches a wall, up to rounding, in front of it


class Pool:
    """Many balls at once, and the centre of mass of the path of each.

    Args:
        normals: unit rows, shape (n, d): a ball may be where all w.n_i > 0.
        products: the inner products of the normals, shape (n, n).
        start: places of the balls, shape (m, d).
        velocity: of unit length, shape (m, d).
        rng: draws new velocities.

    Attributes:
        position, velocity: images, shape (m, n + d).
        place: the coordinates in `position`.
        hit: what ended the last flight, shape (m,): a wall by its number, n for the sphere, n + 1 for nothing.
        time: how long that flight was, shape (m,).
        path, moment: length of the path pooled so far, shape (m,), and its length times its centre, shape (m, d).
        steps: how many flights each ball has made.
        fresh, escapes: of all flights, those that ended in a new velocity, and those that met no wall.
        reach: the length of w on the sphere over its mean in the pool.

    Book: section 5.8.
    """

    hit: np.ndarray
    time: np.ndarray
    reach = 1.0
    steps = fresh = escapes = 0

    def __init__(self, normals, products, start, velocity, rng):
        (self.n, self.d), self.rng = normals.shape, rng
        self.normals, self.walls = normals, np.hstack([products, normals])
        self.start, self.position, self.velocity = start, self.image(start), self.image(velocity)
        self.distance, self.place = self.position[:, : self.n], self.position[:, self.n :]  # views
        self.ball = np.arange(len(start))
        self.path, self.moment = np.zeros(len(start)), np.zeros(start.shape)

    def image(self, w):
        """Distances from all walls, then coordinates."""
        return np.hstack([np.einsum("ij,kj->ik", w, self.normals), w])  # no BLAS: the same bits everywhere

    def wall_rates(self, out):
        """v.n / w.n, which is minus one over the time to a wall ahead (5.100)-(5.102), and not negative where it is behind."""
        np.maximum(self.distance, TINY, out=self.distance)
        np.divide(self.velocity[:, : self.n], self.distance, out=out)

    def reflect(self, balls):
        """Mirror the velocity of some balls in the wall that each has hit (5.109)."""
        wall = self.hit[balls]
        self.velocity[balls] -= (2 * self.velocity[balls, wall])[:, None] * self.walls[wall]

    def redraw(self, balls):
        """Give some balls velocities of unit length in random directions."""
        self.settle(balls, random_directions(len(balls), self.d, self.rng))
        self.fresh += len(balls)

    def settle(self, balls, velocity):
        """Set velocities of some balls, and make all images of theirs anew: rounding then does not add up."""
        self.position[balls], self.velocity[balls] = self.image(self.place[balls]), self.image(velocity)

    @property
    def settle_flops(self):
        """Operations of a new velocity: drawing it, and two images."""
        return 4 * self.n * self.d + 4 * self.d + 1

    def count_step(self):
        """Count, and settle all balls every thousand steps."""
        self.steps += 1
        if self.steps % 1000 == 0:
            velocity = self.velocity[:, self.n :]
            self.settle(self.ball, velocity / np.sqrt(_dot(velocity, velocity))[:, None])

    def step(self):
        """Fly every ball to where its flight ends, pool the path, and turn the velocity."""
        raise NotImplementedError


class Ball(Pool):
    """The thesis's new pool: inside the unit sphere, whose surface is one more wall.

    A bounce off a wall changes neither |w| nor w.v, and so not the time to the sphere: it runs down like a clock.

    Args:
        length: path after which a ball gets a new velocity.
        bounces: flights after which all do.

    Attributes:
        rates: minus one over the times to all walls, the sphere, and a new velocity, shape (m, n + 2).

    Example:
        >>> ball = Ball(np.eye(2), np.eye(2), np.array([[0.5, 0.5]]), np.array([[-1.0, 0.0]]), np.random.default_rng(0))
        >>> ball.step()
        >>> ball.hit, ball.time, ball.place.round(9)
        (array([0]), array([0.5]), array([[0. , 0.5]]))

    Book: section 5.8.
    """

    def __init__(self, *places, length=np.inf, bounces=np.inf):
        super().__init__(*places)
        self.length, self.bounces, self.reach = length, bounces, (self.d + 1) / self.d
        self.rates, self.clocks = np.empty((len(self.ball), self.n + 2)), np.full((len(self.ball), 2), float(length))
        self._wind(self.ball, *self._against_radius(self.ball))

    @property
    def flops(self):
        """Operations so far."""
        return len(self.ball) * self.steps * (6 * self.n + 8 * self.d + 12) + self.fresh * (self.settle_flops + 4 * self.d + 7)

    def step(self):
        n, rates = self.n, self.rates
        self.wall_rates(rates[:, :n])
        np.divide(-1, self.clocks, out=rates[:, n:])
        self.hit = rates.argmin(axis=1)
        self.time = -1 / rates[self.ball, self.hit]
        self._fly(self.time)
        off_wall = (self.hit < n).nonzero()[0]
        self.reflect(off_wall)
        if len(off_wall) < len(self.ball):
            self._turn_inward((self.hit == n).nonzero()[0])
            tired = (self.hit > n).nonzero()[0]
            if len(tired):
                self.redraw(tired)
                self.clocks[tired, 1] = self.length
        self.count_step()
        if self.steps % self.bounces == 0:
            self.redraw(self.ball)

    def _fly(self, time):
        """(5.105)-(5.108): v has length 1, so time is length."""
        half = (0.5 * time)[:, None] * self.velocity
        time = time[:, None]
        self.position += half  # to the midpoint
        self.moment += time * self.place
        self.position += half
        self.path += time[:, 0]
        np.maximum(self.clocks - time, TINY, out=self.clocks)

    def _turn_inward(self, balls):
        """Mirror the velocity in the sphere (5.110)."""
        radial, square = self._against_radius(balls)
        self.velocity[balls] -= (2 * radial / square)[:, None] * self.position[balls]
        self._wind(balls, -radial, square)

    def settle(self, balls, velocity):
        super().settle(balls, velocity)
        self._wind(balls, *self._against_radius(balls))

    def _against_radius(self, balls):
        """w.v and w.w."""
        place = self.place[balls]
        return _dot(place, self.velocity[balls, self.n :]), _dot(place, place)

    def _wind(self, balls, radial, square):
        """Set the clock that tells the time to the sphere (5.104), |v| = 1."""
        self.clocks[balls, 0] = np.maximum(np.sqrt(radial**2 + np.maximum(1 - square, 0.0)) - radial, TINY)


class Sphere(Pool):
    """The older pools: the ball flies off the sphere, and is projected back onto it where it hits a wall.

    A ball with no wall ahead escapes.  It restarts where it began (Rujan 1997), or stays (Herbrich et al. 1999);
    either way with a new velocity.

    Args:
        restart: whether it restarts.

    Example:
        >>> one, ahead = np.array([[0.6, 0.8]]), np.array([[1.0, 0.0]])
        >>> table = Sphere(np.eye(2), np.eye(2), one, ahead, np.random.default_rng(0), restart=True)
        >>> table.step()
        >>> table.escapes, bool(np.allclose(table.place, one))
        (1, True)

    Book: section 5.8.
    """

    def __init__(self, *places, restart):
        super().__init__(*places)
        self.restart, self.rates = restart, np.empty((len(self.ball), self.n))

    @property
    def flops(self):
        """Operations so far."""
        flight, bounce = 4 * self.n + 12 * self.d + 6, 2 * (self.n + self.d) + 1
        return len(self.ball) * self.steps * (flight + bounce) + self.escapes * (self.settle_flops - bounce)

    def step(self):
        self.wall_rates(self.rates)
        self.hit = self.rates.argmin(axis=1)
        rate = self.rates[self.ball, self.hit]
        ahead = rate < 0
        self.time = np.divide(-1, rate, out=np.zeros(len(rate)), where=ahead)
        self._fly(self.time)
        self.reflect(ahead.nonzero()[0])
        lost = (~ahead).nonzero()[0]
        if len(lost):
            self.hit[lost] = self.n + 1
            self.escapes += len(lost)
            if self.restart:
                self.place[lost] = self.start[lost]
            self.redraw(lost)
        self.count_step()

    def _fly(self, time):
        """To the wall, back to the sphere, and the chord between the two places into the pool."""
        before = self.place.copy()
        self.position += time[:, None] * self.velocity
        self.position /= np.sqrt(_dot(self.place, self.place))[:, None]
        step = self.place - before
        chord = np.sqrt(_dot(step, step))
        self.moment += (0.5 * chord)[:, None] * (before + self.place)
        self.path += chord


def random_directions(m: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """m unit vectors, every direction as probable, shape (m, d)."""
    draws = rng.standard_normal((m, d))
    return draws / np.sqrt(_dot(draws, draws))[:, None]


def _dot(a, b):
    """Inner products row by row."""
    return np.einsum("ij,ij->i", a, b)
