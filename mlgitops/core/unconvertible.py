"""What cannot be exported, as far as the code says it: classes by name and the arguments they get.

The rule ``unconvertible-estimator`` holds a training step's code against it. What only a fitted
estimator tells is in ``ml.convertible``; a test fits an example of each entry, and it is refused
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mlgitops.core.tasks import Task


class Computed:
    """An argument that is a call, a lambda or a function's name: some object, not a literal."""


OBJECT: Final = Computed()
Value: TypeAlias = object
Given: TypeAlias = "Mapping[str, Value]"
"""Arguments by name as they are written: literals, ``OBJECT``; left out when nobody can tell."""

_WORDS: Final = "[a-zA-Z0-9_]+"
_SAFE: Final = (_WORDS, "[a-zA-Z0-9]+", "[a-zA-Z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconvertible:
    """Estimators of scikit-learn by class name, why they are refused, and the way out.

    ``arguments``: what must be known for ``when`` to be asked, each with its default; ``tasks``:
    those that it is refused for. ``severity``: a warning where the data decides.
    """

    names: tuple[str, ...]
    why: str
    instead: str
    arguments: tuple[tuple[str, Value], ...] = ()
    when: Callable[[Given], bool] | None = None
    tasks: tuple[Task, ...] = ()
    severity: Literal["error", "warning"] = "error"

    def applies(self, given: Given, unknown: frozenset[str], task: Task) -> bool:
        """Return whether it is refused. ``unknown``: arguments whose value nobody can tell."""
        if self.tasks and task not in self.tasks:
            return False
        if self.when is None:
            return True
        if unknown & ({name for name, _ in self.arguments} | {"**"}):
            return False
        return self.when({name: given.get(name, default) for name, default in self.arguments})


def _is(name: str, *values: Value) -> Callable[[Given], bool]:
    return lambda given: given[name] in values


def _pattern(given: Given) -> bool:
    return given["analyzer"] == "word" and given["token_pattern"] not in _SAFE


TABLE: Final[tuple[Unconvertible, ...]] = (
    Unconvertible(
        names=("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
        arguments=(("categorical_features", None),),
        when=lambda given: (
            isinstance(given["categorical_features"], list | tuple)
            and bool(given["categorical_features"])
        ),
        why="its categorical splits are converted to something else (22-37 % wrong labels)",
        instead="set categorical_features=None and encode them first: OneHotEncoder,"
        " OrdinalEncoder or TargetEncoder",
    ),
    Unconvertible(
        names=("TunedThresholdClassifierCV", "FixedThresholdClassifier"),
        why="a threshold other than 0.5 is not part of the ONNX graph",
        instead="release the inner classifier; callers decide on `score`",
    ),
    Unconvertible(
        names=("TfidfVectorizer", "CountVectorizer"),
        arguments=(("analyzer", "word"), ("token_pattern", r"(?u)\b\w\w+\b")),
        when=_pattern,
        why="its token pattern splits words with letters beyond ASCII in other places in ONNX",
        instead=f'set token_pattern="{_WORDS}"',
    ),
    Unconvertible(
        names=("TfidfVectorizer", "TfidfTransformer"),
        arguments=(("sublinear_tf", False),),
        when=_is("sublinear_tf", True),
        why="sublinear_tf is converted wrongly (62 % of rows differ)",
        instead="set sublinear_tf=False",
    ),
    Unconvertible(
        names=("TfidfVectorizer", "CountVectorizer"),
        arguments=(("analyzer", "word"), ("strip_accents", None)),
        when=lambda given: given["analyzer"] in ("char_wb", OBJECT) or bool(given["strip_accents"]),
        why="ONNX has neither char_wb, nor strip_accents, nor a function for it",
        instead="prepare the text in the features step",
    ),
    Unconvertible(
        names=("OneHotEncoder",),
        arguments=(("min_frequency", None), ("max_categories", None)),
        when=lambda given: bool(given["min_frequency"] or given["max_categories"]),
        why="where it gathers rare categories, ONNX cannot",
        instead="gather them in the features step and drop min_frequency and max_categories",
        severity="warning",
    ),
    Unconvertible(
        names=("KBinsDiscretizer",),
        arguments=(("encode", "onehot"),),
        when=_is("encode", "onehot"),
        why="its sparse output does not exist in ONNX",
        instead="set encode='onehot-dense'",
    ),
    Unconvertible(
        names=("FunctionTransformer",),
        arguments=(("func", None),),
        when=lambda given: given["func"] is not None,
        why="ONNX has no form of this Python function",
        instead="use one of numpy's (log, log1p, exp, expm1, sqrt, square, abs, …), or move it to"
        " the features step",
        severity="warning",
    ),
    Unconvertible(
        names=("TransformedTargetRegressor",),
        severity="warning",
        why="ONNX has no form of the way back from the transformed target",
        instead="train on the transformed target and let the features step make it; or choose a"
        " regressor with a log link, such as PoissonRegressor",
    ),
    Unconvertible(
        names=("QuantileTransformer",),
        arguments=(("output_distribution", "uniform"),),
        when=_is("output_distribution", "normal"),
        why="only its uniform form can be converted",
        instead="set output_distribution='uniform', or use PowerTransformer",
    ),
    Unconvertible(
        names=("CalibratedClassifierCV",),
        arguments=(("method", "sigmoid"),),
        when=_is("method", "temperature"),
        why="temperature scaling cannot be converted",
        instead="set method='sigmoid'",
    ),
    Unconvertible(
        names=("TargetEncoder",),
        tasks=("multiclass-classification",),
        why="it cannot be converted for more than two classes",
        instead="use OrdinalEncoder or OneHotEncoder",
    ),
    Unconvertible(
        names=("GradientBoostingClassifier", "GradientBoostingRegressor"),
        arguments=(("init", None),),
        when=_is("init", OBJECT),
        why="an estimator as `init` cannot be converted",
        instead="set init=None",
    ),
    Unconvertible(
        names=("IsolationForest",),
        arguments=(("max_features", 1.0),),
        when=lambda given: not _is("max_features", 1.0, OBJECT)(given),
        why="trees that see some of the columns only cannot be converted",
        instead="set max_features=1.0",
    ),
    Unconvertible(
        names=(
            "BisectingKMeans",
            "ClassifierChain",
            "EllipticEnvelope",
            "HashingVectorizer",
            "Isomap",
            "LabelPropagation",
            "LabelSpreading",
            "LatentDirichletAllocation",
            "LocallyLinearEmbedding",
            "MiniBatchNMF",
            "NMF",
            "SelfTrainingClassifier",
        ),
        why="skl2onnx has no converter for it",
        instead="use an estimator that can be converted, do this step in the features step, or hand"
        " over a ready-made .onnx",
    ),
)
# What of it may be given by place; scikit-learn takes all else by name.
POSITIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "FunctionTransformer": ("func",),
}
