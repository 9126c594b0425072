"""Check the committed hashes, or rewrite them after an intended change of numerics.

    python tests/engine/hashes/make.py                   # the installed rnnfast, on every instruction set
    python tests/engine/hashes/make.py --write           # rewrite the file, from the oracle `scalar_fma`
    python tests/engine/hashes/make.py build/.../results # the C++ program, on RNNFAST_ISA
    RNNFAST_ISA=neon python tests/engine/hashes/make.py qemu-aarch64 -L /usr/aarch64-linux-gnu build/.../results

With a program nothing but Python's standard library is needed. Says which cases differ, and fails where one does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

from hash_file import Case, Compute, hashed, read, rewrite


class Program:
    """The C++ program: answers a line with the number of bytes, a new line, and the bytes."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, kind: str, dtype: str, settings: str) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{kind} {dtype} {settings}\n".encode())
        self.process.stdin.flush()
        size = self.process.stdout.readline()
        if not size:
            sys.exit(f"the program ended with {self.process.wait()}")
        return self.process.stdout.read(int(size))


def differences(cases: list[Case], compute: Compute) -> Iterator[str]:
    """Name each case whose hash is another, and the first arrangement that shows it."""
    for case in cases:
        for arrangement in case.arrangements():
            if hashed(case, compute, arrangement) != case:
                yield f"{case.kind} {case.dtype} {arrangement}"
                break


def main() -> None:
    """Check or rewrite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="rewrite the file")
    parser.add_argument(
        "program", nargs=argparse.REMAINDER, help="its command line, with an emulator's if need be"
    )
    options = parser.parse_args()
    cases = read()
    if options.program:
        ways = {" ".join(options.program): Program(options.program)}
    else:
        import python_results

        import rnnfast

        ways = {name: python_results.compute for name in rnnfast.available_isas() if name != "scalar"}
    found = 0
    for name, compute in ways.items():
        if not options.program:
            rnnfast.set_isa(name)
        if options.write:
            cases = [hashed(case, compute, next(case.arrangements())) for case in cases]
            rewrite(cases)
            options.write = False  # and the others are checked against it
        wrong = list(differences(cases, compute))
        print(*(f"DIFFERS: {case}" for case in wrong), sep="\n", end="\n" if wrong else "")
        print(f"{name}: {len(cases) - len(wrong)} of {len(cases)} cases have the committed hash")
        found += len(wrong)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
