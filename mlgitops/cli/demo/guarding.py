"""What does not get through, how to go back, and how anybody can check it all."""

from __future__ import annotations

from mlgitops.cli.demo import scratch
from mlgitops.cli.demo.people import ENVIRONMENTS, MODEL, Story


def refuse(story: Story) -> None:
    """A bad release meets a gate: no pull request is opened."""
    story.told_aside()
    story.propose("clock-hour", "Write the hour as clocks show it")
    story.release(lines=6)
    last = story.pull()
    first = ENVIRONMENTS[0]
    story.say(f"It does not even get into {first}:")
    done = story.mlgitops(story.ci, "promote", MODEL, "--to", first, expect=1)
    failed = [line.strip() for line in done.out.splitlines() if line.strip().startswith("✗")]
    story.claim("one gate refused it, and it is named", len(failed) == 1, done.out)
    story.claim("no pull request was opened", story.pull() == last)
    story.say("Dana reverts it. (Told short: she pushes; most teams would ask for a pull request.)")
    story.update(story.dana)
    story.git(story.dana, "revert", "--no-edit", "-m", "1", "HEAD", hidden=False)
    story.git(story.dana, "push", "--quiet", "origin", "main", hidden=False)


def roll_back(story: Story) -> None:
    """Back to the version before, and held there."""
    prod = ENVIRONMENTS[-1]
    now = story.pinned(prod)
    story.say(
        f"""At night Kim is called: the stations at the stadium are empty. Whatever the reason is,
        first back to what ran before {now}. A rollback asks no gate on quality, only whether the
        bytes are there, and it holds the model, so that the next promotion does not undo it."""
    )
    story.update(story.kim)
    reason = "empty stations at the stadium"
    story.mlgitops(story.kim, "rollback", MODEL, "--env", prod, "--reason", reason)
    story.mlgitops(story.kim, "pulls", "merge", str(story.pull()), lines=4)
    back = story.pinned(prod)
    story.claim(f"prod went from {now} back to {back}", back not in (now, None), back)
    hold = f"environments/{prod}/holds/{MODEL}.yaml"
    story.claim(f"the hold is a file on main, {hold}", bool(story.on_main(hold)))
    looks = story.meanwhile(lambda copy: look_back(copy, str(back)))
    story.say("Promoting while somebody holds it is refused, and says who and why:")
    command = ("promote", MODEL, "--to", prod, "--version", str(now))
    done = story.mlgitops(story.ci, *command, expect=1, lines=20)
    story.claim("the reason is told", reason in done.out, done.out)
    looks.tell()


def look_back(story: Story, version: str) -> None:
    """Git answers what happened."""
    story.say("What runs where, who moved it, and what it was made of, all answered by git:")
    story.mlgitops(story.kim, "status", MODEL)
    story.mlgitops(story.kim, "history", MODEL, "--env", ENVIRONMENTS[-1], lines=24)
    story.mlgitops(story.kim, "lineage", f"{MODEL}@{version}", lines=40)


def verify(story: Story) -> None:
    """A stranger recomputes what the repository claims, and finds a single changed byte."""
    story.say(
        """Ada audits. She trusts nobody, clones the repository and has everything computed again:
        manifests from pins, metrics from predictions, predictions from the ONNX."""
    )
    forged = story.meanwhile(forge)
    ada = scratch.clone(story, story.person("Ada"))
    story.mlgitops(ada, "verify")
    forged.tell()


def forge(story: Story) -> None:
    """One byte of a manifest is changed, as an attacker would."""
    story.say("In another clone she changes one byte of a manifest, as an attacker would:")
    ada = scratch.clone(story, story.person("Ada", "ada-forged"))
    folder = ada.clone / "environments" / ENVIRONMENTS[-1] / "rendered" / MODEL
    manifest = sorted(folder.iterdir())[0]
    data = bytearray(manifest.read_bytes())
    place = data.index(b"sha256:") + len(b"sha256:")
    data[place] = ord("0") if data[place] != ord("0") else ord("1")
    manifest.write_bytes(bytes(data))
    story.git(ada, "diff", "--stat", hidden=False, lines=4)
    done = story.mlgitops(ada, "verify", expect=1)
    path = str(manifest.relative_to(ada.clone))
    story.claim("the manifest is named", path in done.out, done.out)
