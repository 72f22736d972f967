"""Hold the rows of a table against a contract, piece by piece: counts, and the first examples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlgitops.core.contracts import EXAMPLES, Breach, Column, Contract, shown
from mlgitops.ml.promised import Fit, fitted, fitted_plain, outside

# pandas stores an index without a name as such a column; nobody chose it.
_INDEX: Final = re.compile(r"__index_level_\d+__")
_A: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a timestamp",
}


class Check:
    """One contract and the rows seen so far; ``unique`` columns are kept until the end."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._rows = 0
        self._names: dict[str, None] = {}
        self._found = {one.name: _Values(one) for one in contract.columns}

    def columns(self, names: Sequence[str]) -> None:
        """Say which columns there are, also where there are no rows."""
        self._names.update(dict.fromkeys(names))

    def add(self, table: Any, *, text: bool = False) -> None:
        """Take the next rows, an Arrow table; ``text``: of a format without types of its own."""
        self.columns(table.column_names)
        for name, values in self._found.items():
            if name in table.column_names:
                start = self._rows
                for chunk in table.column(name).chunks:
                    values.add(chunk, start, text)
                    start += len(chunk)
        self._rows += table.num_rows

    def add_objects(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Take the next rows, of plain values by name; a name that a row lacks has no value."""
        for row in rows:
            self.columns(list(row))
        for name, values in self._found.items():
            if name in self._names:
                values.add_plain([row.get(name) for row in rows], self._rows)
        self._rows += len(rows)

    def breaches(self) -> tuple[Breach, ...]:
        """Return every broken promise."""
        contract, found = self._contract, []
        for low, wanted, key in (
            (True, contract.fewest, "fewest"),
            (False, contract.most, "most"),
        ):
            if wanted is not None and (self._rows < wanted if low else self._rows > wanted):
                what = f"there are {self._rows:,} rows, {'fewer' if low else 'more'} than"
                found.append(Breach(line=contract.lines[key], what=f"{what} {wanted:,}"))
        for one in contract.columns:
            if one.name in self._names:
                found += self._found[one.name].breaches(self._rows)
            elif one.required:
                has = ", ".join(self._names) or "no columns"
                what = f"{one.name}: there is no such column; there are {has}"
                found.append(Breach(line=one.lines["required"], what=what))
        for name in self._names if contract.strict else ():
            if name not in self._found and not _INDEX.fullmatch(name):
                what = f"{name}: the contract is strict, and names no such column"
                found.append(Breach(line=contract.lines["strict"], what=what))
        return tuple(found)


class _Values:
    """The values of one column, seen so far."""

    def __init__(self, promise: Column) -> None:
        self._promise = promise
        self._other_type: str | None = None
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[tuple[int, str]]] = {}
        self._kept: list[Any] = []
        self._until = 0

    def add(self, chunk: Any, start: int, text: bool) -> None:
        """Take an Arrow array whose first value is of the row ``start``, from 0."""
        if len(chunk) == 0 or self._other_type is not None:
            return
        fit = fitted(chunk, self._promise.type, text)
        if isinstance(fit, str):
            self._other_type = fit
            return
        self._hold(fit, chunk, start)

    def add_plain(self, values: Sequence[object], start: int) -> None:
        """Take plain values, from the row ``start``."""
        import pyarrow as pa

        fit = fitted_plain(values, self._promise.type)
        if self._until < start:
            # No row before had this name: they all lack it.
            missing = pa.nulls(start - self._until).cast(fit.values.type)
            self._hold(Fit(values=missing), missing, self._until)
        self._hold(fit, values, start)

    def _hold(self, fit: Fit, given: Any, start: int) -> None:
        import pyarrow as pa
        from pyarrow import compute

        promise = self._promise
        if not promise.nullable:
            missing = compute.is_null(fit.values)
            if fit.wrong is not None:
                missing = compute.and_not(missing, fit.wrong)
            self._note("nullable", missing, None, start)
        if fit.wrong is not None:
            self._note("type", fit.wrong, given, start)
        for key, bound in (("min", promise.min), ("max", promise.max)):
            if bound is not None:
                self._note(key, outside(fit.values, bound, low=key == "min"), fit.values, start)
        if promise.categories is not None:
            known = pa.array(promise.categories)
            if not known.type.equals(fit.values.type):
                known = known.cast(fit.values.type, safe=False)
            other = compute.and_not(
                compute.is_valid(fit.values), compute.is_in(fit.values, value_set=known)
            )
            self._note("categories", other, fit.values, start)
        if promise.unique:
            self._kept.append(fit.values)
        self._until = start + len(fit.values)

    def _note(self, key: str, mask: Any, values: Any, start: int) -> None:
        """Count the rows of ``mask``; ``values``: where an example's value stands."""
        from pyarrow import compute

        count = mask.true_count
        if not count:
            return
        self._counts[key] = self._counts.get(key, 0) + count
        examples = self._examples.setdefault(key, [])
        if len(examples) >= EXAMPLES:
            return
        for at in compute.indices_nonzero(mask)[: EXAMPLES - len(examples)].to_pylist():
            value: Any = None if values is None else values[at]
            value = value.as_py() if hasattr(value, "as_py") else value
            examples.append((start + at + 1, "" if values is None else shown(value)))

    def breaches(self, rows: int) -> list[Breach]:
        promise = self._promise
        if self._other_type is not None:
            what = f"{promise.name}: its type is {self._other_type}, and not {promise.type}"
            return [Breach(line=promise.lines["type"], what=what)]
        self._repeated()
        found = []
        for key, words in (
            ("type", f"no {promise.type}"),
            ("nullable", "no value"),
            ("min", f"values below {promise.min}"),
            ("max", f"values above {promise.max}"),
            ("categories", "values that are none of the categories"),
            ("unique", "values that came before"),
        ):
            count = self._counts.get(key)
            if count:
                has = "has" if count == 1 else "have"
                if key == "type":
                    words = f"a value that is not {_A[promise.type]}"
                found.append(
                    Breach(
                        line=promise.lines[key],
                        what=f"{promise.name}: {count:,} of {rows:,} rows {has} {words}",
                        examples=tuple(self._examples[key]),
                    )
                )
        return found

    def _repeated(self) -> None:
        """Find values that come twice; the pieces are let go."""
        import pyarrow as pa
        from pyarrow import compute

        kept, self._kept = self._kept, []
        if not kept:
            return
        kinds = {one.type for one in kept}
        wide = kept[0].type if len(kinds) == 1 else pa.float64()
        values = pa.chunked_array([one.cast(wide, safe=False) for one in kept])
        counts = compute.value_counts(values)
        often = compute.and_(
            compute.greater(counts.field("counts"), 1), compute.is_valid(counts.field("values"))
        )
        twice = counts.filter(often)
        extra = compute.sum(twice.field("counts")).as_py()
        if not extra:
            return
        self._counts["unique"] = extra - len(twice)
        examples = self._examples["unique"] = []
        seen: set[object] = set()
        mask = compute.is_in(values, value_set=twice.field("values"), skip_nulls=True)
        for at in compute.indices_nonzero(mask):
            value = values[at.as_py()].as_py()
            if value in seen:
                examples.append((at.as_py() + 1, shown(value)))
                if len(examples) == EXAMPLES:
                    return
            seen.add(value)
