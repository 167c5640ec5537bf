#!/usr/bin/env python3
"""Writes tests/reference/vectors/*.json, or with --check compares them with what it would write."""

import json
import sys
from pathlib import Path

import selftest
from cases import cohorts, keys, messages, people, round, slots, values
from cases.fixed import plain

FOLDER = Path(__file__).parent / "vectors"
FILES = {"cohorts": cohorts, "keys": keys, "messages": messages, "people": people, "round": round, "slots": slots, "values": values}


def differences(path, kept, made):
    """Where two values differ, by name."""
    if isinstance(kept, dict) and isinstance(made, dict):
        for name in sorted(kept.keys() | made.keys()):
            yield from differences(f"{path}.{name}", kept.get(name), made.get(name))
    elif isinstance(kept, list) and isinstance(made, list) and len(kept) == len(made):
        for i, pair in enumerate(zip(kept, made)):
            yield from differences(f"{path}[{i}]", *pair)
    elif kept != made:
        yield f"{path}: the file has {short(kept)}, the reference computes {short(made)}"


def short(value):
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def compared(made):
    """All differences, files that nobody makes and text that is not as it is written included."""
    for name, value in made.items():
        file = FOLDER / f"{name}.json"
        if not file.exists():
            yield f"{file.name} is missing"
            continue
        text = file.read_text()
        found = list(differences(name, json.loads(text), value))
        yield from found
        if not found and text != written(value) + "\n":
            yield f"{file.name}: the same values, written differently"
    for file in FOLDER.iterdir():
        if file.stem not in made or file.suffix != ".json":
            yield f"{file.name}: nothing makes this file"


def written(value, depth=0):
    """JSON that names and items of the three outer levels stand on lines of their own in."""
    if depth == 3 or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        lines = [f"{json.dumps(name)}: {written(inner, depth + 1)}" for name, inner in value.items()]
    else:
        lines = [written(inner, depth + 1) for inner in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    space = "\n" + " " * depth
    return opening + ",".join(space + " " + line for line in lines) + space + closing


def main(arguments):
    if arguments not in ([], ["--check"]):
        print("usage: generate.py [--check]", file=sys.stderr)
        return 2
    selftest.run()
    made = {name: json.loads(json.dumps(plain(module.build()))) for name, module in FILES.items()}
    if not arguments:
        FOLDER.mkdir(exist_ok=True)
        for name, value in made.items():
            (FOLDER / f"{name}.json").write_text(written(value) + "\n")
        return 0
    found = list(compared(made))
    for line in found[:20]:
        print(line)
    if len(found) > 20:
        print(f"and {len(found) - 20} more")
    print(f"{len(found)} differences" if found else f"{len(made)} files of vectors are what the reference computes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
