r"""What generated sequences must look like: automata over tokens, compiled into the sampler.

Every sequence that `LanguageModel.generate` draws with ``constraint=`` satisfies it. Each token is drawn from the
model's distribution over those that are allowed: nothing is drawn and rejected. A stream ends where the constraint is
satisfied and has no way on, or after `length` tokens; a token after which that would be out of reach is never drawn.

>>> from rnnfast import LanguageModel, constraints
>>> model = LanguageModel(4, 8, vocabulary="ab-.")
>>> names = constraints.regex(r"a[ab]+-(ab)*\.", model.vocabulary)
>>> model.decode(model.generate(12, constraint=names, seed=3)[0])[-1]
'.'
"""

from rnnfast.constraints.automaton import Constraint
from rnnfast.constraints.regex import regex
from rnnfast.constraints.tables import counter, from_table, sequence_of, without

__all__ = ["Constraint", "counter", "from_table", "regex", "sequence_of", "without"]
