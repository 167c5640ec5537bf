"""Finds every place of the code that refuses with the id of a check, and says which edit makes it refuse no more.

An edit hangs the place on `ripieno_study::gone(number)`, which is true where the test program runs with that number:
all places are compiled at once, and taken away one at a time.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import by_hand
import rust

# Where refusals are, in the order in which data flows.
FOLDERS = (
    "crates/study/src/plan.rs",
    "crates/access/src",
    "crates/identity/src",
    "crates/secagg/src",
    "crates/wire/src",
    "coordinator/engine/src",
    "coordinator/src",
    "client/engine/src",
    "client/src",
)
# Errors and functions that become a refusal of this check at their callers.
ERRORS = {
    "crates/study/src/plan.rs": (r"PlanError::", "S6"),
    "crates/access/src": (r"Denial::new", "S2"),
    "crates/identity/src/charter.rs": (r"BadCharter::", "H1"),
    "crates/identity/src/ratification.rs": (r"BadSuccession::", "H1"),
    "crates/identity/src/credential.rs": (r"BadCredential::", "H1"),
    "client/engine/src/study.rs": (r"No::new|other_data\(", "S2"),
}
# Calls of checks that do more than check, or whose name says too little.
CALLS = (
    (r"\bwitness\.(adverts?_since|trailers?)\(", "L1"),
    (r"\bself\.adverts?_since\(|\bbefore\.admits\(", "L1"),
    (r"\bnumbers\.admit\(", "A2"),
    (r"\b(ledger|self)\.admit\(", "S4 S7 S8"),
    (r"\bself\.check\(&record\)", "S4"),
    (r"\bas_p1\b", "P1"),
    (r"\bcertificate\.verify(_by)?\(|\bself\.verify_by\(", "U1"),
    (r"(?<!\.)\bverify\(roster, transcript\b", "U1"),
    (r"\bproof\.verify\(roster\b", "R2"),
    (r"\bplan\.check\(", "S6"),
    (r"\bsubmission\.verify\(|\bself\.verify\(\"|^proof\s*\.verify\(\s*method", "H1"),
    (r"\b(verified|self)\.(sum|sum_digest|next_state)\(|\bcheck_tiles\(", "P1"),
    (r"\bself\.renew_permit\(", "S2"),
    (r"\bcheck\(rules, data, request\)|\bcheck_columns\(set\b|\bself\.policy\.weigh_without_data\(", "S2"),
    (r"\bcheck_over\(", "S5"),
    (r"\bself\.check_own\(", "H1"),
)
# What reads like a refusal, and is none.
NONE = (
    ("crates/identity/src/authorities.rs", ""),
    ("client/src/daemon/authorities.rs", ""),
    ("coordinator/src/services/site/enrol.rs", ""),
    ("coordinator/engine/src/phases/collecting.rs", "strike"),
    ("client/engine/src/progress.rs", "advance"),
)
# Functions whose first argument is the condition, and which refuse where it does not hold.
CONDITIONAL = {"permitted": {"S2"}}
ID = re.compile(r"\bCheck::([A-Z]\d)\b")


@dataclass
class Place:
    """One condition, or one call, that can refuse. `inserts` are (offset, text) pairs."""

    file: str
    function: str
    ids: tuple[str, ...]
    text: str
    at: int
    inserts: list[tuple[int, str]] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.file}::{self.function}: {self.text}"


@dataclass
class Source:
    """One file, with what its names refuse with."""

    path: str
    text: str
    masked: str
    helpers: dict[str, set[str]]
    checkers: dict[str, set[str]]

    def ids(self, text: str, closures: dict[str, set[str]]) -> set[str]:
        """The checks that an expression refuses with."""
        found = set(ID.findall(text))
        for names in (self.helpers, closures):
            for name, ids in names.items():
                if re.search(rf"(?<![\w.]){name}\(", text):
                    found |= ids
        for prefix, (pattern, id) in ERRORS.items():
            if self.path.startswith(prefix) and re.search(pattern, text):
                found.add(id)
        return found

    def normal(self, span: tuple[int, int]) -> str:
        return " ".join(self.text[span[0] : span[1]].split())


def find(root: Path) -> list[Place]:
    """All places, in the order of files and lines."""
    sources = [load(root, path) for path in files(root)]
    for folder in FOLDERS:
        group = [source for source in sources if source.path.startswith(folder)]
        shared = {}
        for source in group:
            for name, ids in own_helpers(source, public=True).items():
                shared.setdefault(name, set()).update(ids)
        for source in group:
            source.helpers.update(shared | own_helpers(source, public=False))
    checkers: dict[str, set[str]] = {}
    while True:
        places = [place for source in sources for place in of_source(source, checkers)]
        if not grow(sources, places, checkers):
            return numbered(places)


def numbered(places: list[Place]) -> list[Place]:
    """Places of one key get a number each."""
    seen: dict[str, int] = {}
    for place in places:
        seen[place.key] = count = seen.get(place.key, 0) + 1
        if count > 1:
            place.text += f" ({count})"
    return places


def files(root: Path):
    for folder in FOLDERS:
        path = root / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.rs")):
            relative = file.relative_to(root).as_posix()
            if not re.search(r"(^|/)tests?(/|\.rs$)", relative.split("/src/")[1]):
                yield relative


def load(root: Path, path: str) -> Source:
    text = (root / path).read_text()
    return Source(path, text, rust.mask(text), {}, {})


def own_helpers(source: Source, public: bool) -> dict[str, set[str]]:
    """Functions that only make a refusal."""
    found = {}
    for function in rust.functions(source.masked):
        visible = source.masked[: function.start].rstrip().endswith((")", "pub"))
        if visible >= public and re.search(r"->\s*Refusal\s*$", function.signature):
            ids = set(ID.findall(source.masked[function.body[0] : function.body[1]]))
            if ids:
                found[function.name] = ids
    return found


def grow(sources: list[Source], places: list[Place], checkers: dict[str, set[str]]) -> bool:
    """Functions that do nothing but check: a call of one is a place too. Whether one was new."""
    before = {name: set(ids) for name, ids in checkers.items()}
    for source in sources:
        for function in rust.functions(source.masked):
            pure = function.gives_unit and "&mut" not in function.signature.split("->")[0]
            if not pure or not re.match(r"(check|verify)_|require$|publish_once$", function.name):
                continue
            inside = [p for p in places if p.file == source.path and function.body[0] <= p.at < function.body[1]]
            for place in inside:
                checkers.setdefault(function.name, set()).update(place.ids)
    return before != checkers


def of_source(source: Source, checkers: dict[str, set[str]]) -> list[Place]:
    source.checkers = checkers
    places = []
    for function in rust.functions(source.masked):
        scope = Scope(source, function)
        rules = (scope.refusing_ifs, scope.accepting_ifs, scope.arms, scope.calls, scope.conditional_calls, scope.by_hand)
        if not any(source.path == path and function.name.startswith(name) for path, name in NONE):
            places.extend(sorted((place for rule in rules for place in rule()), key=lambda place: place.at))
    return places


class Scope:
    """One function of a file."""

    def __init__(self, source: Source, function: rust.Function):
        self.source, self.function = source, function
        self.masked = source.masked
        start, end = function.body
        self.closures = {}
        for found in re.finditer(r"let (\w+) =\s*(?:move )?\|", self.masked[start:end]):
            stop = rust.until(self.masked, start + found.end(), ";", end)
            text = self.masked[start + found.end() : stop]
            ids = source.ids(text, {})
            if ids and re.search(r"Refusal::|BadC|No::", text):
                self.closures[found[1]] = ids

    def ids(self, span: tuple[int, int]) -> set[str]:
        return self.source.ids(rust.flat(self.masked, *span), self.closures)

    def refuses(self, span: tuple[int, int]) -> set[str]:
        """The checks that a block refuses with, in itself and not in a block within it."""
        text = rust.flat(self.masked, *span)
        given_back = re.search(r"\breturn\b|\bErr\(|\bSome\(format!|blame\(|refuse", text)
        ids = self.ids(span)
        return ids if given_back else set()

    def place(self, ids: set[str], span: tuple[int, int], before: str, after: str, note: str = "") -> Place:
        text = note + self.source.normal(span)
        place = Place(self.source.path, self.function.name, tuple(sorted(ids)), text, span[0])
        place.inserts = [(span[0], before), (span[1], after)]
        return place

    def refusing(self, ids: set[str], start: int, end: int):
        """Of a condition that refuses, each alternative is a place."""
        if re.search(r"\blet\b", rust.flat(self.masked, start, end)):
            yield self.place(ids, rust.trimmed(self.masked, start, end), "", " && !GONE")
            return
        for span in rust.terms(self.masked, start, end, "||"):
            yield self.place(ids, span, "(", " && !GONE)")

    def accepting(self, ids: set[str], start: int, end: int):
        """Of a condition that accepts, each part is a place."""
        span = rust.trimmed(self.masked, start, end)
        name = self.masked[span[0] : span[1]]
        begin, stop = self.function.body
        defined = re.search(rf"let {name} =", self.masked[begin:stop]) if re.fullmatch(r"\w+", name) else None
        if defined:
            start = begin + defined.end()
            end = rust.until(self.masked, start, ";", stop)
        if re.search(r"\blet\b", rust.flat(self.masked, start, end)):
            return
        for span in rust.terms(self.masked, start, end, "&&"):
            yield self.place(ids, span, "(", " || GONE)", "not needed: ")

    def ifs(self):
        """(condition, block, end) of each `if`."""
        start, end = self.function.body
        for found in re.finditer(r"\bif\b", self.masked[start:end]):
            at = start + found.end()
            brace = rust.until(self.masked, at, "{", end)
            arrow = self.masked.find("=>", at, brace)
            if brace < end and arrow < 0:
                close = rust.closing(self.masked, brace)
                yield (at, brace), (brace + 1, close - 1), close

    def refusing_ifs(self):
        for condition, block, close in self.ifs():
            ids = self.refuses(block)
            other = re.match(r"\s*else\s*\{", self.masked[close:])
            if ids:
                yield from self.refusing(ids, *condition)
            elif other:
                brace = close + other.end() - 1
                ids = self.refuses((brace + 1, rust.closing(self.masked, brace) - 1))
                if ids:
                    yield from self.accepting(ids, *condition)

    def accepting_ifs(self):
        """`if good { return Ok(…); }`, and a refusal behind it."""
        _, end = self.function.body
        for condition, block, close in self.ifs():
            accepts = re.match(r"\s*(return Ok\(.*?\)|return None);?\s*$", self.masked[block[0] : block[1]], re.DOTALL)
            rest = self.masked[close:end]
            refusal = re.match(r"\s*(let [^;]*;\s*)*(Err\(.*)$", rest, re.DOTALL)
            if accepts and refusal:
                ids = self.ids((close + refusal.start(2), end)) | self.ids((close, end))
                if ids:
                    yield from self.accepting(ids, *condition)

    def arms(self):
        start, end = self.function.body
        for begin, arms in rust.matches(self.masked, start, end):
            statement = re.search(r"[;{}]\s*$", self.masked[:begin]) is not None
            last = self.masked[rust.closing(self.masked, rust.until(self.masked, begin, "{", end)) : end].strip() == ""
            before = self.masked[:begin].rstrip()
            gives = self.function.gives_unit and (statement and last or before.endswith("return"))
            for number, arm in enumerate(arms):
                yield from self.arm(arm, arms[:number], arms[number + 1 :], statement, gives)

    def unbraced(self, body: tuple[int, int]) -> tuple[int, int]:
        return (body[0] + 1, body[1] - 1) if self.masked[body[0]] == "{" else body

    def arm(self, arm, before, later, statement: bool, gives: bool):
        body = self.unbraced(arm.body)
        text = self.masked[arm.body[0] : arm.body[1]]
        ids = self.refuses(body)
        if not ids:
            if statement and text.endswith(")?") and self.checked_by(text):
                yield self.place(self.checked_by(text), arm.body, "if !GONE { ", "; }", f"{arm.pattern} => ")
            return
        any_value = re.compile(r"_$|[a-z]\w*$|Some\(_\)$")
        guarded = [other for other in before if other.guard and not self.refuses(self.unbraced(other.body))]
        if arm.guard and any(any_value.match(other.pattern) or other.pattern == arm.pattern for other in later if not other.guard):
            yield from self.refusing(ids, *arm.guard)
        elif guarded and any_value.match(arm.pattern):
            for other in guarded:
                yield from self.accepting(ids, *other.guard)
        elif statement and not gives and re.search(r"\breturn\b", rust.flat(self.masked, *body)):
            start = body[0] + re.search(r"\breturn\b", self.masked[body[0] : body[1]]).start()
            yield self.place(ids, rust.trimmed(self.masked, start, body[1]), "if !GONE { ", " }", f"{arm.pattern} => ")
        elif gives:
            yield self.place(ids, arm.body, "if GONE { Ok(()) } else { ", " }", f"{arm.pattern} => ")

    def calls(self):
        """Calls that check and give nothing back, as statements or as the last expression."""
        for start, end, _ in rust.statements(self.masked, *self.function.body):
            text = self.masked[start:end]
            assigns = re.search(r"[^=<>!]=[^=>]", rust.flat(self.masked, start, end).split("(")[0])
            if assigns or re.match(r"(let|return|if|match|for|while|loop|Err|Ok|break|continue|fn)\b", text):
                continue
            if text.endswith("?;"):
                ids = self.checked_by(text)
                if ids:
                    yield self.place(ids, (start, end), "if !GONE { ", " }")
            elif end == rust.trimmed(self.masked, *self.function.body)[1] and self.function.gives_unit:
                ids = self.checked_by(text) if re.match(r"[\w.:]+\(", text) and text.endswith(")") else set()
                if ids:
                    yield self.place(ids, (start, end), "if GONE { Ok(()) } else { ", " }")

    def checked_by(self, text: str) -> set[str]:
        named = set(ID.findall(text)) if re.search(r"\bverify\w*\(", text) else set()
        if not named:
                named = next((set(ids.split()) for pattern, ids in CALLS if re.search(pattern, text)), set())
        for name in re.findall(r"\b(\w+)\(", text) if not named else ():
            named |= self.source.checkers.get(name, set())
        if not named and re.search(r"\.map_err\(", text):
            named = self.source.ids(text, self.closures)
        return named

    def conditional_calls(self):
        start, end = self.function.body
        for name, ids in CONDITIONAL.items():
            for found in re.finditer(rf"(?<![\w.]){name}\(", self.masked[start:end]):
                at = start + found.end()
                yield from self.accepting(ids, at, rust.until(self.masked, at, ",", end))

    def by_hand(self):
        """What no rule finds: see `by_hand.py`."""
        for entry in by_hand.ENTRIES:
            if (entry.file, entry.function) == (self.source.path, self.function.name):
                start, end = self.function.body
                count = self.source.text.count(entry.text, start, end)
                if count != 1:
                    raise ValueError(f"{entry.file}, {entry.function}: {entry.text!r} stands there {count} times")
                at = self.source.text.index(entry.text, start, end)
                yield self.place({entry.id}, (at, at + len(entry.text)), entry.before, entry.after)
