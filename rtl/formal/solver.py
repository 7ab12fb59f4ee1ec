"""Bitwuzla as the program that SymbiYosys calls: SMT-LIB 2 on standard input, answers on standard
output. Its package on PyPI is a library without one.

Usage: solver.py --lang smt2
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from bitwuzla import BitwuzlaException, Option, Options, Parser, TermManager


def commands(lines: Iterable[str]) -> Iterator[str]:
    """The commands in `lines`, each as soon as its last parenthesis is there."""
    text, depth = "", 0
    for line in lines:
        # `|a (name)|` may have parentheses; comments end with their line.
        outside = "".join(line.split("|")[::2]).partition(";")[0]
        text += line
        depth += outside.count("(") - outside.count(")")
        if depth == 0 and outside.strip():
            yield text
            text = ""


def main(arguments: list[str]) -> int:
    if "--help" in arguments:  # yosys asks for what there is before it begins
        print(__doc__)
        return 0
    options = Options()
    options.set(Option.PRODUCE_MODELS, True)
    parser = Parser(TermManager(), options)
    try:
        for command in commands(sys.stdin):
            if command.strip() == "(exit)":
                break
            parser.parse(command, False, False)
            sys.stdout.flush()
    except BitwuzlaException as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
