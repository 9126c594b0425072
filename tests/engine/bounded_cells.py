"""The cells on numbers that know their errors (bounds.py), both passes written as the engine's kernels are.

A cell is one layer in one direction, over sequences of one length. What its gradients on weights are sums of comes as
rows, one for each step and sample, so that rows of several runs can be summed together: `gradients` bounds the sum in
any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import bounds, cases
from .bounds import Approximate

Steps = list[Approximate]
Rows = dict[str, Approximate]
"""A name -> [steps * samples, ...]."""


def rows_of(steps: Steps) -> Approximate:
    """Steps [N, k] below each other."""
    return bounds.concatenate(steps, axis=0)


def product(rows: Rows, left: str, right: str) -> Approximate:
    return bounds.product(rows[left].T, rows[right])


@dataclass
class Rnn:
    """da = dh f'(a)."""

    W: Any
    R: Any
    b: Any
    nonlinearity: str = "tanh"

    def forward(self, x: Any, h0: Any) -> dict[str, Steps]:
        h, a = [bounds.exact(h0)], []
        for x_t in x:
            a.append(bounds.product(h[-1], self.R, bounds.product(x_t, self.W, self.b)))
            h.append(bounds.tanh(a[-1]) if self.nonlinearity == "tanh" else bounds.relu(a[-1]))
        return {"h": h, "a": a}

    def backward(self, x: Any, run: dict[str, Steps], dh_out: Any, dh_last: Any) -> tuple[Rows, Rows]:
        """Rows, and the gradients on the initial state."""
        h, dh, das = run["h"], bounds.exact(dh_last), []
        for t in reversed(range(len(run["a"]))):
            dh = dh + dh_out[t]
            if self.nonlinearity == "tanh":
                da = dh * (1 - h[t + 1] * h[t + 1])
            else:
                da = bounds.where_positive(run["a"][t], dh)
            das.insert(0, da)
            dh = bounds.product(da, self.R.T)
        return {"x": rows_of(x), "h": rows_of(h[:-1]), "da": rows_of(das)}, {"dh0": dh}

    def gradients(self, rows: Rows) -> Rows:
        """On the parameters, and the rows of dx."""
        return {
            "dx": bounds.product(rows["da"], self.W.T),
            "dW": product(rows, "x", "da"),
            "dR": product(rows, "h", "da"),
            "db": bounds.total(rows["da"].T),
        }


