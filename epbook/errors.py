"""What epbook raises and warns, beside ValueError for bad input."""


class NoMassError(ArithmeticError):
    """A term gives its cavity no probability: there is no tilted distribution to match."""


class ImproperPosteriorError(ArithmeticError):
    """The product of prior and sites cannot be normalised."""


class NotSeparableError(ValueError):
    """Noise-free labels that no separator can produce: the posterior is empty."""


class BoundError(ArithmeticError):
    """A lower bound that can only rise fell, or rounding has lost it."""


class ConvergenceWarning(UserWarning):
    """Expectation propagation stopped before its moments matched."""
