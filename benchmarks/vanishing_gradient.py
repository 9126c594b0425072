"""How far back a loss reaches: the norm of d(loss at step T) / d(state at step t), for each cell.

``python -m benchmarks.vanishing_gradient PATH.json`` writes the numbers there, and PATH.png beside them. Each layer
runs one step at a time, and the gradient on its state comes back the same way: forward and backward in pieces, with
nothing but public calls. The loss is a random direction in the last h.

Hochreiter 1991, Bengio et al. 1994 and Pascanu et al. 2013 say why it vanishes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plot import INK
from rnnfast import GRU, LSTM, RNN, __version__, initialisers

T, N, D, H = 100, 64, 8, 64
CELLS = {"RNN, tanh": RNN, "GRU": GRU, "LSTM": LSTM}
COLOURS = {"RNN, tanh": "#c8562a", "GRU": "#8a6d3b", "LSTM": "#0b5fa5"}
UNIFORM, OWN, OPEN = WEIGHTS = (
    "uniform within ±1/√H",
    "as layers begin: R orthonormal, forget gate +1",
    "uniform, the gates that keep the state +5",
)
KEEPING = {"GRU": slice(H, 2 * H), "LSTM": slice(H, 2 * H)}  # z and f: where they lie in b

Layer = RNN | GRU | LSTM
Norms = dict[str, list[float]]


def main(path: Path) -> None:
    """Write the numbers and the picture."""
    rows = list(measure())
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    draw(rows).savefig(path.with_suffix(".png"), dpi=130, metadata={"Software": None})


def measure() -> Iterator[dict[str, Any]]:
    """One row for each cell and kind of weights."""
    for weights in WEIGHTS:
        for name in CELLS:
            norms = norms_of(make(name, weights), steps=T, batch=N)
            sizes = {"T": T, "N": N, "D": D, "H": H}
            yield {"cell": name, "weights": weights, "norms": norms, "sizes": sizes, "rnnfast": __version__}


def make(cell: str, weights: str) -> Layer:
    """Build a layer in double precision, so that small gradients stay exact."""
    layer = CELLS[cell](D, H, dtype="float64", seed=1)
    if weights == OWN:
        return layer
    new = {
        name: initialisers.uniform(p.shape, H**-0.5, seed=1, stream=k)
        for k, (name, p) in enumerate(layer.parameters.items())
    }
    if weights == OPEN and cell in KEEPING:
        new["layers.0.b"][KEEPING[cell]] += 5
    layer.set_parameters(new)
    return layer


def norms_of(layer: Layer, steps: int, batch: int) -> Norms:
    """Of the gradient on h, and on c where there is one, after 0 to `steps` steps: geometric means over the batch."""
    r = np.random.default_rng(0)
    x = r.normal(size=(steps, batch, D))
    state, workspaces = layer.initial_state(batch), []
    for t in range(steps):
        _, state, workspace = layer.forward(x[t : t + 1], state)
        workspaces.append(workspace)
    direction = r.normal(size=(1, batch, H))
    dh = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    dstate: Any = (dh, np.zeros_like(dh)) if isinstance(state, tuple) else dh
    gradients, none = [dstate], np.zeros((1, batch, H))
    for workspace in reversed(workspaces):
        dstate = layer.backward(none, dstate, workspace).dstate
        gradients.append(dstate)
    gradients.reverse()
    if not isinstance(state, tuple):
        return {"h": [_norm(own) for own in gradients]}
    return {"h": [_norm(own[0]) for own in gradients], "c": [_norm(own[1]) for own in gradients]}


def _norm(gradient: Any) -> float:
    with np.errstate(divide="ignore"):  # of nothing: the loss knows no c yet
        return float(np.exp(np.log(np.linalg.norm(gradient[0], axis=-1)).mean()))


def draw(rows: list[dict[str, Any]]) -> Any:
    """One panel for each kind of weights: the norm against the steps between."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.4), layout="constrained")
    panels = figure.subplots(1, len(WEIGHTS), sharey=True)
    for panel, weights in zip(panels, WEIGHTS, strict=True):
        for row in rows:
            if row["weights"] == weights:
                _lines(panel, row)
        panel.set_yscale("log")
        panel.set_title(weights, fontsize=10, color=INK)
        panel.set_xlabel("t", color=INK)
        panel.grid(color="#e6e8ec", linewidth=0.8)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    panels[0].set_ylabel("norm of d(loss at step T) / d(state at step t)", color=INK)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    first = rows[0]
    sizes = ", ".join(f"{letter} = {size}" for letter, size in first["sizes"].items())
    figure.suptitle(f"How far back a loss reaches, before any training ({sizes})", color=INK, fontsize=11)
    return figure


def _lines(panel: Any, row: dict[str, Any]) -> None:
    for state, norms in row["norms"].items():
        known = [(t, norm) for t, norm in enumerate(norms) if norm > 0]
        panel.plot(
            *zip(*known, strict=True),
            color=COLOURS[row["cell"]],
            linestyle="-" if state == "h" else "--",
            label=f"{row['cell']}: {state}",
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
