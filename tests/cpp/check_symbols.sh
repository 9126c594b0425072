#!/usr/bin/env bash
# usage: check_symbols.sh NM ISA OBJECT
# An instruction set's object file may define nothing weak (the linker could hand such code, full of that instruction
# set, to the whole program) and export nothing but its two tables.
set -eu
nm=$1 isa=$2 object=$3
symbols=$("$nm" --defined-only --demangle "$object")
weak=$(grep -E ' [VvWwu] ' <<<"$symbols" || true)
if [ -n "$weak" ]; then
  printf 'weak symbols in %s:\n%s\n' "$object" "$weak"
  exit 1
fi
exported=$(grep -E ' [A-Z] ' <<<"$symbols" | sed 's/^.* //' | sort | tr '\n' ' ')
expected="rnnfast::kernels::${isa}_f32 rnnfast::kernels::${isa}_f64 "
if [ "$exported" != "$expected" ]; then
  printf '%s exports: %s\nexpected: %s\n' "$object" "$exported" "$expected"
  exit 1
fi
