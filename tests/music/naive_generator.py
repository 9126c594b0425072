"""The exercise's generator once more, as plainly as its rules read: what the real one is compared with.

Notes are (name, octave) here, lengths are floats, nothing is shared with the package. A decision is a call
``choose(kind, number of options)``.
"""

from __future__ import annotations

NAMES = ["C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B"]
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TONICS = ["B", "B-", "A", "G#", "G", "F#", "F", "E", "E-", "D", "D-", "C"]
MAJOR = [(0, 0), (1, 2), (2, 4), (3, 5), (4, 7), (5, 9), (6, 11)]
DORIAN = [(0, 0), (1, 2), (2, 3), (3, 5), (4, 7), (5, 9), (6, 10)]
BLUES = [(0, 0), (2, 3), (3, 5), (4, 7), (6, 10)]
BLUES_RAISED = [(0, 0), (2, 3), (3, 5), (3, 6), (4, 7), (6, 10)]


def usual(midi):
    return (NAMES[midi % 12], midi // 12 - 1)


def midi(note):
    name, octave = note
    return 12 * (octave + 1) + STEPS[name[0]] + name.count("#") - name.count("-")


def scale(tonic, pattern):
    names = []
    for letters, semitones in pattern:
        letter = "CDEFGAB"[("CDEFGAB".index(tonic[0]) + letters) % 7]
        for accidental in ("", "#", "-", "##", "--"):
            if (midi((letter + accidental, 4)) - midi((tonic, 4)) - semitones) % 12 == 0:
                names.append(letter + accidental)
                break
    return names


def tonic(pitches, pattern):
    held = {}
    for name in TONICS:
        classes = [midi((n, 4)) % 12 for n in scale(name, pattern)]
        held[name] = len({p % 12 for p in pitches if p % 12 in classes})
    return next(name for name in TONICS if held[name] == max(held.values()))


def interval(name):
    quality = name.rstrip("0123456789").rstrip("-")
    number = int(name.lstrip("PMmAd").lstrip("-"))
    size = [0, 2, 4, 5, 7, 9, 11][(number - 1) % 7] + 12 * ((number - 1) // 7)
    perfect = (number - 1) % 7 in (0, 3, 4)
    if quality[0] == "A":
        size += len(quality)
    if quality[0] == "d":
        size -= len(quality) + (0 if perfect else 1)
    if quality == "m":
        size -= 1
    return -size if "-" in name else size


def generate(predicted, groups, is_major, choose):
    """Return the sets: ([(offset, length, (name, octave) or None)], [(offset, length, pitches)])."""
    sets = []
    for group in groups[1 : int(len(groups) / 3)]:
        chords = [[offset % 4, length, pitches] for offset, length, pitches in group]
        tokens = []
        for token in ["C,0.25", *predicted]:
            kind, length, *rest = token.split(",")
            kind = "C" if kind in "AX" else kind
            down = float(length) - float(length) % 0.25
            tokens.append((kind, down + 0.25 if choose("round", 2) else down, rest))
        elements, now, previous = [], 0.0, None
        for kind, length, rest in tokens:
            now += length
            if kind == "R":
                elements.append((now, length, None))
                continue
            if not [chord for chord in chords if chord[0] <= now]:
                chords[0][0] = 0
            pitches = [chord for chord in chords if chord[0] <= now][-1][2]
            if not rest:
                note, lowest = bare(kind, pitches, is_major(pitches), choose), 4
            else:
                note, lowest = within(kind, rest, previous, pitches, is_major(pitches), choose), 3
            previous = (note[0], max(note[1], lowest))
            elements.append((now, length, previous))
        kept = []
        for i, element in enumerate(elements):
            repeats = i % 2 == 1 and element[2] is not None and element[2] == elements[i - 1][2]
            if not repeats:
                kept.append(element)
        timed = [(offset, length or 0.25, note) for offset, length, note in kept]
        dropped = {i + 1 for i in range(len(timed) - 1) if timed[i][0] == timed[i + 1][0] and timed[i + 1][2]}
        sets.append(([element for i, element in enumerate(timed) if i not in dropped], chords))
    return sets


def bare(kind, pitches, major, choose):
    if kind == "C":
        return usual(pitches[choose("pitch", len(pitches))])
    if major:
        names = scale(tonic(pitches, MAJOR), MAJOR)
    else:
        names = scale(tonic(pitches, BLUES), BLUES if choose("raised_fourth", 2) else BLUES_RAISED)
    names.append(names[0])
    name = names[choose("scale_note", len(names))]
    return (name, pitches[choose("octave", len(pitches))] // 12 - 1)


def within(kind, rest, previous, pitches, major, choose):
    ends = sorted(interval(text.strip("<>")) for text in rest)
    pattern = MAJOR if major else DORIAN
    names = {"C": [NAMES[p % 12] for p in pitches], "S": scale(tonic(pitches, pattern), pattern)}[kind]
    inside = [usual(midi(previous) + k) for k in range(ends[0], ends[1] + 1)]
    fitting = [note for note in inside if note[0] in names]
    if len(fitting) > 1:
        fitting = [note for note in fitting if note != previous]
        return fitting[choose("pitch", len(fitting))]
    if fitting:
        return fitting[0]
    return usual(midi(previous) + (-2 if choose("fallback", 2) else 2))
