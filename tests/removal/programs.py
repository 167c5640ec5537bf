"""The test programs, and the order in which they are run without a check."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import places

SECONDS = 240
ENDLESS = "without an end: "
# In the order in which they follow where the tests of the place's own crate do not notice; each with arguments. The far
# ones are compiled only where a place needs them: it is in one of their crates, or nobody near noticed.
NEAR = (
    ("crates/study", ()),
    ("crates/access", ()),
    ("crates/identity", ()),
    ("crates/wire", ()),
    ("crates/secagg", ("--skip", "statistics::", "--skip", "oracle::")),
    ("client/engine", ("--skip", "crash::")),
    # The others in few words; these go through every moment of long runs.
    ("coordinator/engine", ("--skip", "crashes::", "--skip", "oracle::", "--skip", "losses::", "--skip", "endings::")),
)
FAR = (
    ("client", ()),
    ("coordinator", ()),
    ("tests/tests/reference", ()),
    ("tests/tests/faults", ()),
    ("tests/tests/attacks", ()),
)
# What must not compile is compiled anew in each run, and no switch changes that.
LEFT_OUT = ("crates/secagg/tests/misuse", "crates/access/tests/ui")


@dataclass(frozen=True)
class Program:
    """One test program; `source` is its folder of tests, or the folder of the crate whose unit tests it has."""

    source: str
    package: Path
    path: str
    arguments: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def has_attacks(self) -> bool:
        return self.source == "tests/tests/attacks"

    def run(self, gone: int | None, names: list[str]) -> str:
        """The first test that fails without place `gone`; nothing where all pass."""
        arguments = ["--exact", *names] if names else list(self.arguments)
        environment = {**os.environ, "CARGO_MANIFEST_DIR": str(self.package)}
        environment.pop("RIPIENO_GONE", None)
        if gone is not None:
            environment["RIPIENO_GONE"] = str(gone)
        process = subprocess.Popen(
            [self.path, *arguments], cwd=self.package, env=environment, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=SECONDS * (3 if self.has_attacks else 1))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return self.failed(output) or ENDLESS + self.source
        return (self.failed(output) or f"{self.source}: it ends with {process.returncode}") if process.returncode else ""

    def failed(self, output: str) -> str:
        if self.has_attacks:
            found = re.search(r"^(?:GOT THROUGH|BROKEN): (.*?)(?:: |$)", output, re.MULTILINE)
            return f'{self.source}: "{found[1]}"' if found else ""
        found = re.search(r"^test (\S+)(?: - should panic)? \.\.\. FAILED", output, re.MULTILINE)
        return f"{self.source}::{found[1]}" if found else ""


class Programs:
    """The programs that are compiled so far."""

    def __init__(self, tree: Path, target: Path, root: Path, only_near: bool):
        self.tree, self.target, self.only_near = tree, target, only_near
        self.table = rows_of(root)
        self.near = build(tree, target, NEAR)
        self.far: list[Program] | None = None
        self.green: set[str] = set()
        self.one_build = Lock()

    def order(self, place: places.Place):
        """What to run: pairs of a program and names of tests, none for all of them."""
        yield from self.among(self.near, place, own=True)
        if self.only_near:
            return
        with self.one_build:
            self.far = self.far or build(self.tree, self.target, FAR)
        yield from self.among(self.far, place, own=True)
        yield from self.among(self.near, place, own=False)
        yield from self.among(self.far, place, own=False)

    def among(self, programs: list[Program], place: places.Place, own: bool):
        """The tests that the check's row names, and all of the place's own crate; or all of the others."""
        mine = [program for program in programs if place.file.startswith(program.source.split("/tests/")[0] + "/")]
        others = [program for program in programs if program not in mine]
        for program in mine + others if own else ():
            names = {named(program, test) for id in place.ids for test in self.table.get(id, ())} - {None}
            if names:
                yield program, sorted(names)
        for program in mine if own else others:
            yield program, []

    def first_red(self, number: int, place: places.Place) -> str:
        """The first test that goes red without a place; nothing where none does."""
        for program, names in self.order(place):
            red = program.run(number, names)
            if red.startswith(ENDLESS):
                # On a machine that is busy this says nothing.
                print(f"{place.key}: {red}", file=sys.stderr)
            elif red:
                self.must_be_green(program, red)
                return red
        return ""

    def must_be_green(self, program: Program, red: str) -> None:
        """A test that fails with every check in its place would say nothing."""
        if red in self.green:
            return
        test = red.removeprefix(f"{program.source}::")
        if program.run(None, [test] if test in program.tests else []):
            raise SystemExit(f"with all checks in their places: {red}")
        self.green.add(red)


def named(program: Program, test: str) -> str | None:
    """A test of the table, as the program calls it."""
    file, _, name = test.partition(".rs::")
    source = f"{program.source}/" if "/tests/" in program.source else f"{program.source}/src/"
    if not file.startswith(source) and file != program.source:
        return None
    module = file.removeprefix(source).replace("/", "::").removesuffix("::mod") if file != program.source else ""
    ends = (f"{module}::{name}".lstrip(":"), f"{module}::tests::{name}")
    return next((known for known in program.tests if known in ends), None)


def build(tree: Path, target: Path, sources) -> list[Program]:
    command = ["cargo", "test", "--no-run", "--message-format=json-render-diagnostics"]
    for package in sorted({source.split("/tests/")[0] for source, _ in sources}):
        command += ["-p", manifest_name(tree / package)]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    made = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if made.returncode:
        print(made.stderr)
        raise SystemExit("the copy with its switches does not compile: a rule of places.py or by_hand.py needs an eye")
    found = {}
    for line in made.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["profile"]["test"] and "bin" not in message["target"]["kind"]:
            package = Path(message["manifest_path"]).parent
            folder = package.relative_to(tree).as_posix()
            is_unit = "test" not in message["target"]["kind"]
            found[folder if is_unit else f"{folder}/tests/{message['target']['name']}"] = (package, message["executable"])
    programs = []
    for prefix, arguments in sources:
        for source, (package, path) in sorted(found.items()):
            if (source == prefix or source.startswith(prefix + "/tests/")) and source not in LEFT_OUT:
                programs.append(Program(source, package, path, arguments, tests_of(path, source)))
    return programs


def tests_of(path: str, source: str) -> tuple[str, ...]:
    if source == "tests/tests/attacks":
        return ()
    listed = subprocess.run([path, "--list"], capture_output=True, text=True, check=True).stdout
    return tuple(re.findall(r"^(\S+): test$", listed, re.MULTILINE))


def manifest_name(folder: Path) -> str:
    return re.search(r'^name = "(.*)"', (folder / "Cargo.toml").read_text(), re.MULTILINE)[1]


def rows_of(root: Path) -> dict[str, list[str]]:
    """The violating tests of each check, from docs/protocol-checks.md."""
    table = {}
    for line in (root / "docs/protocol-checks.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if re.fullmatch(r"[A-Z]\d", cells[0]):
            table[cells[0]] = [test for test in re.findall(r"`([^`]*)`", cells[-1]) if '"' not in test]
    return table
