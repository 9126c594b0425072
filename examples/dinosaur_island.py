"""Dinosaur island: a network reads names letter by letter, prints some as it learns, and then invents ten new ones."""

from rnnfast.course.dinosaur import get_sample, model, sample
from rnnfast.names import dinosaur_names

known = dinosaur_names()
data = "\n".join(known)
characters = sorted(set(data))
char_to_ix = {character: index for index, character in enumerate(characters)}
ix_to_char = dict(enumerate(characters))
print(f"{len(known)} names, {len(characters)} characters")

parameters = model(data, ix_to_char, char_to_ix, num_iterations=30_001)

print("On the island live:")
invented = []
seed = 1_000
while len(invented) < 10:
    name = get_sample(sample(parameters, char_to_ix, seed), ix_to_char).strip()
    if len(name) > 5 and name.lower() not in known:
        invented.append(name)
    seed += 1_000
print(", ".join(invented))
