"""The second half: a change of code, a model that grows old, and the data that renews it."""

from __future__ import annotations

import json
from typing import Final

from mlgitops.cli.demo import scratch, serving
from mlgitops.cli.demo.commands import Broken, Done, at, stop
from mlgitops.cli.demo.people import ENVIRONMENTS, FOLDER, MODEL, Story
from mlgitops.cli.demo.serving import Columns, Served
from mlgitops.core.digests import JSON

# The change of the story, in the example's own code.
FEATURES: Final = f"{FOLDER}/features.py"
BEFORE: Final = '"hour": hour // 3 * 3,  # vans go out in three-hour shifts\n'
AFTER: Final = '"hour": hour,\n'
TWELVE: Final = '"hour": hour % 12,  # as on a clock\n'
# The months that the model is asked about, and when their last counts were known.
MONTHS_END: Final = "2012-10-01"
LABELS_KNOWN: Final = "2012-10-03"


def edit(story: Story, path: str, before: str, after: str) -> None:
    """Replace a text that stands exactly once in a file of Dana's clone."""
    file = story.dana.clone / path
    text = file.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise Broken(f"{path} should hold {before!r} once")
    file.write_text(text.replace(before, after), encoding="utf-8")


def actions(done: Done) -> dict[str, str]:
    """Return what `plan --json` or `run --json` says of each step: reuse or execute."""
    steps = done.json("steps")
    assert isinstance(steps, list)
    return {str(at(step, "step")): str(at(step, "action")) for step in steps}


def change(story: Story) -> None:
    """One line of the features changes; plan knows what that means."""
    story.say(
        """While CI was busy with all that, Dana had an idea. The first model sees the hour in steps
        of three, the way the vans go out; the full hour should tell more. She has tried it on a
        branch. It is one line:"""
    )
    story.git(story.dana, "switch", "--quiet", "-c", "full-hour", hidden=False)
    edit(story, FEATURES, BEFORE, AFTER)
    story.git(story.dana, "diff", "--unified=0", "--", FEATURES, hidden=False, lines=12)
    story.say("What will that set off? `plan` reads the code, without running any of it:")
    story.mlgitops(story.dana, "plan", MODEL)
    done = story.mlgitops(story.dana, "run", MODEL, "--json", lines=6)
    wanted = {"rides": "reuse", "features": "execute", "train": "execute"}
    story.claim("features ran, and what depends on it; nothing else", actions(done) == wanted)
    story.commit(story.dana, "Give the model the full hour", [FEATURES])


def propose(story: Story) -> None:
    """What Dana did meanwhile becomes a pull request."""
    story.told_aside()
    story.say("A release is made of what is on main only, so this is a pull request, too.")
    story.propose("full-hour", "Give the model the full hour")


def ship(story: Story) -> None:
    """The new version is compared with the live one before anything moves."""
    before = story.fact("version")
    version = story.release()
    bump = story.fact("bump")
    story.claim(f"new code makes it a minor version, {before} → {version}", bump == "minor", bump)
    story.aside = story.meanwhile(live_rows)
    story.say(
        """From here on something is live, and the gates ask whether the new one is no worse: both
        models answer the same rows, and the interval of the difference decides, not its middle."""
    )
    for environment in ENVIRONMENTS[:-1]:
        story.promote(environment, lines=10)
    story.to_production(lines=4, body=True)
    story.say("Kim's server is started again, on what prod pins now.")
    if story.served is not None:
        story.claim("the old one stops when all is answered", stop(story.served.process) == 0)
    story.update(story.kim)
    story.served = serving.serve(story, story.kim, MODEL, ENVIRONMENTS[-1])


def live_rows(story: Story) -> Done:
    """Make the rows that the model is asked about, with the step that it was trained with."""
    start = story.fact("lineage", "snapshots", "rides", "as_of")[:10]
    story.say(
        f"""The model was trained on what was known on {start}. Now live systems ask it, evening by
        evening, until {MONTHS_END}. They make their rows with the same `features` step that the
        model was trained with, on newer data, in a clone of their own:"""
    )
    live = scratch.clone(story, story.person("Live"))
    story.mlgitops(live, "refresh", MODEL, "--as-of", MONTHS_END, lines=4)
    return story.mlgitops(live, "run", MODEL, "--until", "features", "--json", lines=4)


def months(story: Story) -> None:
    """The served model is asked about months that it has never seen."""
    served = _served(story)
    run = story.told_aside()
    assert run is not None
    rows = _newer_rows(story, run, served.row_id)
    names = [str(name) for name in rows[served.row_id]]
    story.say("Every row carries its id, so that the truth can be joined when it arrives:")
    for month in sorted({name[:7] for name in names}):
        places = [place for place, name in enumerate(names) if name.startswith(month)]
        answers = served.answers(serving.pick(rows, places))
        mean = sum(answers) / len(answers)
        story.show(f"{month}  {len(answers):>4} hours asked, {mean:>4.0f} bikes an hour predicted")
    written = _journalled(story)
    story.claim(f"the journal holds all {len(names)} rows", written == len(names), written)


def _served(story: Story) -> Served:
    if story.served is None:
        raise Broken("no server runs")
    return story.served


