from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.reference import dense, dropout, initialise, loss, lstm, model, random, sampling
from rnnfast.reference.optimizer import SGD, Adam, clip_by_norm, clip_by_value

from .differences import assert_gradient, assert_slopes, central_differences


def make(V=5, H=3, L=1, N=2, T=4, seed=0):
    """A model with biases that are not round numbers, and samples some of whose tokens are missing."""
    r = np.random.default_rng(seed)
    parameters = initialise.parameters(V, H, L, seed)
    parameters = {name: p + 0.3 * r.normal(size=p.shape) for name, p in parameters.items()}
    X, Y = r.integers(-1, V, (N, T)), r.integers(-1, V, (N, T))
    X[0, 0] = Y[0, -1] = 0
    X[-1, 1] = Y[-1, 0] = -1
    return parameters, X, Y


@pytest.mark.parametrize("reduction", ["token", "sequence"])
@pytest.mark.parametrize("shape", [(5, 3, 1, 2, 4), (3, 2, 2, 3, 3), (4, 2, 3, 1, 4)], ids=str)
def test_gradients_of_every_parameter(shape, reduction):
    parameters, X, Y = make(*shape)
    _, gradients = model.loss_and_gradients(parameters, X, Y, reduction)
    assert list(gradients) == list(parameters)
    for name, p in parameters.items():
        assert_gradient(
            lambda v, name=name: model.loss_and_gradients(parameters | {name: v}, X, Y, reduction)[0],
            p,
            gradients[name],
        )


KINDS = {
    "rnn_tanh": {"cell": "rnn_tanh"},
    "rnn_relu": {"cell": "rnn_relu", "embedding_size": 3},
    "gru": {"cell": "gru", "embedding_size": 2},
    "gru before, tied": {"cell": "gru", "reset_after": False, "embedding_size": 3, "tie_weights": True},
    "lstm, tied": {"cell": "lstm", "embedding_size": 3, "tie_weights": True},
}


def make_kind(kind, V=5, H=3, L=2, N=2, T=3):
    """As `make`, of another cell, with an embedding or with tied weights."""
    _, X, Y = make(V, H, L, N, T)
    r = np.random.default_rng(1)
    parameters = initialise.parameters(V, H, L, 4, **KINDS[kind])
    parameters = {name: p + 0.3 * r.normal(size=p.shape) for name, p in parameters.items()}
    if kind == "rnn_relu":  # no unit is dead
        parameters = {name: 0.5 * np.abs(p) if "layers" in name else p for name, p in parameters.items()}
    return parameters, X, Y


