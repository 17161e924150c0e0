#!/usr/bin/env python3
"""Prints Tests/AWSWireTests/PatternCases.swift: texts that Python's re matches or does not match as a whole.

The patterns are all of those of the Lambda and CloudWatch Logs models that Python can read, and some that exercise
the syntax. Texts are drawn from each pattern and then damaged, from a fixed seed.

    Scripts/record_pattern_cases.py > Tests/AWSWireTests/PatternCases.swift
"""
import json
import pathlib
import random
import re
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import sre_constants as ops
    import sre_parse

import botocore
from generate_models import ROOT, load_model

SYNTAX = [
    "a|b|", "(a|ab)(c|bcd)(d*)", "a{2}b{1,3}c{2,}", "[^a-c]x", "[]a]+", "[a\\]b]", "[-a]+", "[a-]+", "(?:ab)*?c", "^ab$",
    "(?=a)[a-z]{2}", "(?!ab)[a-z]{2}", "[a-z]*(?<!b)", "[a-z]*(?<=b)", "a(?!b).*", "(a*)*b", "(a|a)*b", ".+", "\\d\\D\\w\\W\\s\\S",
    "[\\d_]+", "[\\D]", "\\x41\\u0042", "(|a)b", "(a?){3}b", "()", "x*", "\\$\\.\\-\\/\\\\", "[\\u0020-\\uD7FF]{0,3}",
]
ALPHABET = "abcxAZ09-_.:/$ @=+é"


def draw(tree, rng):
    """A text that the parsed pattern is likely to match: assertions are ignored."""
    text = ""
    for op, value in tree:
        if op is ops.LITERAL:
            text += chr(value)
        elif op is ops.NOT_LITERAL:
            text += rng.choice([c for c in ALPHABET if ord(c) != value])
        elif op is ops.ANY:
            text += rng.choice(ALPHABET)
        elif op is ops.IN:
            text += draw_set(value, rng)
        elif op is ops.BRANCH:
            text += draw(rng.choice(value[1]), rng)
        elif op is ops.SUBPATTERN:
            text += draw(value[-1], rng)
        elif op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            low, high, inner = value
            high = low + 3 if high is ops.MAXREPEAT else min(high, low + 20)
            text += "".join(draw(inner, rng) for _ in range(rng.randint(low, high)))
    return text


def draw_set(items, rng):
    kind, value = rng.choice([item for item in items if item[0] is not ops.NEGATE])
    if items[0][0] is ops.NEGATE:
        return rng.choice(ALPHABET)
    if kind is ops.LITERAL:
        return chr(value)
    if kind is ops.RANGE:
        return chr(rng.randint(value[0], min(value[1], 0x7E)))
    return rng.choice({"CATEGORY_DIGIT": "07", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a_9"}.get(str(value), "x-"))


def damage(text, rng):
    at = rng.randrange(len(text) + 1)
    return rng.choice([
        text[:at] + rng.choice(ALPHABET) + text[at:], text[:at] + text[at + 1:], text[:at], text[at:],
        text[:at] + rng.choice(ALPHABET) + text[at + 1:], text + text,
    ])


def patterns():
    config = json.loads((ROOT / "Scripts" / "models.json").read_text())
    found = set(SYNTAX)
    for name in sorted(config):
        for shape in load_model(botocore, name, config[name]["version"])["shapes"].values():
            found.add(shape.get("pattern", "a"))
        found |= {override.get("pattern", "a") for override in config[name]["constraints"].values()}
    return sorted(pattern for pattern in found if "\\p" not in pattern and "\n" not in pattern)


def main():
    rng = random.Random(20240229)
    print("/// Recorded from Python's `re.fullmatch` by Scripts/record_pattern_cases.py; do not edit.")
    print("///\n/// A line that begins with `/` is a pattern; those below it are texts, `+` for a match and `-` for none.")
    print('let patternCases = #"""')
    for pattern in patterns():
        try:
            compiled = re.compile(pattern, re.ASCII)
        except re.error:
            continue
        texts = {""}
        for _ in range(6):
            text = draw(sre_parse.parse(pattern), rng)
            texts |= {text, damage(text, rng), damage(damage(text, rng), rng)}
        lines = [("+" if compiled.fullmatch(text) else "-") + text for text in sorted(texts)]
        lines = [line for line in lines if line.isprintable() and len(line) <= 110]
        if len(pattern) <= 110 or not lines:
            print("    /" + pattern)
        else:
            pieces = [pattern[at:at + 110] for at in range(0, len(pattern), 110)]
            print("    /" + "\\#\n    ".join(pieces))
        for line in lines:
            print("    " + line)
    print('    """#')


if __name__ == "__main__":
    main()
