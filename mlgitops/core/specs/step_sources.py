"""What brings rows into a pipeline: the kinds of ``source`` of a step."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from mlgitops.core.specs.base import Function, RelativePath, Spec, Url, matching
from mlgitops.core.variables import VARIABLE

_AS_OF = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z)?"
AsOf = Annotated[
    str, matching(_AS_OF, "a time in UTC", "write it as 2024-06-30 or 2024-06-30T12:00Z")
]
_AS_OF_WORDS = (
    "Dates the very first snapshot, in UTC: `2024-06-30` or `2024-06-30T12:00Z`. "
    "Without it, the time of that first run."
)
Connection = Annotated[
    str,
    matching(
        r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|sqlite:///[^\s?#]+",
        "a connection",
        'name the variable that holds it, as in "${WAREHOUSE_URL}", or write sqlite:///path',
    ),
]
ObjectUrl = Annotated[
    str,
    matching(
        r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[^\s/]+)+",
        "a file in a bucket",
        "write it as s3://bucket/folder/file, gs://bucket/file or az://container/file",
    ),
]
Header = Annotated[
    str, matching(r"[A-Za-z0-9-]+", "the name of a header", "write it as Authorization")
]


class PythonSource(Spec):
    """A function that returns the rows known at ``as_of`` (UTC), which it is called with."""

    type: Literal["python"] = Field(description="A function that returns rows.")
    run: Function = Field(
        description="The function, as `module:function`: called with `as_of` (an aware UTC time) "
        "besides the step's inputs and params, it returns the rows known by then."
    )
    as_of: AsOf | None = Field(default=None, description=_AS_OF_WORDS)


class FileSource(Spec):
    """A file of the repository, taken as it is; ``path`` is relative to the pipeline's folder."""

    type: Literal["file"] = Field(description="A file of the repository, taken as it is.")
    path: RelativePath = Field(
        description="The file, relative to the pipeline's folder. The commit pins it."
    )


class SqlSource(Spec):
    """The rows of a query in a database."""

    type: Literal["sql"] = Field(description="The rows of a query in a database.")
    connection: Connection = Field(
        description="The database: the name of the environment variable that holds its URL, as in "
        "`${WAREHOUSE_URL}`, or `sqlite:///path` for a file, relative to the pipeline's folder."
    )
    query: RelativePath = Field(
        description="The file of the query, relative to the pipeline's folder. `:as_of` in it is "
        "the time of the snapshot, as in `2024-06-30 12:00:00`, and `:name` a param."
    )
    as_of: AsOf | None = Field(default=None, description=_AS_OF_WORDS)


class HttpSource(Spec):
    """A file that a web server gives."""

    type: Literal["http"] = Field(description="A file that a web server gives.")
    url: Url = Field(
        description="The address, `https://…`, or the environment variable that holds it, "
        "`${NAME}`."
    )
    headers: dict[Header, str] = Field(
        default={},
        description="Headers of the request; `${NAME}` in a value stands for an environment "
        "variable.",
    )
    as_of: AsOf | None = Field(default=None, description=_AS_OF_WORDS)


class BucketSource(Spec):
    """A file in an object store."""

    type: Literal["bucket"] = Field(description="A file in an object store.")
    url: ObjectUrl = Field(
        description="The file: `s3://bucket/key`, `gs://bucket/key` or `az://container/key`. "
        "Credentials come from the environment."
    )
    as_of: AsOf | None = Field(default=None, description=_AS_OF_WORDS)


# What is asked for its rows once: they are pinned, and taken from the store from then on.
PinnedSource: TypeAlias = PythonSource | SqlSource | HttpSource | BucketSource
Source = Annotated[
    PythonSource | FileSource | SqlSource | HttpSource | BucketSource,
    Field(discriminator="type"),
]


def variables(source: Source | None) -> tuple[str, ...]:
    """Return the environment variables that a source names by ``${NAME}``: it is given them."""
    match source:
        case HttpSource(url=url, headers=headers):
            texts = [url, *headers.values()]
        case SqlSource(connection=connection):
            texts = [connection]
        case _:
            texts = []
    return tuple(dict.fromkeys(name for text in texts for name in VARIABLE.findall(text)))
