"""MIDI files in and out: types, pairing, names, damage."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnfast.music.midi import MAX_BYTES, MidiError, read_midi, write_midi
from rnnfast.music.score import Note, Part, Score

END = b"\x00\xff\x2f\x00"
C4_ON, C4_OFF = b"\x90\x3c\x50", b"\x80\x3c\x00"


def midi_file(*tracks: bytes, kind: int = 1, division: int = 96) -> bytes:
    header = struct.pack(">4sLHHH", b"MThd", 6, kind, len(tracks), division)
    return header + b"".join(struct.pack(">4sL", b"MTrk", len(track)) + track for track in tracks)


def meta(kind: int, data: bytes, delta: int = 0) -> bytes:
    return bytes([delta, 0xFF, kind, len(data)]) + data


def note(pitch: int, channel: int = 0, *, wait: int = 0, length: int = 96, velocity: int = 80) -> bytes:
    return bytes([wait, 0x90 | channel, pitch, velocity, length, 0x80 | channel, pitch, 0])


@pytest.fixture
def read(tmp_path: Path):
    def read_bytes(data: bytes) -> Score:
        path = tmp_path / "file.mid"
        path.write_bytes(data)
        return read_midi(path)

    return read_bytes


def test_parts_are_tracks_with_notes_in_file_order(read):
    names = meta(3, b"A Tune") + END
    empty = meta(3, b"nothing") + b"\x00\xc0\x05" + END
    flute = meta(3, b"Flute") + b"\x00\xc2\x49" + note(60, 2) + b"\x00\xc2\x01" + END
    piano = note(48) + note(50, 3) + END

    score = read(midi_file(names, empty, flute, piano))

    assert score.name == "A Tune"
    assert score.ticks_per_quarter == 96
    assert [(p.number, p.track, p.name, p.program) for p in score.parts] == [
        (0, 2, "Flute", 0x49),
        (1, 3, "", None),
    ]
    assert score.parts[0].notes == (Note(0, 96, 60, 80, 2),)
    assert score.parts[1].notes == (Note(0, 96, 48, 80, 0), Note(96, 192, 50, 80, 3))


def test_type_0_makes_a_part_of_every_channel(read):
    track = (
        meta(3, b"Title")
        + b"\x00\xc5\x20"
        + note(72, 5)
        + note(40, 1)
        + note(74, 5)
        + meta(0x20, b"\x07")
        + END
    )
    score = read(midi_file(track, kind=0))
    assert score.name == "Title"
    assert [(p.number, p.track, p.name, p.program) for p in score.parts] == [
        (0, 0, "", None),
        (1, 0, "", 0x20),
    ]
    assert [[n.pitch for n in p.notes] for p in score.parts] == [[40], [72, 74]]


def test_type_2_lays_its_sequences_one_after_another(read):
    first = meta(0x51, b"\x07\xa1\x20") + note(60) + b"\x60\xff\x2f\x00"  # ends a quarter after its note
    second = meta(0x51, b"\x06\x1a\x80") + note(62) + note(40, 1) + END
    score = read(midi_file(first, second, kind=2))
    assert [p.notes for p in score.parts] == [
        (Note(0, 96, 60, 80), Note(192, 288, 62, 80)),
        (Note(288, 384, 40, 80, 1),),
    ]
    assert score.tempos == ((0, 500_000), (192, 400_000))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # two of the same pitch: the first note-off ends the note that began first
        (b"\x00" + C4_ON + b"\x0a" + C4_ON + b"\x0a" + C4_OFF + b"\x0a" + C4_OFF, [(0, 20), (10, 30)]),
        # velocity 0 is a note-off, with running status
        (b"\x00" + C4_ON + b"\x05\x3c\x00", [(0, 5)]),
        # what never ends is left out, and so is an end without a beginning
        (b"\x00" + C4_OFF + b"\x01" + C4_ON + b"\x02" + C4_OFF + b"\x03" + C4_ON, [(1, 3)]),
        # another channel's or pitch's note-off ends nothing
        (b"\x00" + C4_ON + b"\x02\x81\x3c\x00\x02\x80\x3d\x00\x02" + C4_OFF, [(0, 6)]),
        # order is that of beginning, not of ending
        (b"\x00" + C4_ON + b"\x01\x90\x40\x50\x01\x80\x40\x00\x01" + C4_OFF, [(0, 3), (1, 2)]),
        (b"\x00" + C4_ON + b"\x00" + C4_OFF, [(0, 0)]),
    ],
)
def test_pairing(read, events, expected):
    (part,) = read(midi_file(events + END)).parts
    assert [(n.onset, n.release) for n in part.notes] == expected


def test_meter_tempo_and_key_come_from_every_track_in_order(read):
    late = b"\x60" + meta(0x58, b"\x03\x02\x18\x08")[1:] + meta(0x51, b"\x07\xa1\x20") + END
    early = meta(0x58, b"\x06\x03\x18\x08") + meta(0x51, b"\x08\x2b\x0e") + meta(0x59, b"\xff\x01") + END
    score = read(midi_file(late, early))
    assert score.time_signatures == ((0, 6, 8), (96, 3, 4))
    assert score.tempos == ((0, 535_310), (96, 500_000))
    assert score.keys == ((0, "Dm"),)
    assert score.parts == ()


def test_events_that_mean_nothing_are_left_out(read):
    bad = (
        meta(0x58, b"\x00\x02\x18\x08")
        + meta(0x58, b"\x04\xff\x18\x08", 1)
        + meta(0x51, b"\0\0\0")
        + note(60)
        + END
    )
    score = read(midi_file(bad))
    assert (score.time_signatures, score.tempos) == ((), ())


def test_the_last_of_two_tempos_at_one_tick_counts(read):
    assert read(midi_file(meta(0x51, b"\0\0\x01") + meta(0x51, b"\0\0\x02") + END)).tempos == ((0, 2),)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"Piano \x00\x1b[2J", "Piano [2J"),
        ("Жанна".encode(), "Жанна"),
        ("Fl\xf6te".encode("latin-1"), "Fl\xf6te"),
    ],
)
def test_names_are_printable(read, raw, name):
    assert read(midi_file(meta(3, raw) + note(60) + END)).parts[0].name == name


def test_a_file_without_a_title_is_called_by_its_file(read):
    assert read(midi_file(note(60) + END)).name == "file"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"RIFF____WAVE", "not a MIDI file: it begins with b'RIFF'"),
        ("Жанна".encode(), "not a MIDI file"),
        (b"MThd\0\0\0\6\0", "ends after 9 bytes"),
        (midi_file(END, kind=3), "type is 3"),
        (midi_file(END, division=0), "0 ticks a quarter note"),
        (midi_file(END, division=0xE728), "SMPTE"),
        (midi_file(note(60))[:-3], "ends too early"),
        (midi_file(note(60) + END)[:16], "ends too early"),
        (midi_file(b"\x00\x40\x40"), "running status"),
        (midi_file(meta(0x51, b"\x01") + END), "damaged"),
        (midi_file(meta(0x59, b"\x33\x00") + END), "damaged"),
        (midi_file(b"\x00\xf4" + END), "damaged"),
        (midi_file(b"\x00\xff\x01\x83\xff\xff\x7f"), "exceeds maximum length"),
        (midi_file(b"\xff" * 1025 + b"\x00" + END), "high bit"),
        (midi_file(b"\xff\xff\xff\x7f" + END[1:], division=1), "longer than 100000 quarter notes"),
        (bytes(MAX_BYTES + 1), "has more than 4194304 bytes"),
        (struct.pack(">4sLHHH", b"MThd", 6, 1, 0xFFFF, 96), "promises 65535 tracks, it has 0"),
    ],
)
def test_damaged_files_say_what_is_wrong(read, data, message):
    with pytest.raises(MidiError, match=message) as caught:
        read(data)
    assert "file.mid" in str(caught.value)


def test_missing_files_and_folders_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(IsADirectoryError):
        read_midi(tmp_path)


SEEDS = [
    midi_file(
        meta(3, b"T") + meta(0x51, b"\x07\xa1\x20") + END, note(60) + note(64, 3) + b"\x00\xc0\x05" + END
    ),
    midi_file(meta(0x58, b"\x04\x02\x18\x08") + meta(0x59, b"\x01\x00") + note(60) + END, kind=0),
    midi_file(b"\x00\xf0\x03\x01\x02\xf7" + note(60, 9) + b"\x00\xe0\x00\x40" + END, note(50) + END, kind=2),
]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 90), st.binary(max_size=3)), max_size=6),
    st.data(),
)
@settings(max_examples=400, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_crash_the_reader(tmp_path_factory, seed, edits, data):
    damaged = bytearray(seed)
    for position, replacement in edits:
        damaged[position : position + data.draw(st.integers(0, 3))] = replacement
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    path.write_bytes(damaged)
    with contextlib.suppress(MidiError):  # any other error fails
        score = read_midi(path)
        write_midi(score, path)
        assert read_midi(path).end == score.end


notes = st.builds(
    lambda onset, length, pitch, velocity, channel: Note(onset, onset + length, pitch, velocity, channel),
    st.integers(0, 2000),
    st.integers(1, 500),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 15),
)


def no_same_pitch_overlaps(found: list[Note]) -> list[Note]:
    kept: list[Note] = []
    for one in sorted(found, key=lambda n: n.onset):
        if not any((k.pitch, k.channel) == (one.pitch, one.channel) and one.onset < k.release for k in kept):
            kept.append(one)
    return kept


@given(
    st.lists(st.lists(notes, min_size=1, max_size=12).map(no_same_pitch_overlaps), max_size=4),
    st.integers(1, 32767),
)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_what_is_written_is_read_again(tmp_path_factory, parts, ticks):
    score = Score(
        ticks,
        tuple(Part(i, i + 1, f"part {i}", i * 9, tuple(found)) for i, found in enumerate(parts)),
        tempos=((0, 400_000), (100, 600_000)),
        time_signatures=((0, 3, 4), (960, 7, 8)),
        keys=((0, "F#m"),),
        name="Жанна",
    )
    path = tmp_path_factory.getbasetemp() / "again.mid"
    write_midi(score, path)
    assert read_midi(path) == score
    first = path.read_bytes()
    write_midi(score, path)
    assert path.read_bytes() == first


def test_written_files_have_the_layout_of_type_1(tmp_path):
    part = Part(0, 1, "Solo", 5, (Note(0, 10, 60, 90), Note(10, 10, 60, 91), Note(10, 20, 62, 92)))
    path = tmp_path / "out.mid"
    write_midi(Score(96, (part,), tempos=((0, 461_538),), time_signatures=((0, 4, 4),)), path)

    conductor = meta(0x51, b"\x07\x0a\xe2") + meta(0x58, b"\x04\x02\x18\x08") + b"\x74\xff\x2f\x00"
    solo = meta(3, b"Solo") + b"\x00\xc0\x05\x00\x90\x3c\x5a\x0a\x80\x3c\x00\x00\x90\x3c\x5b\x00\x3e\x5c"
    solo += b"\x00\x80\x3c\x00\x0a\x3e\x00\x60\xff\x2f\x00"
    assert path.read_bytes() == midi_file(conductor, solo)
    assert read_midi(path).parts[0].notes == part.notes


def test_the_program_is_chosen_on_every_channel_that_a_part_uses(tmp_path):
    part = Part(0, 1, "", 7, (Note(0, 10, 60, 90, 3), Note(0, 10, 60, 90, 1)))
    path = tmp_path / "out.mid"
    write_midi(Score(96, (part,)), path)
    assert b"\x00\xc1\x07\x00\xc3\x07\x00\x93\x3c\x5a" in path.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ticks_per_quarter": 0}, "score.ticks_per_quarter is 0, expected 1 to 32767"),
        ({"tempos": ((0, 0),)}, "microseconds a quarter note at tick 0 is 0"),
        ({"tempos": ((-1, 5),)}, "tempos: tick is -1"),
        ({"time_signatures": ((0, 4, 3),)}, "denominator 3 at tick 0"),
        ({"time_signatures": ((0, 0, 4),)}, "numerator at tick 0 is 0"),
        ({"keys": ((0, "H"),)}, "score.keys: 'H' at tick 0"),
        ({"parts": (Part(0, 1, "", 128, (Note(0, 1, 60),)),)}, r"parts\[0\].program is 128"),
        ({"parts": (Part(0, 1, "", None, (Note(0, 1, 128),)),)}, r"parts\[0\]: pitch at tick 0 is 128"),
        (
            {"parts": (Part(0, 1, "", None, (Note(0, 1, 60, 0),)),)},
            "velocity at tick 0 is 0, expected 1 to 127",
        ),
        ({"parts": (Part(0, 1, "", None, (Note(5, 4, 60),)),)}, "release of the note at tick 5 is 4"),
        ({"parts": (Part(0, 1, "", None, (Note(0, 1, 60, 90, 16),)),)}, "channel at tick 0 is 16"),
    ],
)
def test_a_score_that_no_file_holds_is_refused(tmp_path, change, message):
    path = tmp_path / "out.mid"
    path.write_bytes(b"as it was")
    with pytest.raises(ValueError, match=message):
        write_midi(dataclasses.replace(Score(96, ()), **change), path)
    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_ticks_are_integers(tmp_path):
    part = Part(0, 1, "", None, (Note(0.5, 1, 60),))
    with pytest.raises(TypeError, match=r"onset is 0.5, expected an integer"):
        write_midi(Score(96, (part,)), tmp_path / "out.mid")


def test_facts_of_the_exercise_s_file(data_dir):
    facts = json.loads((data_dir / "golden_metheny.json").read_text())["file"]
    score = read_midi(data_dir / "metheny.mid")
    assert score.ticks_per_quarter == facts["ticks_per_beat"]
    assert score.tempos == ((0, facts["tempo_us_per_beat"]),)
    assert [f"{n}/{d}" for _, n, d in score.time_signatures] == [facts["time_signature"]]
    assert [key for _, key in score.keys] == [facts["key_signature"]]
    assert {str(p.number): p.name for p in score.parts} == facts["parts_with_notes"]
    assert score.parts[0].track == facts["first_note_track_in_file"]
    assert score.parts[facts["melody_part"]].name == "Guitar"
    assert score.parts[facts["chord_part"]].name == "Piano"
    header = (data_dir / "metheny.mid").read_bytes()[8:12]
    assert struct.unpack(">HH", header) == (facts["format"], facts["tracks"])


def test_real_files(data_dir):
    score = read_midi(data_dir / "midi" / "foster_jeanie.mid")
    assert (score.name, len(score.parts), len(score.parts[0].notes)) == (
        "Jeanie With The Light Brown Hair",
        2,
        95,
    )
    assert score.quarters(score.end) == 140 - Fraction(1, 480)
    rag = read_midi(data_dir / "midi" / "joplin_maple_leaf_rag.mid")
    assert [(p.number, p.track, p.name) for p in rag.parts] == [(0, 1, "Right hand"), (1, 2, "Left hand")]
    assert rag.time_signatures[0][1:] == (2, 4)
