"""The first half of the story: from a spec in git to a model in production that answers."""

from __future__ import annotations

from typing import Final

from mlgitops.cli.demo import changing, scratch, serving
from mlgitops.cli.demo.commands import at
from mlgitops.cli.demo.people import ENVIRONMENTS, FOLDER, MODEL, Story
from mlgitops.core.digests import JSON

_SHOWN_HOURS: Final = ("03", "08", "12", "17", "22")


def validate(story: Story) -> None:
    """The specs are read, all of them at once."""
    story.say(
        """A model begins as a few small files in git: which steps make it, how it is judged, what
        each environment asks of it. Dana, a data scientist, has cloned the repository and looks
        whether everything in it makes sense."""
    )
    scratch.clone(story, story.dana)
    done = story.mlgitops(story.dana, "validate", lines=5)
    story.claim("nothing is wrong in the specs", done.code == 0)


def run(story: Story) -> None:
    """The pipeline runs; again, there is nothing to do."""
    known = (story.dana.clone / FOLDER / "snapshots").is_dir()
    story.say(
        """She runs the pipeline. Every step is a plain function in a process of its own. What a
        source brings in is pinned by digest in a file beside the pipeline, so that a commit alone
        says which rows it means. """
        + (
            "Their bytes are not in this store yet: the source is asked for the very same again."
            if known
            else "A first run writes that file."
        )
    )
    story.mlgitops(story.dana, "run", MODEL)
    pin = story.git(story.dana, "status", "--porcelain", "--untracked-files=all", "--", FOLDER)
    if pin:
        story.show(f"new in git status: {pin.strip()}")
    story.say("And once more, to see that known work is not done again:")
    done = story.mlgitops(story.dana, "run", MODEL, "--json", lines=6)
    steps = done.json("steps")
    assert isinstance(steps, list)
    actions = [str(at(step, "action")) for step in steps]
    story.claim("the second run executes no step", actions == ["reuse"] * len(steps), actions)
    if pin:
        story.say("The pin is a change like any other: she commits it and pushes.")
        story.commit(story.dana, f"Pin the first snapshot of {MODEL}", [FOLDER])
        story.git(story.dana, "push", "--quiet", "origin", "main", hidden=False)
    clean = story.git(story.dana, "status", "--porcelain")
    story.claim("nothing is left uncommitted", not clean, clean)


def release(story: Story) -> None:
    """The model is exported, proved, judged and tagged."""
    scratch.clone(story, story.ci)
    story.say(
        """From here on CI works, in a clone of main. A release is an annotated tag. The trained
        estimator is exported to ONNX, and the ONNX has to give the estimator's answers on every
        evaluation row, or nothing is released."""
    )
    version = story.release()
    rows, total = story.fact("parity", "rows"), story.fact("evaluation", "rows")
    story.claim(f"the ONNX was compared on all {total} evaluation rows", rows == total, rows)
    story.claim("the first version is 1.0.0", version == "1.0.0", version)


def promote(story: Story) -> None:
    """Three environments, three pull requests; the last one needs a person."""
    story.say(
        """Nothing is deployed by hand. `promote` asks the gates of the environment and opens a pull
        request that changes what the environment pins; the merge ships it."""
    )
    scratch.clone(story, story.rui)
    story.aside = story.meanwhile(changing.change)
    for environment in ENVIRONMENTS[:-1]:
        story.promote(environment)
    story.say("Production asks more, and the pull request says it all. This is its whole body:")
    story.to_production(lines=4, body=True, early=True)


def status(story: Story) -> None:
    """One matrix tells what runs where."""
    scratch.clone(story, story.kim)
    version = story.fact("version")
    done = story.mlgitops(story.kim, "status", MODEL)
    pins = [story.pinned(name) for name in ENVIRONMENTS]
    story.claim(f"{version} is pinned everywhere", pins == [version] * len(pins), pins)
    story.claim("and shown so", done.out.count(version) > len(pins), done.out)


def serve(story: Story) -> None:
    """The pinned release answers real questions, and refuses wrong ones by name."""
    prod = ENVIRONMENTS[-1]
    story.say(
        """Kim, who is on call, starts a server for what prod pins. It loads the ONNX by digest and
        asks it the release's golden rows before it says that it is ready; neither scikit-learn nor
        a pickle is anywhere near it."""
    )
    story.served = serving.serve(story, story.kim, MODEL, prod)
    ready = story.served.client.get("/v2/health/ready").status_code
    story.claim("the server says that it is ready", ready == 200, ready)
    rows = serving.read_rows(story, story.fact("files", "evaluation.parquet"))
    target = story.fact("evaluation", "target")
    names = [str(name) for name in rows[story.served.row_id]]
    last_day = max(names)[:-2]
    places = [names.index(f"{last_day}{hour}") for hour in _SHOWN_HOURS]
    asked = serving.pick(rows, places)
    story.say("It is sent real hours over HTTP, none of which the model was trained on:")
    answers = story.served.answers(asked)
    story.show(f"{'hour':<15}{'predicted':>10}{'really rented':>15}")
    for name, answer, truth in zip(asked[story.served.row_id], answers, asked[target], strict=True):
        story.show(f"{name:<15}{answer:>10.0f}{truth!s:>15}")
    story.claim("every row got an answer", len(answers) == len(places), answers)
    wrong: dict[str, list[JSON]] = {**serving.pick(rows, places[:1]), "hour": ["eight"]}
    story.say("And a wrong question, with a word where the hour should be:")
    refusal = story.served.ask(wrong)
    story.show(f"{refusal.status_code} {refusal.text}")
    named = refusal.status_code == 400 and "'hour'" in refusal.text
    story.claim("it is answered with a 400 that names the field", named, refusal.text)
