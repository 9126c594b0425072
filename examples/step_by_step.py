"""An LSTM step by step: forward, the gates in a picture, backward, and a check of a function of one's own.

Needs the extra `plot`. Writes gates.png into the current folder.
"""

import matplotlib.pyplot as plt
import numpy as np

from rnnfast.course import check
from rnnfast.course.steps import lstm_backward, lstm_forward

n_x, m, n_a, n_y, T_x = 3, 10, 12, 2, 30
random = np.random.default_rng(0)
parameters = {f"W{gate}": random.normal(size=(n_a, n_a + n_x)) for gate in "fico"}
parameters |= {f"b{gate}": np.zeros((n_a, 1)) for gate in "fico"}
parameters |= {"Wy": random.normal(size=(n_y, n_a)), "by": np.zeros((n_y, 1))}
x, a0 = random.normal(size=(n_x, m, T_x)), np.zeros((n_a, m))

# Forward: all hidden states, predictions and cell states, and what each step leaves for backward.
a, y, c, caches = lstm_forward(x, a0, parameters)
print("a", a.shape, "y", y.shape, "c", c.shape)

# The gates of the first example over time.
steps, _ = caches
figure, rows = plt.subplots(4, 1, sharex=True, layout="constrained", figsize=(8, 8))
for row, gate in zip(rows, ("ft", "it", "cct", "ot"), strict=True):
    values = np.stack([getattr(step, gate)[:, 0] for step in steps], axis=1)
    image = row.imshow(values, aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
    row.set_ylabel(f"{gate}, unit")
rows[-1].set_xlabel("time step")
figure.colorbar(image, ax=rows)
figure.savefig("gates.png")

# Backward: of the loss (a * da).sum(), da is the gradient on a. A difference says the same of any one weight.
da = random.normal(size=a.shape)
gradients = lstm_backward(da, caches)
losses = []
for step in (1e-6, -1e-6):
    moved = parameters | {"Wf": parameters["Wf"].copy()}
    moved["Wf"][2, 5] += step
    losses.append((lstm_forward(x, a0, moved)[0] * da).sum())
print("dWf[2, 5]:", gradients["dWf"][2, 5], "by a difference:", (losses[0] - losses[1]) / 2e-6)


# Your own functions: here a sum over the batch is missing.
def rnn_cell_backward(da_next, cache):
    """A student's solution."""
    a_next, a_prev, xt, parameters = cache
    dz = da_next * (1 - a_next**2)
    dxt, da_prev = parameters["Wax"].T @ dz, parameters["Waa"].T @ dz
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dz @ xt.T, "dWaa": dz @ a_prev.T, "dba": dz}


print(check(rnn_cell_backward))