@dataclass
class Gru:
    """u is what the reset gate multiplies, where it comes after the product, and r * h where before it."""

    W: Any
    R: Any
    b: Any
    b_Rn: Any = None

    def _halves(self, M: Any) -> tuple[Any, Any]:
        two = 2 * M.shape[-1] // 3
        return M[..., :two], M[..., two:]

    def forward(self, x: Any, h0: Any) -> dict[str, Steps]:
        (W_rz, W_n), (R_rz, R_n), (b_rz, b_n) = map(self._halves, (self.W, self.R, self.b))
        H = R_n.shape[1]
        h, r, z, n, u = [bounds.exact(h0)], [], [], [], []
        for x_t in x:
            a_rz = bounds.product(h[-1], R_rz, bounds.product(x_t, W_rz, b_rz))
            a_n = bounds.product(x_t, W_n, b_n)
            r.append(bounds.sigmoid(a_rz[:, :H]))
            z.append(bounds.sigmoid(a_rz[:, H:]))
            if self.b_Rn is not None:
                u.append(bounds.product(h[-1], R_n, self.b_Rn))
                n.append(bounds.tanh(a_n + r[-1] * u[-1]))
            else:
                u.append(r[-1] * h[-1])
                n.append(bounds.tanh(bounds.product(u[-1], R_n, a_n)))
            h.append(z[-1] * h[-1] + (1 - z[-1]) * n[-1])
        return {"h": h, "r": r, "z": z, "n": n, "u": u}

    def backward(self, x: Any, run: dict[str, Steps], dh_out: Any, dh_last: Any) -> tuple[Rows, Rows]:
        """Rows, and the gradients on the initial state."""
        R_rz, R_n = self._halves(self.R)
        dh, das, dus = bounds.exact(dh_last), [], []
        for t in reversed(range(len(run["n"]))):
            h, r, z, n, u = (run[name][t] for name in "hrznu")
            dh = dh + dh_out[t]
            da_n = dh * (1 - z) * (1 - n * n)
            da_z = dh * (h - n) * (z * (1 - z))
            dh = dh * z
            if self.b_Rn is not None:
                du = da_n * r
                da_r = da_n * u * (r * (1 - r))
                dh = bounds.product(du, R_n.T, dh)
            else:
                du = bounds.product(da_n, R_n.T)
                da_r = du * h * (r * (1 - r))
                dh = dh + du * r
            das.insert(0, bounds.concatenate([da_r, da_z, da_n]))
            dus.insert(0, du)
            dh = bounds.product(das[0][:, : R_rz.shape[1]], R_rz.T, dh)
        rows = {"x": x, "h": run["h"][:-1], "u": run["u"], "da": das, "du": dus}
        return {name: rows_of(steps) for name, steps in rows.items()}, {"dh0": dh}

    def gradients(self, rows: Rows) -> Rows:
        """On the parameters, and the rows of dx."""
        da_rz, da_n = self._halves(rows["da"])
        left, right = ("h", rows["du"]) if self.b_Rn is not None else ("u", da_n)
        dR = [bounds.product(rows["h"].T, da_rz), bounds.product(rows[left].T, right)]
        found = {
            "dx": bounds.product(rows["da"], self.W.T),
            "dW": product(rows, "x", "da"),
            "dR": bounds.concatenate(dR),
            "db": bounds.total(rows["da"].T),
        }
        return found if self.b_Rn is None else found | {"db_Rn": bounds.total(rows["du"].T)}


