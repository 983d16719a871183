"""A proposed split for a terminal: what `flywheel split` ends with."""

from __future__ import annotations

from runner.domain.proposed_split import ProposedSplit, StratumShares
from runner.domain.records import SPLITS
from runner.report.escape import plain
from runner.report.wording import aligned, count

_ROWS = 20  # of the strata, the least even ones first; --format json has all


def render(found: ProposedSplit, *, replaced_test: bool) -> str:
    """What each split gets beside what was asked, what could not be spread, and how to use it: about 40 lines."""
    blocks = [_head(found), "\n".join(aligned(_splits(found))), "\n".join(aligned(_strata(found)))]
    worst = max((each.deviation or 0.0 for each in found.strata), default=0.0)
    blocks.append(f"largest deviation from the split's share of images: {100 * worst:.1f} percentage points")
    if found.unbalanced:
        listed = "\n".join(f"  {plain(line, 160)}" for line in found.unbalanced[:_ROWS])
        more = len(found.unbalanced) - _ROWS
        blocks.append(f"not spread as asked:\n{listed}" + (f"\n  and {more} more" if more > 0 else ""))
    blocks.append("\n".join(_test(found, replaced_test=replaced_test)))
    blocks.append(_use(found))
    return "\n\n".join(block for block in blocks if block)


def _head(found: ProposedSplit) -> str:
    images = count(sum(found.images.values()), "image")
    clusters = count(found.clusters, "cluster")
    pairs = count(found.near_duplicates, "pair")
    head = f"{images} in {clusters} that stay together (groups, and {pairs} of near-duplicates); the largest has {found.largest:,}"
    left = "".join(
        f"\n{count(number, 'image')} in no split: {reason}" for reason, number in found.left_out.items()
    )
    return head + left


def _splits(found: ProposedSplit) -> list[tuple[str, ...]]:
    total = sum(found.images.values())
    rows: list[tuple[str, ...]] = [("split", "images", "share", "asked", "objects")]
    for split in SPLITS:
        share = found.images[split] / total
        cells = (
            f"{found.images[split]:,}",
            f"{share:.1%}",
            f"{found.asked[split]:.1%}",
            f"{found.objects[split]:,}",
        )
        rows.append((split, *cells))
    return rows


def _strata(found: ProposedSplit) -> list[tuple[str, ...]]:
    uneven = sorted(found.strata[1:], key=lambda each: -(each.deviation or 0.0))
    rows: list[tuple[str, ...]] = [("class or slice", "of it", *SPLITS, "deviation")]
    rows += [_row(each) for each in uneven[:_ROWS]]
    if len(uneven) > _ROWS:
        rows.append((f"and {len(uneven) - _ROWS} more even ones", *[""] * (len(SPLITS) + 2)))
    return rows


def _row(stratum: StratumShares) -> tuple[str, ...]:
    shares = [f"{stratum.shares[split]:.1%}" if stratum.shares else "" for split in SPLITS]
    deviation = "" if stratum.deviation is None else f"{100 * stratum.deviation:.1f}"
    return (plain(stratum.name, 60), f"{stratum.total:,.0f}", *shares, deviation)


def _test(found: ProposedSplit, *, replaced_test: bool) -> list[str]:
    lines = [f"{count(number, 'image')} of {split} stay there" for split, number in found.kept.items()]
    if found.judged and replaced_test:
        lines.append(
            f"the test split is another one: {count(found.judged, 'image')} of those that sprints were judged on may be "
            "anywhere now. Figures of before and after do not compare, and what was trained on them cannot be judged on them."
        )
    elif found.judged:
        lines.append(
            f"{count(found.judged, 'test image')} that sprints were judged on stay in test, and no other image comes to it "
            "(--replace-test deals them anew)"
        )
    return lines


def _use(found: ProposedSplit) -> str:
    if not found.written:
        return "nothing is written; to keep it: flywheel split --write"
    return f"written: {found.written}\nto use it, in flywheel.yaml:\n\n{found.lines}"
