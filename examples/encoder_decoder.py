"""An encoder-decoder (Sutskever et al. 2014) out of layers: it reads "3 march 1984" and writes "1984-03-03"."""

import datetime

import numpy as np

from rnnfast import GRU, Adam, CosineDecay, Dense, softmax_cross_entropy

ALPHABET = "0123456789-,/ abcdefghijklmnopqrstuvwxyz"
FORMATS = "%d %B %Y", "%B %d, %Y", "%d/%m/%Y"
V, H = len(ALPHABET), 96


def encode(texts, length):
    """Tokens (T, N); -1 behind a text's end."""
    return np.array([[ALPHABET.index(c) for c in text] + [-1] * (length - len(text)) for text in texts]).T


def draw_dates(count, seed):
    """What is read (Tx, N), the lengths of that (N,), what shall be written (Ty, N)."""
    r = np.random.default_rng(seed)
    days = [datetime.date.fromordinal(day) for day in r.integers(711_000, 740_000, count).tolist()]
    texts = [day.strftime(FORMATS[r.integers(len(FORMATS))]).lower() for day in days]
    return encode(texts, 20), [len(text) for text in texts], encode(map(str, days), 10)


def train(steps=800, batch_size=64):
    """Learn from dates that no test draws."""
    layers = encoder, decoder, dense = GRU(V, H, seed=1), GRU(V, H, seed=2), Dense(H, V, seed=3)
    optimizer = Adam(CosineDecay(0.01, steps))
    for step in range(steps):
        x, lengths, y = draw_dates(batch_size, seed=step)
        read, meaning, of_encoder = encoder.forward(x, lengths=lengths)
        before = np.concatenate([np.full((1, batch_size), -1), y[:-1]])  # what it has written so far
        h, _, of_decoder = decoder.forward(before, meaning)
        logits, of_dense = dense.forward(h)
        _, dlogits = softmax_cross_entropy(logits, y)
        ddense = dense.backward(dlogits, of_dense)
        ddecoder = decoder.backward(ddense.dx, None, of_decoder)
        dencoder = encoder.backward(np.zeros_like(read), ddecoder.dstate, of_encoder)
        optimizer.step(layers, [dencoder, ddecoder, ddense], clip_norm=1.0)
    return layers


def write(layers, x, lengths):
    """What the decoder makes of dates (Tx, N): its likeliest letters (10, N)."""
    encoder, decoder, dense = layers
    letters, state = [np.full(x.shape[1], -1)], encoder(x, lengths=lengths)[1]
    for _ in range(10):
        h, state = decoder.step(letters[-1], state)
        letters.append(dense(h).argmax(axis=-1))
    return np.array(letters[1:])


if __name__ == "__main__":
    x, lengths, y = draw_dates(1000, seed=1_000_000)
    right = (write(train(), x, lengths) == y).all(axis=0)
    print(f"{right.mean():.1%} of 1000 unseen dates are right in all ten letters")
