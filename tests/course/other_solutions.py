"""Right solutions again, written as differently as may be: other algebra, loops, float32, other containers."""

import math

import numpy as np


def softmax(x):
    x = np.atleast_2d(x)
    result = np.empty_like(x)
    for n, column in enumerate(x.T):
        exponentials = [math.exp(v) for v in column]
        result[:, n] = [e / math.fsum(exponentials) for e in exponentials]
    return result


def rnn_cell_forward(xt, a_prev, parameters):
    """In float32."""
    p = {name: value.astype(np.float32) for name, value in parameters.items()}
    W = np.hstack([p["Waa"], p["Wax"]])
    a_next = np.tanh(W @ np.vstack([a_prev, xt]).astype(np.float32) + p["ba"])
    return [a_next, softmax(p["Wya"] @ a_next + p["by"]), (a_next, a_prev, xt, parameters)]


def rnn_backward(da, caches):
    """Without a function for the cell, and adding to da where it is."""
    cells, x = caches
    T = da.shape[2]
    p = cells[0][3]
    dz = np.zeros_like(da)
    da0 = np.zeros(da.shape[:2])
    for t in range(T)[::-1]:
        da[..., t] += da0
        dz[..., t] = da[..., t] / np.cosh(np.arctanh(cells[t][0])) ** 2
        da0 = np.tensordot(p["Waa"], dz[..., t], axes=(0, 0))
    before = np.stack([cell[1] for cell in cells[:T]], axis=2)
    return {
        "dba": dz.sum(axis=2).sum(axis=1).reshape(-1, 1),
        "dWaa": np.einsum("imt,jmt->ij", dz, before),
        "dWax": np.einsum("imt,jmt->ij", dz, x[:, :, :T]),
        "da0": da0,
        "dx": np.einsum("ij,imt->jmt", p["Wax"], dz),
        "extra": None,
    }


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """All gates in one product; sigmoid by way of tanh."""
    n_a = len(a_prev)
    W = np.vstack([parameters["W" + gate] for gate in "oifc"])
    b = np.vstack([parameters["b" + gate] for gate in "oifc"])
    z = W @ np.r_[a_prev, xt] + b
    ot, it, ft = np.split((1 + np.tanh(z[: 3 * n_a] / 2)) / 2, 3)
    cct = np.tanh(z[3 * n_a :])
    c_next = c_prev - (1 - ft) * c_prev + it * cct
    a_next = ot * (1 - 2 / (np.exp(2 * c_next) + 1))
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_backward(da, caches):
    """By central differences in one direction a parameter: slow, and right."""
    cells, x = caches
    T = da.shape[2]
    start = cells[0][2], cells[0][3]
    parameters = cells[0][-1]

    def loss(x, a0, parameters):
        a, c, total = a0, start[1], 0.0
        for t in range(T):
            a, c, _, _ = lstm_cell_forward(x[:, :, t], a, c, parameters)
            total += float((a * da[:, :, t]).sum())
        return total

    def slope(array, f):
        result = np.zeros(array.shape)
        for index in np.ndindex(*array.shape):
            up, down = array.copy(), array.copy()
            up[index] += 1e-5
            down[index] -= 1e-5
            result[index] = (f(up) - f(down)) / 2e-5
        return result

    first = x[:, :, :T]
    gradients = {
        "dx": slope(first, lambda v: loss(v, start[0], parameters)),
        "da0": slope(start[0], lambda v: loss(first, v, parameters)),
    }
    for name in [kind + gate for kind in "Wb" for gate in "fico"]:
        gradients["d" + name] = slope(
            parameters[name], lambda v, name=name: loss(first, start[0], {**parameters, name: v})
        )
    return gradients


def gru_cell_backward(da_next, cache):
    """One example at a time."""
    _, a_prev, rt, ut, cct, xt, p = cache
    n_a, m = a_prev.shape
    out = {"d" + kind + gate: np.zeros_like(p[kind + gate]) for kind in "Wb" for gate in "ruc"}
    out.update(dxt=np.zeros_like(xt), da_prev=np.zeros_like(a_prev))
    for n in range(m):
        a, r, u, g, x, d = (array[:, n] for array in (a_prev, rt, ut, cct, xt, da_next))
        candidate = d * u * (1 - g) * (1 + g)
        below = p["Wc"].T @ candidate
        reset = below[:n_a] * a * (r - r**2)
        update = d * (g - a) * (u - u**2)
        both = p["Wr"].T @ reset + p["Wu"].T @ update
        out["da_prev"][:, n] = d - d * u + below[:n_a] * r + both[:n_a]
        out["dxt"][:, n] = below[n_a:] + both[n_a:]
        for gate, dz, inner in (("r", reset, a), ("u", update, a), ("c", candidate, r * a)):
            out["dW" + gate] += np.outer(dz, np.append(inner, x))
            out["db" + gate][:, 0] += dz
    return out


def clip(gradients, maxValue):
    """Element by element, and a dictionary of its own."""
    for gradient in gradients.values():
        for index, value in np.ndenumerate(gradient):
            gradient[index] = maxValue if value > maxValue else -maxValue if value < -maxValue else value
    return dict(gradients)


def rnn_forward(X, Y, a_prev, parameters):
    """The dinosaurs': columns of Wax taken, the loss by logsumexp."""
    n = parameters["Wax"].shape[1]
    x, a, y_hat, loss = {}, {-1: a_prev}, {}, 0.0
    for t, letter in enumerate(X):
        x[t] = np.eye(n)[:, [letter]] if letter is not None else np.zeros((n, 1))
        chosen = 0 if letter is None else parameters["Wax"][:, [letter]]
        a[t] = np.tanh(parameters["Waa"] @ a[t - 1] + parameters["b"] + chosen)
        z = parameters["Wya"] @ a[t] + parameters["by"]
        logsum = np.log(np.exp(z).sum())
        y_hat[t] = np.exp(z - logsum)
        loss += logsum - z[Y[t], 0]
    return np.float64(loss), [y_hat, a, x]


def sample(parameters, char_to_ix, seed):
    """By the distribution function, with a generator of its own."""
    p = parameters
    a, letter, out = np.zeros_like(p["b"]), None, []
    for step in range(50):
        a = np.tanh(p["Waa"] @ a + p["b"] + (0 if letter is None else p["Wax"][:, [letter]]))
        total = np.cumsum(softmax(p["Wya"] @ a + p["by"]))
        letter = int(
            np.searchsorted(total / total[-1], np.random.RandomState(seed + 2 * step).rand(), "right")
        )
        out.append(letter)
        if letter == char_to_ix["\n"]:
            return out
    return np.array([*out, char_to_ix["\n"]])
