"""A release is proved on this runtime before it answers anybody."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mlgitops.core.errors import MlgitopsError, Refused, StoreError
from mlgitops.server.session import Session
from tests.server import releases
from tests.server.releases import frame, own_answers


def columns(rows) -> dict:
    return {
        name: values.to_numpy(np.float32 if values.dtype.kind == "f" else object)
        for name, values in rows.items()
    }


def altered(release: Path, copy: Path, file: str, change) -> Path:
    """A copy of ``release`` in which the content of ``file`` went through ``change``."""
    shutil.copytree(release, copy)
    content = json.loads((copy / file).read_text())
    change(content)
    (copy / file).write_text(json.dumps(content))
    about = json.loads((copy / "release.json").read_text())
    about.pop("files", None)
    (copy / "release.json").write_text(json.dumps(about))
    return copy


def test_a_binary_classifier_answers_as_onnxruntime_does(delays: Path) -> None:
    session = Session.load(delays)
    outputs = session.infer(columns(frame()))
    expected = own_answers(delays, frame())[:, 1]
    assert session.refusal is None
    assert np.array_equal(outputs["score"], expected)
    assert outputs["label"].tolist() == ["True" if p >= 0.5 else "False" for p in expected]


def test_a_regression_answers_one_number_a_row(bikes: Path) -> None:
    outputs = Session.load(bikes).infer(columns(frame()))
    # Twenty trees are added up in another order when onnxruntime takes a second thread.
    assert np.allclose(outputs["prediction"], own_answers(bikes, frame())[:, 0], rtol=1e-6)


def test_three_classes_come_with_all_their_probabilities(seasons: Path) -> None:
    outputs = Session.load(seasons).infer(columns(frame()[:5]))
    expected = own_answers(seasons, frame()[:5])
    assert np.array_equal(outputs["probabilities"], expected)
    assert outputs["label"].tolist() == [("low", "mid", "high")[i] for i in expected.argmax(1)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda g: g["outputs"]["score"].__setitem__(3, 0.123), "score differs"),
        (lambda g: g["outputs"]["label"].__setitem__(3, "maybe"), "label differs"),
        (lambda g: g["outputs"]["score"].pop(), "no whole golden rows"),
        (lambda g: g["inputs"].pop("carrier"), "other columns"),
        (lambda g: g["outputs"].pop("label"), "other outputs"),
        (lambda g: g["inputs"]["distance"].__setitem__(0, "far"), "do not fit"),
        (
            lambda g: [values.clear() for part in g.values() for values in part.values()],
            "no whole golden rows",
        ),
    ],
)
def test_golden_rows_that_disagree_make_the_session_refuse(
    delays: Path, tmp_path: Path, change, reason: str
) -> None:
    session = Session.load(altered(delays, tmp_path / "bad", "golden.json", change))
    assert session.refusal is not None and reason in session.refusal
    with pytest.raises(Refused):
        session.infer(columns(frame()))


def test_a_refusal_names_the_row_both_values_and_the_runtime(delays: Path, tmp_path: Path) -> None:
    bad = altered(
        delays, tmp_path / "bad", "golden.json", lambda g: g["outputs"]["score"].__setitem__(3, 9.0)
    )
    refusal = Session.load(bad).refusal
    assert refusal is not None
    assert "1 of 20 golden rows; in row 3 it is 0." in refusal
    assert "was 9.0 (tolerance 0.0001) (onnxruntime " in refusal


def test_a_difference_within_the_tolerance_is_none(delays: Path, tmp_path: Path) -> None:
    def nudge(golden) -> None:
        golden["outputs"]["score"] = [score + 9e-5 for score in golden["outputs"]["score"]]

    assert Session.load(altered(delays, tmp_path / "near", "golden.json", nudge)).refusal is None


@pytest.mark.parametrize("file", ["model.onnx", "signature.json", "golden.json"])
def test_an_altered_file_is_found_by_its_digest(delays: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(delays, tmp_path / "copy")
    with (tmp_path / "copy" / file).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(StoreError, match=f"{file} is sha256:.* the release says sha256:"):
        Session.load(tmp_path / "copy")


@pytest.mark.parametrize("file", ["model.onnx", "signature.json", "golden.json", "release.json"])
def test_a_missing_file_is_named(delays: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(delays, tmp_path / "copy")
    (tmp_path / "copy" / file).unlink()
    with pytest.raises(StoreError, match=file):
        Session.load(tmp_path / "copy")


def test_a_signature_of_another_model_is_refused(delays: Path, tmp_path: Path) -> None:
    bad = altered(
        delays, tmp_path / "bad", "signature.json", lambda s: s["inputs"][1].update(kind="string")
    )
    with pytest.raises(MlgitopsError, match=r"'distance': signature tensor.string., model"):
        Session.load(bad)


def test_classes_that_the_model_does_not_have_are_refused(delays: Path, tmp_path: Path) -> None:
    bad = altered(delays, tmp_path / "bad", "signature.json", lambda s: s["classes"].append("?"))
    with pytest.raises(MlgitopsError, match="one float output of width 3"):
        Session.load(bad)


def test_what_is_no_onnx_is_refused(delays: Path, tmp_path: Path) -> None:
    bad = altered(delays, tmp_path / "bad", "golden.json", lambda golden: None)
    (bad / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(MlgitopsError, match="cannot load"):
        Session.load(bad)


def test_a_graph_that_knows_no_other_category_refuses_with_its_reason(tmp_path: Path) -> None:
    session = Session.load(releases.delays(tmp_path / "strict", unknown="error"))
    rows = frame()[:1].assign(carrier="ZZ")
    with pytest.raises(Refused, match="the model refuses these values: Unknown Category"):
        session.infer(columns(rows))


def test_an_answer_that_is_not_finite_is_no_answer(delays: Path) -> None:
    session = Session.load(delays)
    rows = frame()[:3]
    rows.loc[1, "distance"] = np.inf
    refused = []
    for infinity in (np.inf, -np.inf):  # one of them cancels the other infinity into NaN
        rows.loc[1, "temperature"] = infinity
        try:
            session.infer(columns(rows))
        except Refused as error:
            refused.append(error.message)
    assert refused == ["row 1: the model has no finite answer for these values"]
