"""A model that is judged a second time, on other rows, has to be surer to pass."""

from __future__ import annotations

import json

import pytest

from mlgitops import settings, wiring
from mlgitops.core.looks import confidence
from mlgitops.core.specs.gates import Gate
from mlgitops.flow.compare import compare, look_at
from mlgitops.flow.releases import release
from tests.e2e.world import BETTER_FEATURES, MODEL, PIPELINE, World
from tests.support import commit, git


def test_the_same_model_on_other_rows_is_a_second_look_and_another_model_a_first(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    world.call("pulls", "merge", "1")
    world.pull()
    world.ship("prod", approve=True)
    # The features of 1.1.0 again, judged on 300 of its 310 rows.
    fewer = BETTER_FEATURES.replace("frame[held_out].reset", "frame[held_out].iloc[10:].reset")
    files = {"pipelines/yield/features.py": fewer, "pipelines/yield/pipeline.yaml": PIPELINE}
    commit(world.clone, files, "Judge on fewer rows")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    assert world.call("release", MODEL) == 0
    seams = wiring.seams(settings.read(world.clone), say=lambda line: None)
    known = {v: release(seams.repository, MODEL, v) for v in ("1.0.0", "1.1.0", "1.2.0", "1.3.0")}
    models = {v: one.document.files["model.onnx"] for v, one in known.items()}
    assert models["1.3.0"] == models["1.1.0"] != models["1.2.0"]
    looks = {v: look_at(seams, one, known["1.0.0"]) for v, one in known.items()}
    assert looks == {"1.0.0": 1, "1.1.0": 1, "1.2.0": 1, "1.3.0": 2}
    # What ran before the live release was held against another one.
    assert look_at(seams, known["1.3.0"], known["1.1.0"]) == 1

    gates = [Gate(metric="mae", no_worse_than="live", margin=0.2)]
    widths = []
    for look in (None, 1, 2):
        found = compare(seams, known["1.3.0"].document, known["1.0.0"].document, gates, look=look)
        assert found is not None
        (one,) = found.compared
        assert one.confidence == pytest.approx(0.95 if look is None else confidence(0.95, look))
        widths.append(one.high - one.low)
    assert widths == sorted(widths)

    once = [gates[0].model_copy(update={"looks": count}) for count in (1, 2)]
    told = compare(seams, known["1.3.0"].document, known["1.0.0"].document, once, look=2)
    assert told is not None
    assert [(one.spent, one.confidence) for one in told.compared] == [(True, 0.95), (False, 0.975)]
    assert told.compared[0].verdict == "inconclusive" != told.compared[1].verdict

    world.call("promote", MODEL, "--to", "dev", "--version", "1.3.0")
    world.call("pulls", "merge", str(world.open_pull(f"mlgitops/promote/dev/{MODEL}")))
    world.pull()
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "prod") == 0
    number = world.open_pull(f"mlgitops/promote/prod/{MODEL}")
    assert world.call("pulls", "show", str(number)) == 0
    shown = capsys.readouterr().out
    assert "99 % intervals (look 2 at this very model)" in shown
    git(world.clone, "fetch", "--quiet", "origin")
    head = f"origin/mlgitops/promote/prod/{MODEL}"
    names = git(world.clone, "diff", "--name-only", f"origin/main...{head}").splitlines()
    path = next(name for name in names if "/records/" in name)
    assert json.loads(git(world.clone, "show", f"{head}:{path}"))["comparison"]["look"] == 2
