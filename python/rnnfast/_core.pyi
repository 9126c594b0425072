"""Types of the compiled module. Arrays are C-contiguous, and all float arrays of a call have one dtype."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Floats = TypeVar("_Floats", NDArray[np.float32], NDArray[np.float64])
_AnyFloats = NDArray[Any]
_Tokens = NDArray[np.int32]
_Sums = tuple[float, int, int]  # loss in nats, targets that count, of them ranked first

__version__: str

class NonFiniteError(FloatingPointError): ...

class SamplingError(NonFiniteError):
    stream: int
    step: int

# Instruction sets
def known_isas() -> list[str]: ...
def available_isas() -> list[str]: ...
def active_isa() -> str: ...
def set_isa(name: str) -> None: ...
def float_control() -> int: ...
def available_processors() -> int: ...
def choose_threads(requested: int, multiply_adds: float) -> int: ...

# Elementary functions
def exp(x: _Floats) -> _Floats: ...
def log(x: _Floats) -> _Floats: ...
def sigmoid(x: _Floats) -> _Floats: ...
def tanh(x: _Floats) -> _Floats: ...

# Layers: x is (T, N) tokens or (T, N, D) numbers; with batch_sizes, how many sequences run at each step, falling, all
# arrays over time hold packed rows: x is (rows,) or (rows, D), states are (N + rows, H)
def lstm_forward(
    x: NDArray[Any],
    W: _Floats,
    R: _Floats,
    b: _Floats,
    h0: _Floats,
    c0: _Floats,
    num_threads: int = 1,
    batch_sizes: Sequence[int] | None = None,
    coupled: bool = False,
    peepholes: _Floats | None = None,
    projection: _Floats | None = None,
) -> tuple[_Floats, ...]: ...  # h, c, gates, and with a projection m = o tanh(c)
def lstm_backward(
    dh_out: _Floats,
    x: NDArray[Any],
    h: _Floats,
    c: _Floats,
    gates: _Floats,
    W: _Floats,
    R: _Floats,
    b: _Floats,
    dh_last: _Floats,
    dc_last: _Floats,
    num_threads: int = 1,
    batch_sizes: Sequence[int] | None = None,
    coupled: bool = False,
    peepholes: _Floats | None = None,
    projection: _Floats | None = None,
    m: _Floats | None = None,
) -> dict[str, Any]: ...
def rnn_forward(
    x: NDArray[Any],
    W: _Floats,
    R: _Floats,
    b: _Floats,
    h0: _Floats,
    nonlinearity: str,
    num_threads: int = 1,
    batch_sizes: Sequence[int] | None = None,
) -> _Floats: ...
def rnn_backward(
    dh_out: _Floats,
    x: NDArray[Any],
    h: _Floats,
    W: _Floats,
    R: _Floats,
    b: _Floats,
    dh_last: _Floats,
    nonlinearity: str,
    num_threads: int = 1,
    batch_sizes: Sequence[int] | None = None,
) -> dict[str, Any]: ...
def gru_forward(
    x: NDArray[Any],
    W: _Floats,
    R: _Floats,
    b: _Floats,
    b_Rn: _Floats | None,
    h0: _Floats,
    num_threads: int = 1,
    batch_sizes: Sequence[int] | None = None,
) -> tuple[_Floats, _Floats, _Floats]: ...
def gru_backward(
    dh_out: _Floats,
    x: NDArray[Any],
    h: _Floats,
    gates: _Floats,
    u: _Floats,
    W: _Floats,
    R: _Floats,
    b: _Floats,
    b_Rn: _Floats | None,
    dh_last: _Floats,
    num_threads: int = 1,
    batch_sizes: Sequence[int] | None = None,
) -> dict[str, Any]: ...
def dense_forward(x: _Floats, W: _Floats, b: _Floats, num_threads: int = 1) -> _Floats: ...
def dense_backward(
    dy: _Floats, x: _Floats, W: _Floats, num_threads: int = 1
) -> tuple[_Floats, _Floats, _Floats]: ...
def cross_entropy(
    logits: _Floats, targets: _Tokens, scale: float, num_threads: int = 1
) -> tuple[float, int, int, _Floats]: ...
def squared_error(predictions: _Floats, targets: _Floats, scale: float) -> tuple[float, _Floats]: ...
def softmax(logits: _Floats, num_threads: int = 1) -> _Floats: ...

# Random numbers and draws
def random_word(seed: int, stream: int, position: int, purpose: int) -> int: ...
def uniform(n: int, limit: float, seed: int, stream: int) -> NDArray[np.float64]: ...
def orthonormal_rows(rows: int, columns: int, seed: int, stream: int) -> NDArray[np.float64]: ...
def random_permutation(n: int, seed: int, stream: int) -> NDArray[np.int64]: ...

class SamplerConfig:
    def __init__(
        self,
        temperature: float,
        greedy: bool,
        top_k: int,
        top_p: float,
        min_p: float,
        typical_p: float,
        top_n_sigma: float,
        repetition_penalty: float,
        presence_penalty: float,
        frequency_penalty: float,
        penalty_window: int,
        logit_bias: list[tuple[int, float]],
        ban: list[int],
    ) -> None: ...

class Constraint:
    def __init__(
        self, next_state: _Tokens, accepting: NDArray[np.bool_], start: int, length: int
    ) -> None: ...
    def at(self, start: int) -> Constraint: ...

def constraint_product(
    first: _Tokens, first_start: int, second: _Tokens, second_start: int, most_states: int
) -> tuple[_Tokens, _Tokens]: ...
def draw(logits: _Floats, u: _Floats, sampler: SamplerConfig, history: _Tokens) -> _Tokens: ...
def filter_logits(logits: _Floats, sampler: SamplerConfig, history: _Tokens) -> _Floats | None: ...

# Optimisers: what they work on is changed in place
class InverseTimeDecay:
    def __init__(self, decay: float) -> None: ...

class ExponentialDecay:
    def __init__(self, factor: float) -> None: ...

class StepDecay:
    def __init__(self, every: int, factor: float) -> None: ...

class CosineDecay:
    def __init__(self, steps: int, final_rate: float) -> None: ...

_Decay = InverseTimeDecay | ExponentialDecay | StepDecay | CosineDecay

class LearningRate:
    def __init__(
        self, rate: float, decay: _Decay, warmup_steps: int = 0, warmup_start: float = 0.0
    ) -> None: ...
    @property
    def rate(self) -> float: ...
    @property
    def decay(self) -> _Decay: ...
    def at(self, step: int) -> float: ...

class OptimizerConfig:
    def __init__(
        self,
        kind: str,
        learning_rate: LearningRate,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
        alpha: float = 0.99,
        centered: bool = False,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        keras_epsilon: bool = False,
    ) -> None: ...
    @property
    def kind(self) -> str: ...
    @property
    def slots(self) -> list[str]: ...

def optimizer_step(
    config: OptimizerConfig,
    clip_value: float | None,
    clip_norm: float | None,
    keras_clip_norm: bool,
    parameters: list[_AnyFloats],
    gradients: list[_AnyFloats],
    slots: dict[str, list[_AnyFloats]],
    steps: int,
    beta1_power: float,
    beta2_power: float,
    num_threads: int = 1,
) -> tuple[float, int, float, float]: ...
def step_layers(
    config: OptimizerConfig,
    clip_value: float | None,
    clip_norm: float | None,
    keras_clip_norm: bool,
    layers: Sequence[_Trainable],
    gradients: list[_AnyFloats],
    slots: dict[str, list[_AnyFloats]],
    steps: int,
    beta1_power: float,
    beta2_power: float,
    num_threads: int = 1,
) -> tuple[float, int, float, float]: ...
def clip_gradient(
    value: float | None, norm: float | None, g: _Floats, keras_clip_norm: bool = False, num_threads: int = 1
) -> float: ...

# Layers with parameters of their own
class _Trainable:
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # the layers below alone can be made
    @property
    def parameters(self) -> dict[str, _AnyFloats]: ...
    def set_parameters(self, values: list[_AnyFloats | None]) -> None: ...

class TrainableF32(_Trainable): ...
class TrainableF64(_Trainable): ...

class _Dense(_Trainable):
    def __init__(self, input_size: int, output_size: int, seed: int) -> None: ...
    def forward(self, x: _AnyFloats, num_threads: int) -> tuple[_AnyFloats, int]: ...
    def backward(
        self, changes: int, x: _AnyFloats, dy: _AnyFloats, num_threads: int
    ) -> tuple[_AnyFloats, _AnyFloats, _AnyFloats]: ...

class DenseF32(_Dense): ...
class DenseF64(_Dense): ...

class _Embedding(_Trainable):
    def __init__(self, vocab_size: int, embedding_size: int, seed: int) -> None: ...
    def forward(self, tokens: _Tokens, num_threads: int) -> _AnyFloats: ...
    def backward(self, tokens: _Tokens, dy: _AnyFloats, num_threads: int) -> _AnyFloats: ...

class EmbeddingF32(_Embedding): ...
class EmbeddingF64(_Embedding): ...

# Recurrent ones; c is (0, N, H) where the cell has none
class _Recurrent(_Trainable):
    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
        input_dropout: float,
        projection_size: int,
        peephole: bool,
        coupled: bool,
        seed: int,
    ) -> None: ...
    def forward(
        self,
        x: NDArray[Any],
        h: _AnyFloats,
        c: _AnyFloats,
        lengths: NDArray[np.int64] | None,
        reset: NDArray[np.bool_] | None,
        masks: tuple[int, int] | None,
        for_backward: bool,
        num_threads: int,
    ) -> tuple[_AnyFloats, _AnyFloats, _AnyFloats, _Run | None]: ...
    def step(self, x: NDArray[Any], h: _AnyFloats, c: _AnyFloats) -> tuple[_AnyFloats, _AnyFloats]: ...

class RecurrentF32(_Recurrent): ...
class RecurrentF64(_Recurrent): ...

class _Run:
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # made by forward alone
    def backward(
        self,
        dy: _AnyFloats,
        dh: _AnyFloats,
        dc: _AnyFloats,
        dense: bool,
        num_threads: int,
    ) -> tuple[_AnyFloats | None, _AnyFloats, _AnyFloats, dict[str, _AnyFloats]]: ...

class RunF32(_Run): ...
class RunF64(_Run): ...

# Online learning: all arrays but inputs, targets and lengths are changed in place
def learn_online(
    W: _Floats,
    R: _Floats,
    b: _Floats,
    dense_W: _Floats,
    dense_b: _Floats,
    h: _Floats,
    inputs: _Tokens,
    targets: _Tokens,
    lengths: NDArray[np.int64],
    learning_rate: float,
    clip_value: float | None,
) -> NDArray[np.float64]: ...

# The language model
def parameter_shapes(
    vocab_size: int, hidden_size: int, num_layers: int, cell: str, embedding_size: int, tie_weights: bool
) -> dict[str, tuple[int, ...]]: ...

class FitProgress:
    def __init__(self) -> None: ...
    @property
    def epoch(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def steps_per_epoch(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def current(self) -> _Sums: ...
    def stats(self, epoch: int) -> tuple[_Sums, _Sums | None, float]: ...

class _LanguageModel:
    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        seed: int,
        cell: str,
        embedding_size: int,
        tie_weights: bool,
        dropout: float,
    ) -> None: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def parameters(self) -> dict[str, _AnyFloats]: ...
    def set_parameters(self, values: list[_AnyFloats | None]) -> None: ...
    def snapshot(
        self,
    ) -> tuple[
        dict[str, _AnyFloats],
        tuple[str, int, float, float, dict[str, dict[str, _AnyFloats]]],
        int,
    ]: ...
    def restore(
        self,
        parameters: dict[str, _AnyFloats],
        kind: str,
        steps: int,
        beta1_power: float,
        beta2_power: float,
        slots: dict[str, dict[str, _AnyFloats]],
        epochs_begun: int,
    ) -> None: ...
    def fit(
        self,
        inputs: _Tokens,
        targets: _Tokens,
        epochs: int,
        batch_size: int,
        optimizer: OptimizerConfig,
        reduction: str,
        clip_value: float | None,
        clip_norm: float | None,
        keras_clip_norm: bool,
        shuffle: bool,
        validation: tuple[_Tokens, _Tokens] | None,
        progress: FitProgress,
        epoch_end: Callable[[], bool] | None,
        on_progress: Callable[[], object] | None,
        num_threads: int,
        truncate: int,
        stateful: bool,
        next: Callable[[], tuple[_Tokens, _Tokens] | None] | None,
    ) -> None: ...
    def evaluate(self, inputs: _Tokens, targets: _Tokens, num_threads: int) -> _Sums: ...
    def predict(
        self,
        inputs: _Tokens,
        h: _AnyFloats,
        c: _AnyFloats | None,
        position: NDArray[np.uint64],
        num_threads: int,
    ) -> tuple[_AnyFloats, _AnyFloats, _AnyFloats]: ...
    def generate(
        self,
        length: int,
        prompts: list[_Tokens],
        keys: list[tuple[int, int]],
        sampler: SamplerConfig,
        stop: list[list[int]],
        initial_token: int,
        h: _AnyFloats | None,
        c: _AnyFloats | None,
        position: NDArray[np.uint64] | None,
        num_threads: int,
        min_length: int = 0,
        stop_when: Callable[[_Tokens], object] | None = None,
        histories: list[_Tokens] = ...,
        num_alternatives: int | None = None,
        constraint: Constraint | None = None,
    ) -> tuple[_Tokens, Any, Any, Any, dict[str, NDArray[Any]]]: ...
    def score(
        self,
        first: _Tokens,
        tokens: _Tokens,
        h: _AnyFloats,
        c: _AnyFloats | None,
        position: NDArray[np.uint64],
        num_threads: int,
    ) -> _AnyFloats: ...
    def beam_search(
        self,
        width: int,
        length: int,
        length_penalty: float,
        prompt: _Tokens,
        stop: list[list[int]],
        initial_token: int,
        h: _AnyFloats,
        c: _AnyFloats | None,
        position: NDArray[np.uint64],
        constraint: Constraint | None,
    ) -> list[tuple[_Tokens, float, float]]: ...

class _TokenIterator:
    def __init__(
        self,
        model: _LanguageModel,
        length: int,
        prompts: list[_Tokens],
        keys: list[tuple[int, int]],
        sampler: SamplerConfig,
        stop: list[list[int]],
        initial_token: int,
        h: _AnyFloats,
        c: _AnyFloats | None,
        position: NDArray[np.uint64],
        min_length: int,
        stop_when: Callable[[_Tokens], object] | None,
        histories: list[_Tokens],
        constraint: Constraint | None,
    ) -> None: ...
    def __iter__(self) -> _TokenIterator: ...
    def __next__(self) -> Any: ...
    def state(
        self,
    ) -> tuple[_AnyFloats, _AnyFloats, NDArray[np.uint64], _Tokens, NDArray[np.int64], list[list[int]]]: ...

class TokenIteratorF32(_TokenIterator): ...
class TokenIteratorF64(_TokenIterator): ...

class _Session:
    def __init__(self, model: _LanguageModel, capacity: int) -> None: ...
    def add(
        self,
        length: int,
        prompts: list[_Tokens],
        keys: list[tuple[int, int]],
        sampler: SamplerConfig,
        stop: list[list[int]],
        initial_token: int,
        h: _AnyFloats,
        c: _AnyFloats | None,
        position: NDArray[np.uint64],
        min_length: int,
        histories: list[_Tokens],
        constraint: Constraint | None,
    ) -> int: ...
    def step(self, k: int) -> tuple[NDArray[np.int64], _Tokens, tuple[str, int, int] | None]: ...
    def remove(self, id: int) -> tuple[_AnyFloats, _AnyFloats, int, int, _Tokens]: ...
    def seed(self, id: int) -> int: ...
    def __len__(self) -> int: ...
    @property
    def ids(self) -> NDArray[np.int64]: ...

class SessionF32(_Session): ...
class SessionF64(_Session): ...
class LanguageModelF32(_LanguageModel): ...
class LanguageModelF64(_LanguageModel): ...
