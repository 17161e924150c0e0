#!/usr/bin/env python3
"""Prints Tests/AWSWireTests/NamedGroupCases.swift: what the named groups of an expression find in a text, as Python's
re.search has it. Expressions and texts are made at random, from a fixed seed.

    Scripts/record_group_cases.py > Tests/AWSWireTests/NamedGroupCases.swift
"""
import random
import re


def atom(rng, depth, names):
    kind = rng.randrange(10)
    if kind < 5 or depth == 0:
        return rng.choice(["a", "b", "c", ".", "[ab]", "[^a]", "\\w"])
    inner = choice(rng, depth - 1, names)
    if kind < 8 and len(names) < 3:
        names.append(f"g{len(names)}")
        return f"(?<{names[-1]}>{inner})"
    return f"(?:{inner})"


def piece(rng, depth, names):
    part = atom(rng, depth, names)
    # What repeats nothing, or a group, is found in the last round, of which engines think differently.
    if "(?<" in part or re.compile(python(part)).match(""):
        return part + rng.choice(["", "", "", "?", "??"]) if not re.compile(python(part)).match("") else part
    return part + rng.choice(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{1,2}?"])


def sequence(rng, depth, names):
    return "".join(piece(rng, depth, names) for _ in range(rng.randint(1, 3)))


def choice(rng, depth, names):
    return "|".join(sequence(rng, depth, names) for _ in range(rng.choice([1, 1, 1, 2])))


def python(source):
    return source.replace("(?<", "(?P<")


def main():
    rng = random.Random(6)
    lines = []
    while len(lines) < 500:
        names = []
        source = rng.choice(["", "", "^"]) + choice(rng, 2, names) + rng.choice(["", "", "$"])
        if not names:
            continue
        # The order in which they stand, not that in which they were made.
        order = re.findall(r"\(\?<(\w+)>", source)
        expression = re.compile(python(source))
        for _ in range(3):
            text = "".join(rng.choice("abc ") for _ in range(rng.randint(0, 8)))
            found = expression.search(text)
            values = [] if not found else ["-" if found[name] is None else "=" + found[name] for name in order]
            line = "\t".join([source, text, *values])
            if len(line) <= 110:
                lines.append(line)
    print("// written by Scripts/record_group_cases.py; do not edit\n")
    print("/// An expression, a text, and what each group finds, between tabs; nothing where nothing matches.")
    print('let namedGroupCases = #"""')
    for line in lines[:500]:
        print("    " + line)
    print('    """#')


main()
