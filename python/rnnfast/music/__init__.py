"""From a MIDI file to a new solo: reading, analysis, the token grammar, and writing what a model improvised.

Start with `Corpus.from_midi`, which turns any MIDI file into tokens that a language model can learn, and
`improvise`, which turns what the model generates into a `Solo` to save, hear and see. `inspect_midi` says what
is in a file. `load_music_utils` gives the arrays of the well-known jazz exercise.
"""

from rnnfast.music.analysis.chords import ChordSymbol, recognise_chords
from rnnfast.music.analysis.detect import Arrangement, arrange
from rnnfast.music.analysis.key import Key, find_key
from rnnfast.music.analysis.meter import Bar, find_bars, find_pickup
from rnnfast.music.chooser import Chooser, random_chooser
from rnnfast.music.corpus import Corpus
from rnnfast.music.elements import Chord, Element, Measure, PlacedNote
from rnnfast.music.exercise import load_music_utils
from rnnfast.music.grammar import (
    clean_up_notes,
    parse_token,
    prune_grammar,
    prune_notes,
    tokenize,
    unparse,
)
from rnnfast.music.harmony import SpelledPitch, analyse_chord, classify, interval_range
from rnnfast.music.improvisation import improvise
from rnnfast.music.measures import measure_corpus, measure_line, measure_solo
from rnnfast.music.midi import MidiError, read_midi, write_midi
from rnnfast.music.report import Inspection, inspect_midi
from rnnfast.music.score import Note, Part, Score
from rnnfast.music.solo import Solo
from rnnfast.music.tunes import bundled_tune

__all__ = [
    "Arrangement",
    "Bar",
    "Chooser",
    "Chord",
    "ChordSymbol",
    "Corpus",
    "Element",
    "Inspection",
    "Key",
    "Measure",
    "MidiError",
    "Note",
    "Part",
    "PlacedNote",
    "Score",
    "Solo",
    "SpelledPitch",
    "analyse_chord",
    "arrange",
    "bundled_tune",
    "classify",
    "clean_up_notes",
    "find_bars",
    "find_key",
    "find_pickup",
    "improvise",
    "inspect_midi",
    "interval_range",
    "load_music_utils",
    "measure_corpus",
    "measure_line",
    "measure_solo",
    "parse_token",
    "prune_grammar",
    "prune_notes",
    "random_chooser",
    "read_midi",
    "recognise_chords",
    "tokenize",
    "unparse",
    "write_midi",
]
