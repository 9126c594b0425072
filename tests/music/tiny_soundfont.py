"""A SoundFont 2 file of one looped sine wave, made from nothing: enough to play every program with."""

from __future__ import annotations

import struct

import numpy as np

SAMPLE_RATE = 44_100
ROOT_PITCH = 69
"""The sample is an A of 441 Hz: a whole number of frames a period, so the loop is seamless."""

_PERIOD, _PERIODS = 100, 40
_GENERATORS = {
    "sampleModes": 54,
    "overridingRootKey": 58,
    "instrument": 41,
    "sampleID": 53,
    "releaseVolEnv": 38,
}


def tiny_soundfont(program: int = 0) -> bytes:
    """The bytes of a SoundFont whose only preset is `program` of bank 0."""
    frames = np.arange(_PERIOD * _PERIODS)
    wave = np.rint(12_000 * np.sin(2 * np.pi * frames / _PERIOD)).astype("<i2").tobytes()
    info = (
        _chunk("ifil", struct.pack("<HH", 2, 1))
        + _chunk("isng", _text("EMU8000"))
        + _chunk("INAM", _text("tiny"))
    )
    samples = _chunk("smpl", wave + bytes(2 * 46))
    return _chunk(
        "RIFF", b"sfbk" + _list("INFO", info) + _list("sdta", samples) + _list("pdta", _presets(program))
    )


def _presets(program: int) -> bytes:
    end = _PERIOD * _PERIODS
    looped = [
        ("sampleModes", 1),
        ("overridingRootKey", ROOT_PITCH),
        ("releaseVolEnv", 0xF000),
        ("sampleID", 0),
    ]
    return b"".join(
        [
            _chunk("phdr", _header("sine", program, 0, 0) + _header("EOP", 0, 0, 1)),
            _chunk("pbag", struct.pack("<HHHH", 0, 0, 1, 0)),
            _chunk("pmod", bytes(10)),
            _chunk("pgen", _generators([("instrument", 0)])),
            _chunk("inst", struct.pack("<20sH20sH", b"sine", 0, b"EOI", 1)),
            _chunk("ibag", struct.pack("<HHHH", 0, 0, len(looped), 0)),
            _chunk("imod", bytes(10)),
            _chunk("igen", _generators(looped)),
            _chunk("shdr", _sample("sine", end) + _sample("EOS", 0)),
        ]
    )


def _header(name: str, program: int, bank: int, bag: int) -> bytes:
    return struct.pack("<20sHHHIII", name.encode(), program, bank, bag, 0, 0, 0)


def _generators(pairs: list[tuple[str, int]]) -> bytes:
    listed = [struct.pack("<HH", _GENERATORS[name], amount) for name, amount in pairs]
    return b"".join([*listed, bytes(4)])


def _sample(name: str, end: int) -> bytes:
    loop = (_PERIOD * 4, end - _PERIOD * 4) if end else (0, 0)
    return struct.pack("<20sIIIIIBbHH", name.encode(), 0, end, *loop, SAMPLE_RATE, ROOT_PITCH, 0, 0, 1)


def _text(value: str) -> bytes:
    data = value.encode() + b"\0"
    return data + b"\0" * (len(data) % 2)


def _list(kind: str, data: bytes) -> bytes:
    return _chunk("LIST", kind.encode() + data)


def _chunk(name: str, data: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(data)) + data