def _newer_rows(story: Story, run: Done, row_id: str) -> Columns:
    """Return the rows that a run's `features` step made of what is newer than the model's data."""
    start = story.fact("lineage", "snapshots", "rides", "as_of")[:10]
    steps = run.json("steps")
    assert isinstance(steps, list)
    outputs = next(at(step, "outputs") for step in steps if at(step, "step") == "features")
    assert isinstance(outputs, dict)
    rows: dict[str, list[JSON]] = {}
    for output in outputs.values():
        for name, values in serving.read_rows(story, str(at(output, "digest"))).items():
            rows.setdefault(name, []).extend(values)
    chosen = [place for place, name in enumerate(rows[row_id]) if str(name) >= start]
    return serving.pick(rows, chosen)


def _journalled(story: Story) -> int:
    folder = story.kim.clone / ".mlgitops" / "journal" / ENVIRONMENTS[-1] / MODEL
    newest = story.fact("version")
    count = 0
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry: JSON = json.loads(line)
            ids = at(entry, "row_ids")
            if at(entry, "version") == newest and isinstance(ids, list):
                count += len(ids)
    return count


def monitor(story: Story) -> None:
    """The journal against the release's reference, and the answers against the truth."""
    story.say(
        f"""By {LABELS_KNOWN} the true counts of these months have arrived. `monitor` holds what the
        model was asked against the rows it learned from, and what it answered against the truth.
        (All this was a minute ago by your clock, so it is told until when the truth is known.)"""
    )
    command = ("monitor", MODEL, "--env", ENVIRONMENTS[-1], "--as-of", LABELS_KNOWN)
    story.mlgitops(story.kim, *command, expect=1, lines=30)
    kept = story.evidence("monitor")
    states = [str(at(record, "body", "verdict")) for record in kept]
    known = len(states) == 1 and states[0] in ("degraded", "unhealthy")
    story.claim(f"the verdict, {', '.join(states)}, is in the ledger", known, states)
    code = stop(_served(story).process)
    story.claim("the server, told to stop, answers what it has and ends well", code == 0, code)


def retrain(story: Story) -> None:
    """New data is a reviewable change: one pull request moves the pin, CI runs on it."""
    story.say(
        """The remedy is newer data. `retrain` asks the source again and opens a pull request that
        moves one line, the pin of the snapshot. Asked twice, it is still one pull request."""
    )
    command = ("retrain", MODEL, "--as-of", LABELS_KNOWN)
    story.mlgitops(story.kim, *command)
    number = story.pull()
    checks = story.meanwhile(check_data)
    story.mlgitops(story.kim, "pulls", "show", str(number), lines=40)
    done = story.mlgitops(story.kim, *command, "--json", lines=4)
    again = done.json("outcome")
    story.claim("asking again changes nothing", again == "unchanged", again)
    story.claim("there is one pull request for it", story.pull() == number == done.json("pull"))
    checks.tell()
    story.say("All of that is well, so Rui merges the new data.")
    story.merge(story.rui, number)


def check_data(story: Story) -> None:
    """What CI does with the pull request of new data."""
    story.say(
        """Meanwhile CI has taken it up, in a fresh clone of the branch, where nobody is there to
        answer:"""
    )
    ci = scratch.clone(story, story.person("CI", "ci-data"), f"mlgitops/data/{MODEL}")
    story.mlgitops(ci, "validate", lines=5)
    story.mlgitops(ci, "plan", MODEL)
    done = story.mlgitops(ci, "run", MODEL, "--json", lines=6)
    wanted = {"rides": "reuse", "features": "execute", "train": "execute"}
    story.claim("features and train ran on the new rows", actions(done) == wanted, actions(done))
    story.mlgitops(ci, "release", MODEL, "--dry-run", lines=8)


def write_twelve(story: Story) -> None:
    """Somebody has an idea that looks harmless, and takes morning and evening for the same."""
    story.say(
        """Not every change is a good one. Meanwhile Dana has written the hour as clocks show it, in
        which eight in the morning and eight in the evening are the same. The code is fine, the
        pipeline runs. The model is only bad."""
    )
    story.update(story.dana)
    story.git(story.dana, "switch", "--quiet", "-c", "clock-hour")
    edit(story, FEATURES, AFTER, TWELVE)
    story.git(story.dana, "diff", "--unified=0", "--", FEATURES, hidden=False, lines=12)
    story.mlgitops(story.dana, "run", MODEL, lines=6)
    story.commit(story.dana, "Write the hour as clocks show it", [FEATURES])


def ship_retrained(story: Story) -> None:
    """New data alone makes a patch; on the newest rows it is compared with the live model."""
    story.aside = story.meanwhile(write_twelve)
    version = story.release()
    bump = story.fact("bump")
    story.claim(f"new data alone makes it a patch version, {version}", bump == "patch", bump)
    for environment in ENVIRONMENTS[:-1]:
        story.promote(environment, lines=3)
    story.to_production(lines=14)
    live, new = _compared(story)
    story.claim(f"on the newest weeks the mae is now {new:.0f}, and was {live:.0f}", new < live)


def _compared(story: Story) -> tuple[float, float]:
    """Return the mae of the model that was live and of the new one, by the record on main."""
    folder = f"environments/{ENVIRONMENTS[-1]}/records/{MODEL}"
    names = story.git(story.shared, "ls-tree", "--name-only", "main", f"{folder}/")
    record: JSON = json.loads(story.on_main(sorted(names.splitlines())[-1]) or "")
    compared = at(record, "comparison", "compared")
    assert isinstance(compared, list)
    mae = next(one for one in compared if at(one, "metric") == "mae")
    return float(str(at(mae, "live"))), float(str(at(mae, "candidate")))
