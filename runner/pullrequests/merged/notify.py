"""Tells a merged pull request what became of its sprints: a comment each, and a new report where one was judged again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runner.domain.errors import FlywheelError
from runner.forges.forge import PullRequest
from runner.policy.undecided import approve_command, undecided_findings
from runner.pullrequests.merged.after_merge import Settled
from runner.pullrequests.merged.own_record import judged_again_id
from runner.pullrequests.publishing.publisher import NOT_YET, Publisher, decided
from runner.record.catalogue import MODEL_CARD, REPORT, sprint_folder, sprint_path
from runner.report import check, comment, history
from runner.report.comment import CommentContext
from runner.report.escape import code, markdown, paragraphs
from runner.workflow.terms import read_terms

_REASON = 400


def marker(sprint: str) -> str:
    """What the comment about a sprint's promotion is found by."""
    return f"<!-- flywheel:promotion:{sprint} -->"


def notify(publisher: Publisher, pull: PullRequest, settled: Sequence[Settled]) -> None:
    """Puts everything on the pull request; once, however often it is called.

    Raises:
        FlywheelError: the forge refuses (exit code 5).
    """
    for each in settled:
        if each.judged_again:
            _publish_again(publisher, pull, each)
        said = message(each)
        publisher.sticky(pull, marker(each.sprint), f"{marker(each.sprint)}\n{said}\n")
        publisher.say(f"#{pull.number}: {each.sprint}: {said.splitlines()[0]}")
    _take_back(publisher, pull, [each.sprint for each in settled if not each.altered])


def tell_trouble(publisher: Publisher, pull: PullRequest, trouble: FlywheelError) -> None:
    """Says that nothing was recorded, and why.

    Raises:
        FlywheelError: the forge refuses (exit code 5).
    """
    hint = f"\n\n**Next:** {paragraphs(trouble.hint)}" if trouble.hint else ""
    text = f"## ✗ Nothing was recorded\n\n{paragraphs(trouble.message)}{hint}"
    publisher.sticky(pull, marker("nothing"), f"{marker('nothing')}\n{text}\n")
    publisher.say(f"#{pull.number}: nothing was recorded: {trouble.message}")


def _take_back(publisher: Publisher, pull: PullRequest, recorded: Sequence[str]) -> None:
    """An earlier job may have recorded nothing; by now the records are there."""
    if recorded and publisher.published(pull, marker("nothing")) is not None:
        names = ", ".join(code(name) for name in recorded)
        text = f"An earlier job recorded nothing. By now {names} {'is' if len(recorded) == 1 else 'are'} recorded.\n"
        publisher.sticky(pull, marker("nothing"), f"{marker('nothing')}\n{text}")


def message(settled: Settled) -> str:
    """What became of one sprint, as Markdown.

    Example:
        >>> print(message(Settled(sprint="0001-first")))
        ## ○ `0001-first` is recorded, and was not promoted
        <BLANKLINE>
        A stage of its run failed: there is no verdict. The record of an earlier one stays.
    """
    name, promotion = code(settled.sprint), settled.promotion
    if promotion is None:
        return f"## ○ {name} is recorded, and was not promoted\n\nA stage of its run failed: there is no verdict. The record of an earlier one stays."
    reasons = "\n".join(f"- {markdown(reason, _REASON)}" for reason in promotion.reasons)
    again = (
        " It was judged again, from its stored predictions; its report above is the new one."
        * settled.judged_again
    )
    match promotion.result:
        case "promoted" | "unchanged" | "would promote":
            stage = f"the stage {code(promotion.stage)} of {code(promotion.model)}"
            replaced = promotion.before if promotion.before not in (None, settled.sprint) else None
            before = f", in place of {code(replaced)}" if replaced else ""
            card = MODEL_CARD.of(settled.sprint)
            return (
                f"## 🚀 {name} was promoted as {promotion.version}\n\nIt holds {stage}{before}. Its record is in "
                f"{code(f'{sprint_path(settled.sprint)}/')}, its model card in {code(card)}.\n\n"
                "To go back: a comment `/flywheel rollback`."
            )
        case "waiting":
            waiting = [decision.finding for decision in promotion.decisions if not decision.approved]
            steps = "\n".join(f"- `{approve_command(finding)}`" for finding in waiting)
            return (
                f"## ⏳ {name} is recorded, and waits for approval\n\n"
                f"{_since(settled)}{again.strip()}{chr(10) * 2 if again else ''}{reasons}\n\n"
                f"**Next:** comments of people who may:\n\n{steps}"
            )
        case "stale":
            why = f"\n\nIt could not be judged again: {paragraphs(settled.note)}" if settled.note else ""
            return f"## ○ {name} is recorded and stale, and was not promoted\n\n{reasons}{why}"
        case "altered":
            return f"## ✗ {name} was not recorded: what was judged is not what is stored\n\n{reasons}"
        case "refused":
            return f"## ○ {name} is recorded, and was not promoted\n\n{reasons}\n\n{again.strip()}".strip()


def _since(settled: Settled) -> str:
    if not settled.judged_again:
        return ""
    return "What it was judged against has changed since. "


def _publish_again(publisher: Publisher, pull: PullRequest, settled: Settled) -> None:
    """The new report takes the old one's place, on the pull request and on its head commit.

    Its check is a new one: what was approved before it counts no more. The same report shown again is the same check.
    """
    folder = sprint_folder(publisher.root, settled.sprint)
    report, terms = REPORT.read(folder), read_terms(folder)
    external_id = judged_again_id(folder)
    known = [each for each in publisher.forge.check_runs(pull.head_sha) if each.external_id == external_id]
    reported = known[0].completed_at if known else NOT_YET
    findings = [*(terms.all_findings if terms else []), *undecided_findings(settled.sprint, report.verdict)]
    context = CommentContext(
        sprint=settled.sprint,
        repository_url=publisher.repository_url,
        base_commit=terms.base_commit if terms else pull.base_sha,
        head_commit=pull.head_sha,
        run_url=f"{publisher.repository_url}/actions/runs/{publisher.environment.run_id}",
        pictures=False,
        decisions=decided(publisher, pull, findings, reported=reported),
    )
    before = history.read(publisher.published(pull, comment.marker(settled.sprint)) or "")
    body = comment.render(report, msgspec.structs.replace(context, published=before))
    publisher.sticky(pull, comment.marker(settled.sprint), body)
    # last: where the check is, the report is published, and approvals count
    publisher.forge.put_check_run(check.check_run(report, context, external_id=external_id))