@dataclass
class Lstm:
    """m is o tanh(c), which is h but for a projection."""

    W: Any
    R: Any
    b: Any
    coupled: bool = False
    peepholes: Any = None
    projection: Any = None

    def _peepholes(self, H: int) -> tuple[Any, Any, Any]:
        """p_i, p_f, p_o; coupled without p_f."""
        p = np.zeros(len(self.b) - H) if self.peepholes is None else self.peepholes
        p_i, *p_f, p_o = (bounds.exact(part) for part in np.split(p, len(p) // H))
        return p_i, p_f[0] if p_f else None, p_o

    def _seen(self, a: Approximate, p: Any, c: Approximate) -> Approximate:
        return a if self.peepholes is None else a + p * c

    def forward(self, x: Any, h0: Any, c0: Any) -> dict[str, Steps]:
        H = c0.shape[1]
        p_i, p_f, p_o = self._peepholes(H)
        h, c = [bounds.exact(h0)], [bounds.exact(c0)]
        run: dict[str, Steps] = {"h": h, "c": c, "i": [], "f": [], "g": [], "o": [], "m": []}
        for x_t in x:
            a = bounds.product(h[-1], self.R, bounds.product(x_t, self.W, self.b))
            a_i, *a_f, a_g, a_o = (a[:, k : k + H] for k in range(0, len(self.b), H))
            i, g = bounds.sigmoid(self._seen(a_i, p_i, c[-1])), bounds.tanh(a_g)
            f = 1 - i if self.coupled else bounds.sigmoid(self._seen(a_f[0], p_f, c[-1]))
            c.append(f * c[-1] + i * g)
            o = bounds.sigmoid(self._seen(a_o, p_o, c[-1]))
            m = o * bounds.tanh(c[-1])
            h.append(m if self.projection is None else bounds.product(m, self.projection))
            for name, value in zip("ifgom", (i, f, g, o, m), strict=True):
                run[name].append(value)
        return run

    def backward(
        self, x: Any, run: dict[str, Steps], dh_out: Any, dh_last: Any, dc_last: Any
    ) -> tuple[Rows, Rows]:
        """Rows, and the gradients on the initial state."""
        p_i, p_f, p_o = self._peepholes(dc_last.shape[1])
        dh, dc, das, dhs = bounds.exact(dh_last), bounds.exact(dc_last), [], []
        for t in reversed(range(len(run["m"]))):
            i, f, g, o, c = (run[name][t] for name in "ifgoc")
            tanh_c = bounds.tanh(run["c"][t + 1])
            dhs.insert(0, dh + dh_out[t])
            dm = dhs[0] if self.projection is None else bounds.product(dhs[0], self.projection.T)
            da_o = dm * tanh_c * (o * (1 - o))
            dc = self._seen(dc + dm * o * (1 - tanh_c * tanh_c), p_o, da_o)
            da_g = dc * i * (1 - g * g)
            if self.coupled:
                da_i, da_f = dc * (g - c) * (i * (1 - i)), None
            else:
                da_i, da_f = dc * g * (i * (1 - i)), dc * c * (f * (1 - f))
            dc = self._seen(dc * f, p_i, da_i)
            dc = dc if da_f is None else self._seen(dc, p_f, da_f)
            das.insert(0, bounds.concatenate([da for da in (da_i, da_f, da_g, da_o) if da is not None]))
            dh = bounds.product(das[0], self.R.T)
        rows = {"x": x, "h": run["h"][:-1], "before": run["c"][:-1], "after": run["c"][1:], "m": run["m"]}
        rows |= {"da": das, "dh": dhs}
        return {name: rows_of(steps) for name, steps in rows.items()}, {"dh0": dh, "dc0": dc}

    def gradients(self, rows: Rows) -> Rows:
        """On the parameters, and the rows of dx."""
        found = {
            "dx": bounds.product(rows["da"], self.W.T),
            "dW": product(rows, "x", "da"),
            "dR": product(rows, "h", "da"),
            "db": bounds.total(rows["da"].T),
        }
        if self.peepholes is not None:
            found["dpeepholes"] = self._peephole_gradient(rows)
        if self.projection is not None:
            found["dprojection"] = product(rows, "m", "dh")
        return found

    def _peephole_gradient(self, rows: Rows) -> Approximate:
        """Of each peephole the sum of da times the cell that its gate saw, as the diagonal of a product."""
        H = rows["after"].shape[1]
        columns = [rows["da"][:, k : k + H] for k in range(0, len(self.b), H)]
        del columns[-2]  # g sees nothing
        seen = [*([rows["before"]] * (len(columns) - 1)), rows["after"]]
        products = [bounds.product(da.T, cell) for da, cell in zip(columns, seen, strict=True)]
        diagonal = np.arange(H)
        return bounds.concatenate([p[diagonal, diagonal] for p in products])


Cell = Rnn | Gru | Lstm


def bounded(case: Any) -> tuple[dict[str, Approximate], Rows]:
    """A case's activations by name, [T, N, ...] or, of states, [T + 1, N, ...]; and all of its gradients."""
    cell: Any
    if isinstance(case, cases.Rnn):
        cell, before, after = Rnn(*case.weights, case.nonlinearity), [case.h0], [case.dh_last]
    elif isinstance(case, cases.Gru):
        cell, before, after = Gru(*case.weights), [case.h0], [case.dh_last]
    else:
        cell = Lstm(*case.weights, **case.options)
        before, after = [case.h0, case.c0], [case.dh_last, case.dc_last]
    x = [bounds.exact(x_t) for x_t in cases.as_vectors(case)]
    run = cell.forward(x, *before)
    rows, on_states = cell.backward(x, run, case.dh_out, *after)
    gradients = cell.gradients(rows) | on_states
    gradients["dx"] = gradients["dx"].reshape(len(x), *x[0].shape)
    return {name: bounds.stack(steps) for name, steps in run.items()}, gradients
