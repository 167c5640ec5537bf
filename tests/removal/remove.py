#!/usr/bin/env python3
"""Takes every check away once, and says which test goes red first.

    tests/removal/remove.py              all places that tests/removal/result.tsv does not have yet
    tests/removal/remove.py --again S4   the places of check S4 anew; --again alone: all of them
    tests/removal/remove.py --list       what would be taken away; nothing is built
    tests/removal/remove.py --table      the table of docs/verification.md, from the last result

A copy of the sources, in the target directory, is compiled once with a switch at each place (places.py). A test
program then runs with one place switched off: first the tests that docs/protocol-checks.md names for the check, then
all tests of the place's crate, then those of the others, and last the attacks.

The exit code is 1 where a place can be taken away and no test notices, unless reasons.tsv says why none can.
"""

import argparse
import collections
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import places
import programs

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
RESULT, REASONS = FOLDER / "result.tsv", FOLDER / "reasons.tsv"
SURVIVES = "-"
# How many of a check's tests the table names.
SHOWN = 2
GONE = '''
/// Whether this place is taken away in this run.
#[doc(hidden)]
pub fn gone(place: u32) -> bool {
    static PLACE: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    *PLACE.get_or_init(|| std::env::var("RIPIENO_GONE").ok().and_then(|text| text.parse().ok())) == Some(place)
}
'''


def rows(path: Path) -> dict[str, str]:
    """A file of two columns: the key of a place, and what is said of it."""
    if not path.exists():
        return {}
    lines = (line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {key: said for _, key, said in lines}


def write(found: list[places.Place], said: dict[str, str]) -> None:
    lines = [f"{','.join(place.ids)}\t{place.key}\t{said[place.key]}\n" for place in found if place.key in said]
    RESULT.write_text("# checks\tplace\tthe first test that went red without it\n" + "".join(lines))


def copy(target: Path, found: list[places.Place]) -> Path:
    """The sources with a switch at each place. Files that are the same already keep their time, and are not compiled again."""
    tree = target / "tree"
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    switched = collections.defaultdict(list)
    for number, place in enumerate(found):
        for at, text in place.inserts:
            gone = "crate::gone" if place.file.startswith("crates/study/") else "ripieno_study::gone"
            switched[place.file].append((at, text.replace("GONE", f"{gone}({number})")))
    kept = set()
    for name in filter(None, names.stdout.split("\0")):
        source, copied = ROOT / name, tree / name
        if not source.is_file():
            continue
        kept.add(copied)
        content = source.read_bytes()
        if name in switched:
            content = insert(content.decode(), switched[name]).encode()
        if name == "crates/study/src/lib.rs":
            content += GONE.encode()
        if not copied.exists() or copied.read_bytes() != content:
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(content)
    for old in [path for path in tree.rglob("*") if path.is_file() and path not in kept]:
        old.unlink()
    return tree


def insert(text: str, inserts: list[tuple[int, str]]) -> str:
    """Of two inserts at one place, the outer one begins first: it belongs to the longer text and came first."""
    for at, added in reversed(sorted(enumerate(inserts), key=lambda pair: (pair[1][0], pair[0]))):
        text = text[: added[0]] + added[1] + text[added[0] :]
    return text


def table(found: list[places.Place], said: dict[str, str], reasons: dict[str, str]) -> None:
    print("| check | places | red | first test that went red, and for how many |\n| --- | --- | --- | --- |")
    for id in sorted({id for place in found for id in place.ids}):
        mine = [place for place in found if id in place.ids]
        red = [said[place.key] for place in mine if said.get(place.key, SURVIVES) != SURVIVES]
        names = collections.Counter(name.rsplit("::", 1)[-1] for name in red)
        tests = ", ".join(f"`{name}` ({count})" for name, count in names.most_common(SHOWN))
        tests += f" and {len(names) - SHOWN} others" if len(names) > SHOWN else ""
        print(f"| {id} | {len(mine)} | {len(red)} | {tests} |")
    red = sum(said.get(place.key, SURVIVES) != SURVIVES for place in found)
    known = sum(place.key in reasons and said.get(place.key) == SURVIVES for place in found)
    print(f"\n{len(found)} places, {red} red, {known} with a reason in reasons.tsv", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", help="only places of these checks")
    parser.add_argument("--again", action="store_true", help="also places that the result has")
    parser.add_argument("--list", action="store_true", help="only say what would be taken away")
    parser.add_argument("--table", action="store_true", help="only print the table")
    parser.add_argument("--survivors", action="store_true", help="only those again that no test noticed")
    parser.add_argument("--near", action="store_true", help="compile no daemon: what needs one stays open")
    parser.add_argument("--jobs", type=int, default=1, help="how many places at once")
    options = parser.parse_args()
    found, said, reasons = places.find(ROOT), rows(RESULT), rows(REASONS)
    if options.list:
        for place in found:
            print(",".join(place.ids), place.key, sep="\t")
        return 0
    if options.table:
        table(found, said, reasons)
        return 0
    said = {key: red for key, red in said.items() if key in {place.key for place in found}}
    wanted = [
        (number, place)
        for number, place in enumerate(found)
        if (options.again or place.key not in said or options.survivors and said[place.key] == SURVIVES)
        and (not options.checks or set(options.checks) & set(place.ids))
    ]
    wanted.sort(key=lambda pair: not pair[1].file.startswith("crates/secagg/"))
    # A target directory of its own: cargo would take the crates of the copy for those of the sources.
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "removal"
    tests = programs.Programs(copy(target, found), target, ROOT, options.near)
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = {pool.submit(tests.first_red, number, place): place for number, place in wanted}
        for run in as_completed(runs):
            place, red = runs[run], run.result() or SURVIVES
            print(",".join(place.ids), place.key, red, sep="\t", flush=True)
            if red != SURVIVES or not options.near:
                said[place.key] = red
                write(found, said)
    left = [place.key for place in found if said.get(place.key) == SURVIVES and place.key not in reasons]
    for key in left:
        print(f"no test notices that this is gone: {key}", file=sys.stderr)
    stale = [key for key in reasons if said.get(key, SURVIVES) != SURVIVES]
    for key in stale:
        print(f"reasons.tsv says why no test can notice it, and one does: {key}", file=sys.stderr)
    return 1 if left or stale else 0


if __name__ == "__main__":
    sys.exit(main())
