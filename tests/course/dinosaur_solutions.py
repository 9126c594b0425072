"""Right solutions of the dinosaur exercise, as a student might write them in a notebook."""
# ruff: noqa: NPY002

import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum(axis=0)


def initialize_parameters(n_a, n_x, n_y):
    np.random.seed(1)
    Wax = np.random.randn(n_a, n_x) * 0.01
    Waa = np.random.randn(n_a, n_a) * 0.01
    Wya = np.random.randn(n_y, n_a) * 0.01
    return {"Wax": Wax, "Waa": Waa, "Wya": Wya, "b": np.zeros((n_a, 1)), "by": np.zeros((n_y, 1))}


def rnn_step_forward(parameters, a_prev, x):
    z = parameters["Wax"] @ x + parameters["Waa"] @ a_prev + parameters["b"]
    a_next = np.tanh(z)
    return a_next, softmax(parameters["Wya"] @ a_next + parameters["by"])


def rnn_step_backward(dy, gradients, parameters, x, a, a_prev):
    gradients["dWya"] += np.dot(dy, a.T)
    gradients["dby"] += dy
    da = np.dot(parameters["Wya"].T, dy) + gradients["da_next"]
    draw = (1 - a * a) * da
    gradients["db"] += draw
    gradients["dWax"] += np.dot(draw, x.T)
    gradients["dWaa"] += np.dot(draw, a_prev.T)
    gradients["da_next"] = np.dot(parameters["Waa"].T, draw)
    return gradients


def rnn_forward(X, Y, a_prev, parameters, vocab_size=27):
    x, a, y_hat = {}, {-1: np.copy(a_prev)}, {}
    loss = 0
    for t in range(len(X)):
        x[t] = np.zeros((vocab_size, 1))
        if X[t] is not None:
            x[t][X[t]] = 1
        a[t], y_hat[t] = rnn_step_forward(parameters, a[t - 1], x[t])
        loss -= np.log(y_hat[t][Y[t], 0])
    return loss, (y_hat, a, x)


def rnn_backward(X, Y, parameters, cache):
    y_hat, a, x = cache
    gradients = {"d" + name: np.zeros_like(value) for name, value in parameters.items()}
    gradients["da_next"] = np.zeros_like(a[0])
    for t in reversed(range(len(X))):
        dy = np.copy(y_hat[t])
        dy[Y[t]] -= 1
        gradients = rnn_step_backward(dy, gradients, parameters, x[t], a[t], a[t - 1])
    return gradients, a


def update_parameters(parameters, gradients, lr):
    for name in parameters:
        parameters[name] += -lr * gradients["d" + name]
    return parameters


def clip(gradients, maxValue):
    for name in ["dWax", "dWaa", "dWya", "db", "dby"]:
        np.clip(gradients[name], -maxValue, maxValue, out=gradients[name])
    return gradients


def smooth(loss, cur_loss):
    return loss * 0.999 + cur_loss * 0.001


def get_initial_loss(vocab_size, seq_length):
    return seq_length * np.log(vocab_size)


def get_sample(sample_ix, ix_to_char):
    txt = "".join(ix_to_char[ix] for ix in sample_ix)
    return txt[0].upper() + txt[1:]


def print_sample(sample_ix, ix_to_char):
    print(get_sample(sample_ix, ix_to_char), end="")


def sample(parameters, char_to_ix, seed):
    vocab_size = parameters["by"].shape[0]
    x = np.zeros((vocab_size, 1))
    a = np.zeros((parameters["Waa"].shape[0], 1))
    indices, idx, counter = [], -1, 0
    while idx != char_to_ix["\n"] and counter != 50:
        a, y = rnn_step_forward(parameters, a, x)
        np.random.seed(counter + seed)
        idx = np.random.choice(range(vocab_size), p=y.ravel())
        indices.append(idx)
        x = np.zeros((vocab_size, 1))
        x[idx] = 1
        seed += 1
        counter += 1
    if counter == 50:
        indices.append(char_to_ix["\n"])
    return indices


def optimize(X, Y, a_prev, parameters, learning_rate=0.01):
    loss, cache = rnn_forward(X, Y, a_prev, parameters)
    gradients, a = rnn_backward(X, Y, parameters, cache)
    gradients = clip(gradients, 5)
    parameters = update_parameters(parameters, gradients, learning_rate)
    return loss, gradients, a[len(X) - 1]


def model(data_x, ix_to_char, char_to_ix, num_iterations=35000, n_a=50, dino_names=7, vocab_size=27):
    parameters = initialize_parameters(n_a, vocab_size, vocab_size)
    loss = get_initial_loss(vocab_size, dino_names)
    examples = [line.strip() for line in data_x]
    np.random.seed(0)
    np.random.shuffle(examples)
    a_prev = np.zeros((n_a, 1))
    for j in range(num_iterations):
        letters = [char_to_ix[ch] for ch in examples[j % len(examples)]]
        X = [None, *letters]
        Y = [*letters, char_to_ix["\n"]]
        current, _, a_prev = optimize(X, Y, a_prev, parameters)
        loss = smooth(loss, current)
        if j % 1000 == 0:
            print(f"Iteration: {j}, Loss: {loss:f}" + "\n")
            for seed in range(dino_names):
                last = get_sample(sample(parameters, char_to_ix, seed), ix_to_char)
                print(last.replace("\n", ""))
            print("\n")
    return parameters, last
