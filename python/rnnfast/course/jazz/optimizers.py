"""The optimiser under the names that Keras gives its settings."""

from __future__ import annotations

from rnnfast import optim


class Adam(optim.Adam):
    """`rnnfast.Adam` with Keras' names, defaults and form of epsilon.

    Parameters
    ----------
    learning_rate : float, default 0.001
        `lr` is its older name.
    beta_1, beta_2 : float
    epsilon : float
        Added before the bias correction.
    decay : float
        The rate at step t (the first is step 0) is ``learning_rate / (1 + decay * t)``.

    Examples
    --------
    >>> Adam(lr=0.01, beta_1=0.9, beta_2=0.999, decay=0.01).learning_rate
    0.01
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        decay: float = 0.0,
        *,
        lr: float | None = None,
    ) -> None:
        if learning_rate is not None and lr is not None:
            raise TypeError("learning_rate is given twice, as lr too")
        given = lr if learning_rate is None else learning_rate
        super().__init__(
            learning_rate=0.001 if given is None else given,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
            keras_epsilon=True,
            decay=decay,
        )
