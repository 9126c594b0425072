"""The 128 instruments of General MIDI, by program number, and the names that people give their tracks."""

from __future__ import annotations

import re

PROGRAM_NAMES: tuple[str, ...] = tuple(
    re.split(
        r",\s+",
        """\
grand piano, bright piano, electric grand piano, honky-tonk piano, electric piano 1,
electric piano 2, harpsichord, clavinet, celesta, glockenspiel, music box, vibraphone, marimba,
xylophone, tubular bells, dulcimer, drawbar organ, percussive organ, rock organ, church organ,
reed organ, accordion, harmonica, tango accordion, nylon guitar, steel guitar, jazz guitar,
clean guitar, muted guitar, overdriven guitar, distortion guitar, guitar harmonics, acoustic bass,
fingered bass, picked bass, fretless bass, slap bass 1, slap bass 2, synth bass 1, synth bass 2, violin,
viola, cello, contrabass, tremolo strings, pizzicato strings, harp, timpani, string ensemble 1,
string ensemble 2, synth strings 1, synth strings 2, choir aahs, voice oohs, synth voice, orchestra hit,
trumpet, trombone, tuba, muted trumpet, french horn, brass section, synth brass 1, synth brass 2,
soprano sax, alto sax, tenor sax, baritone sax, oboe, english horn, bassoon, clarinet, piccolo, flute,
recorder, pan flute, blown bottle, shakuhachi, whistle, ocarina, square lead, sawtooth lead,
calliope lead, chiff lead, charang lead, voice lead, fifths lead, bass and lead, new age pad, warm pad,
polysynth pad, choir pad, bowed pad, metallic pad, halo pad, sweep pad, rain, soundtrack, crystal,
atmosphere, brightness, goblins, echoes, sci-fi, sitar, banjo, shamisen, koto, kalimba, bagpipe, fiddle,
shanai, tinkle bell, agogo, steel drums, woodblock, taiko drum, melodic tom, synth drum, reverse cymbal,
guitar fret noise, breath noise, seashore, bird tweet, telephone ring, helicopter, applause, gunshot""",
    )
)
"""Names of programs 0 to 127, in lower case."""

_BASSES = range(32, 40)
_SUSTAINED = (*range(48, 55), *range(88, 104))  # ensembles and pads: background more often than tune
_SOLOISTS = (40, 41, 42, *range(56, 61), *range(64, 88), 109, 110, 111)
_NOISES = (47, 55, *range(112, 128))

_TUNE_WORDS = re.compile(
    r"\b(melod\w*|lead|solo\w*|vocals?|vox|voice|singer|song|tune|theme|head|right hand|rh)\b"
)
_BACKGROUND_WORDS = re.compile(
    r"\b(chords?|comp\w*|accomp\w*|backing|harmony|pads?|strings?|rhythm|left hand|lh|arp\w*)\b"
)
_BASS_WORDS = re.compile(r"\b\w*bass\b")


def program_name(program: int | None) -> str:
    """Return the General MIDI name of a program, "no program" for None."""
    return "no program" if program is None else PROGRAM_NAMES[program]


def is_bass(name: str, program: int | None) -> bool:
    """Tell whether a track's name or program says that it is a bass."""
    return program in _BASSES or _BASS_WORDS.search(name.lower()) is not None


def tune_bias(name: str, program: int | None) -> float:
    """Weigh what a track's name and program say about its role: from -3 (background) to 3 (it has the tune).

    A name counts two, a program half, except that nobody gives the tune to a bass, a drum or an effect.

    Examples
    --------
    >>> tune_bias("Melody", 73), tune_bias("", 73), tune_bias("Chords", 0), tune_bias("", None)
    (2.5, 0.5, -2.0, 0.0)
    """
    words = name.lower()
    bias = 2.0 * bool(_TUNE_WORDS.search(words)) - 2.0 * bool(_BACKGROUND_WORDS.search(words))
    if is_bass(name, program) or program in _NOISES:
        return bias - 2.0
    return bias + 0.5 * (program in _SOLOISTS) - 0.5 * (program in _SUSTAINED)
