"""Repositories that somebody made to stop, to end or to misuse the one who reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

TEN_MEGABYTES: Final = 10_000_000
MEGABYTE: Final = 1_000_000
HEAD: Final = "apiVersion: mlgitops/v1\nkind: Pipeline\nname: churn\n"
PIPELINE: Final = "pipelines/churn/pipeline.yaml"


def _fill(unit: str, size: int, start: str = "") -> bytes:
    """Return ``start`` and then ``unit`` again and again, at most ``size`` bytes."""
    first, one = start.encode(), unit.encode()
    return first + one * ((size - len(first)) // len(one))


def _numbered(form: str, size: int) -> bytes:
    parts, total, number = [], 0, 0
    while total < size - 50:
        part = form.replace("#", str(number)).encode()
        parts.append(part)
        total += len(part)
        number += 1
    return b"".join(parts)


def _nested(levels: int, indent: str = " ") -> bytes:
    return "\n".join(indent * level + "a:" for level in range(levels)).encode()


def laughs(levels: int = 30, width: int = 9) -> bytes:
    """A billion laughs: each line names the one before it several times."""
    lines = [f"a0: &a0 [{', '.join(['lol'] * width)}]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines).encode()


def texts(size: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of files of at most ``size`` bytes."""
    step = f"{HEAD}steps:\n"
    yield "one long word", _fill("a", size)
    yield "one long line of a list", _fill("a, ", size, "a: [")
    yield "one long comment", _fill("#", size, HEAD)
    yield "many comments", _fill("# c\n", size, HEAD)
    yield "many keys", _numbered("k#: 1\n", size)
    yield "many keys in braces", b"{" + _numbered("k#: 1, ", size) + b"}"
    yield "many unknown keys", HEAD.encode() + _numbered("k#: 1\n", size - 200)
    yield "one key again and again", _fill("a: b\n", size)
    yield "one known key again and again", _fill("name: b\n", size, HEAD)
    yield "many params", (HEAD + "params:\n").encode() + _numbered("  k#: 1\n", size - 200)
    yield (
        "many steps",
        step.encode() + _numbered('  - {name: s#, run: "m:f", outputs: {o: csv}}\n', size - 200),
    )
    yield "many wrong steps", _fill("  - {}\n", size, step)
    yield "steps that are text", _fill("  - x\n", size, step)
    yield (
        "many inputs",
        (
            f'{step}  - name: a\n    run: "m:f"\n    outputs: {{o: csv}}\n    inputs:\n'.encode()
            + _numbered("      i#: a.o\n", size - 300)
        ),
    )
    yield (
        "many outputs",
        (
            f'{step}  - name: a\n    run: "m:f"\n    outputs:\n'.encode()
            + _numbered("      o#: csvv\n", size - 300)
        ),
    )
    yield (
        "many words of a command",
        _fill("x,", size, f"{step}  - name: a\n    outputs: {{o: csv}}\n    command: [") + b"]",
    )
    yield (
        "many params asked for",
        (
            f'{step}  - name: a\n    run: "m:f"\n    outputs: {{o: csv}}\n    params: ['.encode()
            + _numbered("p#, ", size - 300)
            + b"]"
        ),
    )
    yield "many owners", _fill("a, ", size, f"{HEAD}owners: [") + b"]\n"
    yield "a long name", _fill("a", size - 1, HEAD.replace("churn", "")) + b"\n"
    yield "a long key", _fill("k", size - 10, HEAD) + b": 1\n"
    yield "a long key in braces", _fill("k", size - 10, "{") + b": 1}\n"
    yield "a long double-quoted text", _fill("k", size - 10, f'{HEAD}schedule: "') + b'"\n'
    yield "a long block of text", _fill(" b\n", size, f"{HEAD}schedule: |\n")
    yield "a long folded text", _fill(" b\n", size, f"{HEAD}schedule: >\n")
    yield "escapes", _fill("\\u0041", size - 10, f'{HEAD}schedule: "') + b'"\n'
    yield "a long integer", _fill("9", size, f"{HEAD}params:\n  a: ")
    yield "an integer of 10,000 digits", f"{HEAD}params:\n  a: {'9' * 10_000}\n".encode()
    yield "a hexadecimal number", _fill("f", size, f"{HEAD}params:\n  a: 0x")
    yield "a binary number", _fill("1", size, f"{HEAD}params:\n  a: 0b")
    yield "an octal number", _fill("7", size, f"{HEAD}params:\n  a: 0")
    yield "a long fraction", _fill("9", size, f"{HEAD}params:\n  a: 0.")
    yield "a long exponent", _fill("9", size, f"{HEAD}params:\n  a: 1.0e+")
    yield "a number in base 60", _fill(":59", size, f"{HEAD}params:\n  a: 1")
    yield "underscores in a number", _fill("_", size, f"{HEAD}params:\n  a: 1")
    yield "a long time", _fill("0", size, f"{HEAD}params:\n  a: 2026-01-01T00:00:00.")
    yield "brackets", _fill("[", size)
    yield "closed brackets", b"[" * (size // 2) + b"]" * (size // 2)
    yield "braces", _fill("{", size)
    yield "braces with keys", _fill("{a: ", size)
    yield "nested lists", _fill("- ", size)
    yield "nested keys", _fill("? ", size)
    yield "anchors", _fill("&a ", size)
    yield "aliases", _fill("*a ", size)
    yield "a list of aliases", _fill("*a,", size, "a: &a x\nb: [") + b"]"
    yield "a list of unknown aliases", _fill("*a,", size, "b: [") + b"]"
    yield "numbered anchors", _numbered("- &a# b\n", size)
    yield "numbered anchors, and an alias to none", _numbered("- &a# *z\n", size)
    yield "bars", _fill("|", size)
    yield "double quotes", _fill('"', size)
    yield "single quotes", _fill("'", size)
    yield "line ends", _fill("\n", size)
    yield "carriage returns", _fill("\r", size)
    yield "line ends of Windows", _fill("a: b\r\n", size)
    yield "line ends of mainframes", _fill("a\u0085", size)
    yield "line separators", _fill("a\u2028", size)
    yield "documents", _fill("---\n", size)
    yield "documents with an unknown kind", _fill("---\nkind: x\n", size)
    yield "the same document again and again", _fill(f"---\n{HEAD}", size)
    yield "document ends", _fill("...\n", size)
    yield "percent signs", _fill("%", size)
    yield "directives", _fill("%A b\n", size)
    yield "tag directives", _numbered("%TAG !a#! tag:x\n", size)
    yield "tags", _fill("!a ", size)
    yield "long tags", _fill("!a", size)
    yield "tags of a list", _fill("!!python/object:os.system x, ", size, "a: [") + b"]"
    yield "colons", _fill(":", size)
    yield "colons with blanks", _fill(": ", size)
    yield "an open key", _fill("a\n", size)
    yield "commas", _fill(",", size)
    yield "commas in brackets", _fill(",", size, "[")
    yield "question marks in braces", _fill("?,", size, "{")
    yield "closing brackets", _fill("]", size)
    yield "blanks", _fill(" ", size)
    yield "tabs", _fill("\t", size)
    yield "tabs for indentation", _fill("\t", size, "a:\n")
    yield "nulls", b"\0" * size
    yield "nulls at the end", (b"a: b\n" * (size // 5))[: size - 1] + b"\0"
    yield "bytes that are no text", b"\xff" * size
    yield "continuation bytes", b"\x80" * size
    yield "half a character at the end", b"a" * (size - 1) + b"\xe2"
    yield "byte order marks", "\ufeff".encode() * (size // 3)
    yield "wide characters", _fill("\U0001f600", size, "a: ")
    yield "combining characters", _fill("\u0301", size, "a: e")
    yield "text from right to left", _fill("\u202e", size, "a: e")
    yield "merge keys", _fill("<<: {a: 1}\n", size)
    yield "truth values of YAML 1.1", _fill("no, ", size, "a: [") + b"]"
    yield "numbers in base 60", _fill("12:30, ", size, "a: [") + b"]"
    yield "not a number", _fill(".nan, ", size, "a: [") + b"]"
    yield "infinities", _fill("-.inf, ", size, "a: [") + b"]"
    yield "UTF-16", "a: b\n".encode("utf-16") * (size // 12)
    yield "UTF-32", "a: b\n".encode("utf-32") * (size // 24)
    yield "secrets, nearly", _fill("x://", size, f"{HEAD}schedule: ")
    yield "secrets, nearly, with a colon", _fill("a://b:", size, f"{HEAD}schedule: ")
    yield "a private key, nearly", _fill("-----BEGIN ", size, f"{HEAD}schedule: ")
    yield "a signed token, nearly", _fill("eyJaaaaaaaa.", size, f"{HEAD}schedule: ")
    yield "passwords, nearly", _fill("password", size, f"{HEAD}schedule: ")
    yield "passwords and blanks", _fill(" ", size, f"{HEAD}schedule: password")
    yield "passwords", _fill("password: x ", size, f"{HEAD}schedule: '") + b"'"
    yield "placeholders", _fill("${", size, f"{step}  - name: a\n    command: ['")


SHAPES: Final[dict[str, bytes]] = {
    "a billion laughs": laughs(),
    "aliases that grow with the square": b"a: &a\n"
    + b"  - x\n" * 300
    + b"b:\n"
    + b"  - *a\n" * 900,
    "1,000 levels of lists": b"[" * 1000 + b"]" * 1000,
    "100,000 levels of lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 levels of mappings": b"{a: " * 100_000 + b"}" * 100_000,
    "1,000 levels of blocks": _nested(1000),
    "1,300 levels of blocks": _nested(1300),
    "100,000 levels on one line": b"- " * 100_000 + b"x",
}


def _pipeline(steps: str, params: str = "{}") -> bytes:
    return f"{HEAD}params: {params}\nsteps:\n{steps}".encode()


def _step(name: str, more: str = "", outputs: str = "{o: json}") -> str:
    return f'  - {{name: {name}, run: "train:fit", outputs: {outputs}{more}}}\n'


def _names(form: str, count: int) -> str:
    return ", ".join(form.replace("#", str(number)) for number in range(count))


_COMMAND: Final = "  - {name: a, outputs: {o: json}, command: "


def large() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of pipelines that are as large as a pipeline may be."""
    yield (
        "params that are not there",
        _pipeline(
            _step("a", f", params: [{_names('p#x', 9000)}]"), f"{{{_names('p#y: 1', 5000)}}}"
        ),
    )
    yield "params that nobody uses", _pipeline(_step("a"), f"{{{_names('p#: 1', 9000)}}}")
    yield (
        "params under names that are alike",
        _pipeline(
            _step("a", f", params: [{_names('p' * 50 + '#x', 5000)}]"),
            f"{{{_names('p' * 50 + '#y: 1', 4000)}}}",
        ),
    )
    yield "one list of different things", _pipeline(_step("a", f", env: [{_names('E#', 19_000)}]"))
    yield (
        "inputs of steps that are not there",
        _pipeline("".join(_step(f"s{n}", f", inputs: {{a: t{n}.o}}") for n in range(1700))),
    )
    yield (
        "inputs of outputs that are not there",
        _pipeline(
            _step("a", outputs=f"{{{_names('o#x: json', 6000)}}}")
            + _step("b", f", inputs: {{{_names('i#: a.o#y', 6000)}}}")
        ),
    )
    yield (
        "functions that are not there",
        _pipeline(
            "".join(_step(f"s{n}").replace("train:fit", f"train:fit{n}") for n in range(2500))
        ),
    )
    yield (
        "modules that are not there",
        _pipeline("".join(_step(f"s{n}").replace("train:fit", f"m{n}:fit") for n in range(2500))),
    )
    yield "steps of one name", _pipeline(_step("a") * 2500)
    yield (
        "a long chain of steps",
        _pipeline("".join(_step(f"s{n}", f", inputs: {{a: s{n + 1}.o}}") for n in range(1700))),
    )
    yield (
        "a long circle of steps",
        _pipeline(
            "".join(_step(f"s{n}", f", inputs: {{a: s{(n + 1) % 1700}.o}}") for n in range(1700))
        ),
    )
    yield (
        "steps that all need one another",
        _pipeline(
            "".join(_step(f"s{n}", f", inputs: {{{_names('i#: s#.o', 130)}}}") for n in range(130))
        ),
    )
    yield (
        "placeholders that are not there",
        _pipeline(_COMMAND + "[" + _names('"{params.p#}"', 9000) + "]}\n"),
    )
    yield (
        "one word of many placeholders",
        _pipeline(_COMMAND + '["' + "{params.p}" * 50_000 + '"]}\n'),
    )
    yield (
        "many documents",
        "".join(f"---\n{HEAD}steps:\n{_step('a')}" for _ in range(1200)).encode(),
    )
    yield (
        "many models in one file",
        "".join(
            f"---\napiVersion: mlgitops/v1\nkind: Model\nname: m{n}\npipeline: churm\n"
            "artifact: train.model\ntask: regression\nfeatures: [a]\n"
            "evaluation: {data: features.test, target: t, id: i, metrics: [mae]}\n"
            for n in range(1200)
        ).encode(),
    )
    yield (
        "files that are not there",
        _pipeline(_step("a", f", inputs: {{{_names('i#: {file: d/f#.csv}', 5000)}}}")),
    )
    yield "a deep condition", _pipeline(_step("a", ', when: "' + "not " * 100 + 'params.a"'))
    yield "a condition of many brackets", _pipeline(_step("a", ', when: "' + "(" * 480 + '"'))
    yield (
        "a condition of one megabyte",
        _pipeline(_step("a", ', when: "' + "a or " * 190_000 + '"')),
    )
    yield (
        "a condition with a long number",
        _pipeline(_step("a", f", when: params.a == {'9' * 480}")),
    )
    yield "a condition with an infinite number", _pipeline(_step("a", ', when: "params.a < 1e999"'))
    yield "a schedule of one megabyte", f"{HEAD}schedule: '{'1,' * 400_000}1 * * * *'\n".encode()
    yield "a schedule of many fields", f"{HEAD}schedule: '{'* ' * 400_000}'\n".encode()
    yield (
        "a schedule of steps",
        _pipeline(_step("a")) + b'schedule: "*/9999 */9999 */9999 */9999 *"\n',
    )
    yield "a duration of many digits", _pipeline(_step("a", f", timeout: {'9' * 5000}s"))
    yield "a size of many digits", _pipeline(_step("a", f", resources: {{memory: {'9' * 5000}GB}}"))
    yield (
        "a long name of a function",
        _pipeline(_step("a").replace("train:fit", f"{'m' * 400_000}:{'f' * 400_000}")),
    )
    yield "a long path", _pipeline(_step("a", f", inputs: {{a: {{file: {'d/' * 200_000}f}}}}"))
    yield "a path of many backs", _pipeline(_step("a", f", inputs: {{a: {{file: {'../' * 9}x}}}}"))
    yield (
        "a module in a far folder",
        _pipeline(_step("a").replace("train:fit", f"m{'.m' * 100_000}:f")),
    )
    yield "a module of dots", _pipeline(_step("a").replace("train:fit", f"m{'.' * 100_000}:f"))
    yield (
        "unknown keys that are alike",
        HEAD.encode() + b"".join(b"stepps%d: 1\n" % n for n in range(9000)),
    )
    yield (
        "long unknown keys",
        HEAD.encode() + b"".join(b"s%se%d: 1\n" % (b"tep" * 300, n) for n in range(900)),
    )
    yield (
        "wrong words for a few",
        _pipeline("".join(_step(f"s{n}", outputs=f"{{o: {'parquet' * 10}}}") for n in range(2500))),
    )
    yield "text instead of a document", b"apiVersion: mlgitops/v1\n---\n" * 9000
    yield "foreach of many", _pipeline(_step("a", f", foreach: {{x: [{_names('#', 19_000)}]}}"))
    yield (
        "notify of many",
        _pipeline(_step("a"))
        + (b"notify: {failure: [" + _names("{webhook: 'https://a.b/#'}", 6000).encode() + b"]}\n"),
    )