@pytest.mark.parametrize("dropped", [False, True], ids=["", "dropout"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_other_cells_embeddings_and_tied_weights(kind, dropped):
    parameters, X, Y = make_kind(kind)
    cell = KINDS[kind]["cell"]
    masks = model.dropout_masks(parameters, 3, 2, 0.3, seed=1, step=2) if dropped else None
    _, gradients = model.loss_and_gradients(parameters, X, Y, cell=cell, masks=masks)
    assert list(gradients) == list(parameters)
    for name, p in parameters.items():
        assert_slopes(
            lambda v, name=name: model.loss_and_gradients(
                parameters | {name: v}, X, Y, cell=cell, masks=masks
            )[0],
            p,
            gradients[name],
            step=2e-4,
        )


def test_an_embedding_of_one_hot_rows_changes_nothing():
    parameters, X, _ = make(V=5, H=3)
    embedded = {"embedding.W": np.eye(5), **parameters}
    np.testing.assert_allclose(
        model.forward(embedded, X)[0], model.forward(parameters, X)[0], rtol=1e-13, atol=1e-15
    )


def test_the_masks_of_a_step_are_streams_apart():
    parameters, _, _ = make_kind("gru")
    layers, top = model.dropout_masks(parameters, 3, 2, 0.5, seed=1, step=4)
    assert len(layers) == 2
    for mask, stream in ((layers[0], 16), (layers[1], 17), (top, 18)):
        want = dropout.mask(0.5, 1, stream, 6, mask.shape[2])
        np.testing.assert_array_equal(mask, want.reshape(mask.shape))
    one_hot, _ = model.dropout_masks(make(L=2)[0], 3, 2, 0.5, seed=1, step=4)
    assert one_hot[0] is None
    assert one_hot[1] is not None


def test_forward_is_the_layers_one_after_another():
    parameters, X, _ = make(V=5, H=3, L=2)
    zeros = np.zeros((2, 3))
    first = lstm.forward(X.T, *(parameters[f"layers.0.{k}"] for k in "WRb"), zeros, zeros)
    second = lstm.forward(first.h[1:], *(parameters[f"layers.1.{k}"] for k in "WRb"), zeros, zeros)
    logits, state = model.forward(parameters, X)
    np.testing.assert_array_equal(
        logits, dense.forward(second.h[1:], parameters["dense.W"], parameters["dense.b"])
    )
    np.testing.assert_array_equal(state.h, [first.h[-1], second.h[-1]])
    np.testing.assert_array_equal(state.c, [first.c[-1], second.c[-1]])


def test_state_carries_a_sequence_over_a_cut():
    parameters, X, _ = make(L=2, T=7)
    whole, end = model.predict(parameters, X)
    first, state = model.predict(parameters, X[:, :3])
    second, last = model.predict(parameters, X[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-13)
    np.testing.assert_allclose(last.c, end.c, rtol=1e-13)
    np.testing.assert_allclose(whole.sum(axis=-1), 1, rtol=1e-14)


def test_evaluate():
    parameters, X, Y = make(N=3)
    p = model.predict(parameters, X)[0]
    counted = [(n, t) for n in range(3) for t in range(4) if Y[n, t] >= 0]
    nats = -sum(math.log(p[n, t, Y[n, t]]) for n, t in counted) / len(counted)
    got = model.evaluate(parameters, X, Y)
    assert got["loss"] == pytest.approx(nats, rel=1e-12)
    assert got["perplexity"] == pytest.approx(math.exp(nats), rel=1e-12)
    assert got["bits_per_token"] == pytest.approx(nats / math.log(2), rel=1e-12)
    assert got["accuracy"] == sum(p[n, t].argmax() == Y[n, t] for n, t in counted) / len(counted)


def test_fit_is_its_steps():
    parameters, X, Y = make(N=5)
    optimizer, state, current = Adam(0.05), None, parameters
    result = model.fit(
        parameters, X, Y, epochs=2, batch_size=2, optimizer=optimizer, reduction="sequence", clip_value=0.3,
        clip_norm=0.5, seed=8, first_epoch=3,
    )  # fmt: skip
    for epoch, reported in zip((3, 4), result.losses, strict=True):
        order, total = random.permutation(5, 8, epoch), 0.0
        for chosen in (order[:2], order[2:4], order[4:]):
            value, gradients = model.loss_and_gradients(current, X[chosen], Y[chosen], "sequence")
            gradients, _ = clip_by_norm(clip_by_value(gradients, 0.3), 0.5)
            current, state = optimizer.update(current, gradients, state)
            total += value * len(chosen)
        assert reported == pytest.approx(total / 5, rel=1e-13)
    for name, p in current.items():
        np.testing.assert_array_equal(result.parameters[name], p)


@pytest.mark.parametrize("stateful", [False, True])
def test_a_truncated_fit_is_its_pieces(stateful):
    parameters, X, Y = make(N=3, T=7)
    Y[:, 5:] = -1  # the last piece ends with step 4
    result = model.fit(
        parameters, X, Y, epochs=1, optimizer=SGD(0.5), truncate=2, stateful=stateful, shuffle=False
    )
    current, state, total = parameters, None, 0.0
    for piece in (slice(0, 2), slice(2, 4), slice(4, 5)):
        x, y = X[:, piece], Y[:, piece]
        logits, after = model.forward(current, x, state)
        total += loss.row_losses(logits, y.T).sum()

        def of(p, x=x, y=y, state=state):
            return loss.cross_entropy(model.forward(p, x, state)[0], y.T)[0]

        b = current["layers.0.b"]
        slopes = central_differences(lambda v, c=current, of=of: of(c | {"layers.0.b": v}), b)
        whole = model.fit(current, x, y, epochs=1, optimizer=SGD(0.5)).parameters
        if state is None:
            np.testing.assert_allclose(whole["layers.0.b"], b - 0.5 * slopes, atol=1e-8)
            current = whole
        else:
            _, gradients, _ = model._differentiate(current, x, y, "token", "lstm", state, None)
            np.testing.assert_allclose(gradients["layers.0.b"], slopes, atol=1e-8)
            current = {name: p - 0.5 * gradients[name] for name, p in current.items()}
        state = after if stateful else None
    for name, p in current.items():
        np.testing.assert_allclose(result.parameters[name], p, rtol=1e-12, atol=1e-14)
    assert result.losses[0] == pytest.approx(total / (Y >= 0).sum(), rel=1e-12)


@pytest.mark.parametrize("reduction", ["token", "sequence"])
def test_two_fits_are_one_to_the_bit(reduction):
    parameters, X, Y = make(N=5)
    options = {"batch_size": 2, "optimizer": Adam(0.02, decay=0.1), "reduction": reduction, "seed": 3}
    whole = model.fit(parameters, X, Y, epochs=5, **options)
    first = model.fit(parameters, X, Y, epochs=2, **options)
    second = model.fit(
        first.parameters, X, Y, epochs=3, first_epoch=2, optimizer_state=first.optimizer_state, **options
    )
    assert first.losses + second.losses == whole.losses
    for name, p in whole.parameters.items():
        np.testing.assert_array_equal(second.parameters[name], p)


def test_the_epoch_loss_is_evaluates_where_nothing_moves():
    parameters, X, Y = make(N=5)
    result = model.fit(parameters, X, Y, epochs=1, batch_size=2, optimizer=SGD(1e-300))
    assert result.losses[0] == pytest.approx(model.evaluate(parameters, X, Y)["loss"], rel=1e-13)


def test_fit_learns_a_cycle_that_generate_then_repeats():
    X = np.array([[0, 1, 2, 3, 0, 1, 2], [2, 3, 0, 1, 2, 3, 0]])
    parameters = initialise.parameters(4, 8, 2)
    result = model.fit(parameters, X, (X + 1) % 4, epochs=60, optimizer=Adam(0.05))
    assert result.losses[0] > 1.2
    assert result.losses[-1] < 0.05
    got = model.generate(result.parameters, 8, prompt=[1, 2], greedy=True)
    assert got.tokens.tolist() == [[3, 0, 1, 2, 3, 0, 1, 2]]


def test_a_loss_that_is_not_finite_ends_fit():
    parameters, X, Y = make()
    parameters["layers.0.W"][:] = np.nan
    with pytest.raises(FloatingPointError, match="not finite at epoch 4, step 0"):
        model.fit(parameters, X, Y, epochs=1, first_epoch=4)


def test_generate_is_its_loop():
    parameters, _, _ = make(V=7, H=4, L=2)
    got = model.generate(parameters, 6, prompt=[3, -1, 2], temperature=1.3, top_k=5, num_streams=3, seed=4)
    for n in range(3):
        tokens = [3, -1, 2]
        for k in range(6):
            logits, state = model.forward(parameters, [tokens])  # from the start each time
            u = float(random.uniform(4, n, k, random.SAMPLING))
            tokens.append(sampling.draw(logits[-1, 0], u, temperature=1.3, top_k=5))
        assert got.tokens[n].tolist() == tokens[3:]
        np.testing.assert_allclose(got.state.h[:, n], state.h[:, 0], rtol=1e-12)
        np.testing.assert_allclose(got.state.c[:, n], state.c[:, 0], rtol=1e-12)
    assert got.tokens.dtype == np.int32
    assert got.position.tolist() == [6, 6, 6]


def test_a_piece_in_two_calls_is_one_piece():
    parameters, _, _ = make(V=9, H=4)
    whole = model.generate(parameters, 10, num_streams=2, seed=1)
    first = model.generate(parameters, 4, num_streams=2, seed=1)
    second = model.generate(
        parameters,
        6,
        num_streams=2,
        seed=1,
        prompt=first.tokens[:, -1:],
        state=first.state,
        position=first.position,
    )
    np.testing.assert_array_equal(np.concatenate([first.tokens, second.tokens], axis=1), whole.tokens)
    assert second.position.tolist() == [10, 10]


def test_streams_are_independent_and_stop_alone():
    parameters, _, _ = make(V=6, H=4)
    free = model.generate(parameters, 40, num_streams=4, seed=2)
    alone = model.generate(parameters, 40, num_streams=1, seed=2)
    np.testing.assert_array_equal(alone.tokens[0], free.tokens[0])
    stopped = model.generate(parameters, 40, num_streams=4, seed=2, stop_token=3)
    for n in range(4):
        where = int(np.flatnonzero(free.tokens[n] == 3)[0])
        assert stopped.tokens[n].tolist() == free.tokens[n, : where + 1].tolist() + [-1] * (39 - where)
        assert stopped.position[n] == where + 1
        at_stop = model.generate(parameters, where + 1, num_streams=4, seed=2).state.h[:, n]
        np.testing.assert_array_equal(stopped.state.h[:, n], at_stop)


def test_prompts_of_streams_and_initial_token():
    parameters, _, _ = make(V=6, H=4)
    got = model.generate(
        parameters, 5, prompt=[[1, 2, 3], [4], []], num_streams=3, initial_token=5, greedy=True
    )
    for n, prompt in enumerate([[1, 2, 3], [4], [5]]):
        alone = model.generate(parameters, 5, prompt=prompt, greedy=True)
        assert got.tokens[n].tolist() == alone.tokens[0].tolist()
        np.testing.assert_array_equal(got.state.h[:, n], alone.state.h[:, 0])
    by_default = model.generate(parameters, 5, greedy=True)
    assert (
        by_default.tokens.tolist() == model.generate(parameters, 5, prompt=[-1], greedy=True).tokens.tolist()
    )


def test_float32_draws_with_float32_numbers():
    parameters, _, _ = make(V=6, H=4)
    got = model.generate(parameters, 1, seed=2, dtype=np.float32)
    logits, _ = model.forward(parameters, [[-1]])
    u = random.uniform(2, 0, 0, random.SAMPLING, np.float32)
    assert got.tokens[0, 0] == sampling.draw(logits[0, 0].astype(np.float32), float(u))


def test_nothing_to_generate_leaves_state_and_position():
    parameters, _, _ = make()
    got = model.generate(parameters, 0, prompt=[1], num_streams=2, position=[7, 8])
    assert got.tokens.shape == (2, 0)
    assert got.position.tolist() == [7, 8]
    assert not got.state.h.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, X, Y: model.forward(p, X * 0 + 9), "X holds 9, expected tokens from -1 .none. to 4"),
        (lambda p, X, Y: model.forward(p, X[0]), "X has shape .4,., expected 2 dimensions"),
        (
            lambda p, X, Y: model.forward(p, X, model.zero_state(p, 3)),
            "state.h has shape .1, 3, 3., expected .1, 2, 3.",
        ),
        (lambda p, X, Y: model.fit(p, X, Y[:1], epochs=1), "X and Y have shapes .2, 4. and .1, 4."),
        (
            lambda p, X, Y: model.fit(p, X, np.full_like(Y, -1), epochs=1),
            "Y has no target that counts: all are -1",
        ),
        (lambda p, X, Y: model.fit(p, X, Y, epochs=-1), "epochs is -1"),
        (lambda p, X, Y: model.fit(p, X, Y, epochs=1, batch_size=0), "batch_size 0"),
        (lambda p, X, Y: model.generate(p, -1), "length is -1"),
        (lambda p, X, Y: model.generate(p, 1, initial_token=5), "initial_token holds 5"),
        (lambda p, X, Y: model.generate(p, 1, prompt=[5]), "prompt holds 5"),
        (lambda p, X, Y: model.generate(p, 1, prompt=[[1], [2]], num_streams=3), "prompt holds 2 prompts"),
        (lambda p, X, Y: model.generate(p, 1, seed=-1), "seed is -1"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*make())


@pytest.mark.torch
def test_a_training_run_equals_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the comparison DID NOT RUN")
    V, H, L, epochs = 6, 5, 2, 6
    parameters = initialise.parameters(V, H, L, seed=3)
    X = np.random.default_rng(0).integers(0, V, (7, 8))
    result = model.fit(
        parameters,
        X[:, :-1],
        X[:, 1:],
        epochs=epochs,
        batch_size=3,
        optimizer=Adam(0.01),
        clip_norm=0.5,
        seed=3,
    )

    stack, head = torch.nn.LSTM(V, H, L, batch_first=True).double(), torch.nn.Linear(H, V).double()
    with torch.no_grad():
        for layer in range(L):
            for theirs, ours in (("weight_ih", "W"), ("weight_hh", "R"), ("bias_ih", "b")):
                getattr(stack, f"{theirs}_l{layer}").copy_(
                    torch.tensor(parameters[f"layers.{layer}.{ours}"].T)
                )
            getattr(stack, f"bias_hh_l{layer}").zero_().requires_grad_(False)
        head.weight.copy_(torch.tensor(parameters["dense.W"].T))
        head.bias.zero_()
    trained = [p for p in [*stack.parameters(), *head.parameters()] if p.requires_grad]
    peer = torch.optim.Adam(trained, lr=0.01)
    one_hot = torch.nn.functional.one_hot(torch.tensor(X), V).double()
    for epoch in range(epochs):
        order = torch.tensor(random.permutation(7, 3, epoch))
        for chosen in order.split(3):
            logits = head(stack(one_hot[chosen, :-1])[0])
            peer.zero_grad()
            torch.nn.functional.cross_entropy(
                logits.reshape(-1, V), torch.tensor(X)[chosen, 1:].reshape(-1)
            ).backward()
            torch.nn.utils.clip_grad_norm_(trained, 0.5)
            peer.step()
    np.testing.assert_allclose(result.parameters["dense.W"], head.weight.detach().numpy().T, rtol=1e-9)
    np.testing.assert_allclose(
        result.parameters["layers.1.b"], stack.bias_ih_l1.detach().numpy(), rtol=1e-8, atol=1e-12
    )
    assert (
        loss.cross_entropy(model.forward(result.parameters, X[:, :-1])[0], X[:, 1:].T)[0] < result.losses[0]
    )
