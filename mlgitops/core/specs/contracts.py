"""``pipelines/<name>/contracts/<data>.yaml``: what the rows of an output promise."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from mlgitops.core.specs.base import ApiVersion, Name, Short, Spec, Wrong, shortened

Bound: TypeAlias = int | float | str
Category: TypeAlias = int | str | bool


def _kind_of_bound(value: object) -> str | None:
    if isinstance(value, str):
        return "a date"
    if isinstance(value, int) and not isinstance(value, bool):
        return "a whole number"
    return "a number" if isinstance(value, float) else None


def _kind_of_category(value: object) -> str | None:
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int):
        return "a whole number"
    return "a text" if isinstance(value, str) else None


_Bound = Annotated[
    Annotated[int, Tag("a whole number")]
    | Annotated[float, Tag("a number")]
    | Annotated[str, Tag("a date")],
    Discriminator(
        _kind_of_bound,
        custom_error_type="kind_of_bound",
        custom_error_message="a bound is a number or a date",
    ),
]
_Category = Annotated[
    Annotated[bool, Tag("a truth value")]
    | Annotated[int, Tag("a whole number")]
    | Annotated[str, Tag("a text")],
    Discriminator(
        _kind_of_category,
        custom_error_type="kind_of_category",
        custom_error_message="a category is a text, a whole number or a truth value",
    ),
]

_MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?"
)


class Column(Spec):
    """What every value of one column promises."""

    type: Literal["string", "integer", "number", "boolean", "date", "timestamp"] = Field(
        description="The type of its values: `string`, `integer`, `number` (whole or not), "
        "`boolean`, `date` or `timestamp`."
    )
    description: str | None = Field(default=None, description="What it says, for readers.")
    required: bool = Field(default=True, description="Whether the column must be there.")
    nullable: bool = Field(default=False, description="Whether values may be missing.")
    unique: bool = Field(default=False, description="Whether no value may come twice.")
    min: _Bound | None = Field(
        default=None,
        description="The smallest value: a number, or a date such as 2024-06-30.",
    )
    max: _Bound | None = Field(
        default=None, description="The largest value: a number, or a date such as 2024-06-30."
    )
    categories: Annotated[list[_Category], Field(min_length=1)] | None = Field(
        default=None, description="All values that there are; any other one is wrong."
    )

    ORDERED: ClassVar[tuple[str, ...]] = ("integer", "number", "date", "timestamp")
    LISTED: ClassVar[tuple[str, ...]] = ("string", "integer", "boolean")

    @model_validator(mode="after")
    def _fits_its_type(self) -> Column:
        for key in ("min", "max"):
            bound = getattr(self, key)
            if bound is not None:
                self._fits(key, bound)
        if self.min is not None and self.max is not None and _above(self.min, self.max):
            raise Wrong(f"'min' is above 'max': {self.min} and {self.max}", "swap them", key="min")
        if self.categories is not None:
            self._listed(self.categories)
        return self

    def _fits(self, key: str, bound: Bound) -> None:
        if self.type not in self.ORDERED:
            ordered = f"{', '.join(self.ORDERED[:-1])} and {self.ORDERED[-1]}"
            raise Wrong(
                f"values of type {self.type} have no {key!r}",
                f"delete it; {ordered} have one"
                + ("; list the values as 'categories'" if self.type == "string" else ""),
                key=key,
            )
        shown = shortened(bound) if isinstance(bound, str) else bound
        if self.type in ("integer", "number"):
            if isinstance(bound, str):
                raise Wrong(
                    f"{key!r} must be a number, not {shown}", "write it without quotes", key=key
                )
        elif not isinstance(bound, str) or not _MOMENT.fullmatch(bound):
            moment = "2024-06-30" if self.type == "date" else "2024-06-30T12:00Z"
            raise Wrong(
                f"{key!r} of a {self.type} must be one, not {shown}",
                f"write it as {moment}",
                key=key,
            )

    def _listed(self, categories: list[Category]) -> None:
        if self.type not in self.LISTED:
            raise Wrong(
                f"values of type {self.type} have no categories",
                "delete them, or give 'min' and 'max'",
                key="categories",
            )
        wanted: type = {"string": str, "integer": int, "boolean": bool}[self.type]
        for index, one in enumerate(categories):
            if type(one) is not wanted:
                shown = (
                    str(one).lower()
                    if isinstance(one, bool)
                    else shortened(one)
                    if isinstance(one, str)
                    else one
                )
                hint = (
                    f'write "{shown}"'
                    if self.type == "string"
                    else f"write a value of type {self.type}"
                )
                raise Wrong(
                    f"the category {shown} is not of type {self.type}",
                    hint,
                    key=("categories", index),
                )
            if one in categories[:index]:
                raise Wrong(
                    f"the category {one!r} is listed twice",
                    "delete one of the two",
                    key=("categories", index),
                )


class RowCount(Spec):
    """How many rows there must be."""

    min: int | None = Field(default=None, ge=0, description="At least so many rows.")
    max: int | None = Field(default=None, ge=0, description="At most so many rows.")

    @model_validator(mode="after")
    def _in_order(self) -> RowCount:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise Wrong(f"'min' is above 'max': {self.min} and {self.max}", "swap them", key="min")
        return self


class Contract(Spec):
    """A data contract: the columns of a table, what their values may be, and how many rows."""

    apiVersion: ApiVersion
    kind: Literal["Contract"] = Field(description="The kind of this document: `Contract`.")
    name: Name = Field(description="The name of the contract, which is that of its file.")
    description: str | None = Field(default=None, description="What the data is, for readers.")
    owners: list[str] = Field(
        default=[], description="People or teams to ask, such as `@acme/ml`, for readers."
    )
    columns: dict[str, Annotated[Column, BeforeValidator(Short("type"))]] = Field(
        min_length=1,
        description="Column to what it promises: `integer`, or `{type: integer, min: 0}`.",
    )
    strict: bool = Field(
        default=False, description="Whether a column that is not listed here is wrong."
    )
    rows: RowCount = Field(
        default=RowCount.model_construct(), description="How many rows there must be."
    )


def _above(low: Bound, high: Bound) -> bool:
    if isinstance(low, str) or isinstance(high, str):
        return str(low) > str(high)
    return low > high
