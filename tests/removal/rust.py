"""As much of Rust's syntax as the removal of checks needs: formatted files, their functions, and the conditions in them.

A file is searched in its *mask*, which has its length, with blanks for what stands in comments and literals.
"""

import re
from dataclasses import dataclass

LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hash>\#*)".*?"(?P=hash)|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
OPEN, CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Function:
    """One function: `body` is the span between its braces."""

    name: str
    signature: str
    start: int
    body: tuple[int, int]

    @property
    def gives_unit(self) -> bool:
        return re.search(r"->\s*Result<\(\)\s*,", self.signature) is not None


def mask(text: str) -> str:
    """The text with blanks for comments, literals, and everything that is compiled for tests alone."""
    blank = lambda found: re.sub(r"[^\n]", " ", found.group())
    masked = LITERAL.sub(blank, text)
    for found in reversed(list(re.finditer(r"#\[cfg\(test\)\]", masked))):
        end = item_end(masked, found.end())
        masked = masked[: found.start()] + re.sub(r"[^\n]", " ", masked[found.start() : end]) + masked[end:]
    return masked


def item_end(masked: str, at: int) -> int:
    """Where the item ends that begins behind `at`."""
    while at < len(masked) and masked[at] not in ";{":
        at = closing(masked, at) if masked[at] in OPEN else at + 1
    return closing(masked, at) if at < len(masked) and masked[at] == "{" else at + 1


def closing(masked: str, at: int) -> int:
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    while at < len(masked):
        depth += (masked[at] in OPEN) - (masked[at] in CLOSE)
        at += 1
        if depth == 0:
            return at
    raise ValueError("a bracket is not closed")


def functions(masked: str) -> list[Function]:
    found = []
    for match in re.finditer(r"\bfn (\w+)", masked):
        at = match.end()
        while masked[at] not in ";{":
            at = closing(masked, at) if masked[at] in "([" else at + 1
        if masked[at] == "{":
            end = closing(masked, at)
            found.append(Function(match[1], masked[match.start() : at], match.start(), (at + 1, end - 1)))
    return found


def until(masked: str, at: int, stops: str, end: int) -> int:
    """The first of `stops` from `at` on that stands in no bracket; `end` where there is none."""
    while at < end:
        if masked[at] in stops:
            return at
        at = closing(masked, at) if masked[at] in OPEN else at + 1
    return end


def terms(masked: str, start: int, end: int, operator: str) -> list[tuple[int, int]]:
    """The operands of `||` or `&&` between `start` and `end`, as spans without blanks around them."""
    spans, begin, at = [], start, start
    while at < end:
        if masked[at] in OPEN:
            at = closing(masked, at)
        elif masked.startswith(operator, at):
            spans.append((begin, at))
            at = begin = at + 2
        else:
            at += 1
    return [trimmed(masked, *span) for span in spans + [(begin, end)]]


def trimmed(masked: str, start: int, end: int) -> tuple[int, int]:
    while start < end and masked[start].isspace():
        start += 1
    while end > start and masked[end - 1].isspace():
        end -= 1
    return start, end


def flat(masked: str, start: int, end: int) -> str:
    """The text of a block without the blocks in it. (Braces within parentheses stay: they are a call's.)"""
    parts, at, begin = [], start, start
    while at < end:
        if masked[at] == "{":
            parts.append(masked[begin:at])
            at = begin = closing(masked, at)
        else:
            at = closing(masked, at) if masked[at] in "([" else at + 1
    return "".join(parts) + masked[begin:end]


def statements(masked: str, start: int, end: int):
    """Spans of the statements and of the last expression of every block between `start` and `end`, with the end of their block."""
    blocks = [(start, end)]
    while blocks:
        at, end = blocks.pop()
        begin = at
        while at < end:
            if masked[at] == "{":
                close = closing(masked, at)
                blocks.append((at + 1, close - 1))
                following = masked[close:end].lstrip()
                at = close
                if not following.startswith((".", "?", ";", ",", ")", "else")):
                    begin = at
            elif masked[at] in "([":
                close = closing(masked, at)
                blocks.extend(inner_blocks(masked, at + 1, close - 1))
                at = close
            elif masked[at] == ";":
                yield (*trimmed(masked, begin, at + 1), end)
                at = begin = at + 1
            else:
                at += 1
        if masked[begin:end].strip():
            yield (*trimmed(masked, begin, end), end)


def inner_blocks(masked: str, start: int, end: int) -> list[tuple[int, int]]:
    """Blocks of closures within parentheses."""
    found, at = [], start
    while at < end:
        if masked[at] == "{":
            close = closing(masked, at)
            found.append((at + 1, close - 1))
            at = close
        elif masked[at] in "([":
            close = closing(masked, at)
            found.extend(inner_blocks(masked, at + 1, close - 1))
            at = close
        else:
            at += 1
    return found


@dataclass(frozen=True)
class Arm:
    """One arm of a match: the spans of its guard (where there is one) and body."""

    pattern: str
    guard: tuple[int, int] | None
    body: tuple[int, int]


def matches(masked: str, start: int, end: int):
    """Every `match` between `start` and `end`: where it begins, and its arms."""
    for found in re.finditer(r"\bmatch\b", masked[start:end]):
        begin = start + found.start()
        open_brace = until(masked, start + found.end(), "{", end)
        if open_brace < end:
            yield begin, arms(masked, open_brace + 1, closing(masked, open_brace) - 1)


def arms(masked: str, at: int, end: int) -> list[Arm]:
    found = []
    while masked[at:end].strip():
        arrow = at
        while not masked.startswith("=>", arrow):
            arrow = closing(masked, arrow) if masked[arrow] in OPEN else arrow + 1
        head = trimmed(masked, at, arrow)
        split = re.search(r"\sif\s", masked[head[0] : head[1]])
        guard = (head[0] + split.end(), head[1]) if split else None
        pattern = " ".join(masked[head[0] : head[0] + split.start() if split else head[1]].split())
        body = trimmed(masked, arrow + 2, end)[0]
        if masked[body] == "{":
            stop = closing(masked, body)
            at = stop + 1 if masked[stop : stop + 1] == "," else stop
        else:
            stop = until(masked, body, ",", end)
            at = stop + 1
        found.append(Arm(pattern, guard, (body, stop)))
    return found
