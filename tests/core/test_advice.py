"""What the advisers notice, each at its figure, and the change that they offer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from flowmap_studio.core.advice import COLLAPSED, ENOUGH_STEPS, FOLDED, Advice, Figures, advise
from flowmap_studio.core.config import RunConfig

GOOD = Figures(
    3000,
    progress=1.0,
    spread_ratio=0.99,
    one_step=0.03,
    composed=0.03,
    jumps=8,
    floor=0.02,
    folded=0.05,
    earlier=0.031,
)
ARTICLE = RunConfig(method="article")


def figures(**changes: Any) -> Figures:
    return dataclasses.replace(GOOD, **changes)


@pytest.mark.parametrize("coupling", ["independent", "ot"])
@pytest.mark.parametrize("method", ["article", "semigroup"])
def test_collapse_comes_with_the_figure_and_a_cure(method: str, coupling: str) -> None:
    config = RunConfig(method=method, coupling=coupling)
    (advice,) = advise(config, figures(step=ENOUGH_STEPS, spread_ratio=0.07, folded=0.5))
    assert advice.kind == "mean-collapse"
    assert "7%" in advice.sentence
    assert advice.sentence.endswith(".")
    assert config.replace(**advice.change).coupling == "ot"
    blamed = "independent pairs" in advice.sentence
    assert blamed == (coupling == "independent" and method == "article")


def test_no_advice_without_cause() -> None:
    for config in (RunConfig(), ARTICLE, ARTICLE.replace(coupling="independent")):
        assert advise(config, GOOD) == []
        assert advise(config, figures(spread_ratio=COLLAPSED)) == []
        assert advise(config, figures(spread_ratio=float("nan"))) == []
        assert advise(config, figures(step=ENOUGH_STEPS - 1, spread_ratio=0.01, folded=1)) == []
        assert advise(config, Figures(3000, progress=1.0)) == []


@pytest.mark.parametrize("form", ["residual", "free"])
def test_drift_offers_a_two_time_method(form: str) -> None:
    config = ARTICLE.replace(parametrisation=form)
    (advice,) = advise(config, figures(one_step=0.039, composed=0.089, floor=0.018))
    assert advice.kind == "semigroup-drift"
    assert "0.089 against 0.039" in advice.sentence
    assert "8 steps" in advice.sentence
    cured = config.replace(**advice.change)  # would raise if the form did not fit
    assert (cured.method, cured.parametrisation) == ("semigroup", "residual")


def test_drift_needs_a_clear_margin_and_a_one_time_map() -> None:
    assert advise(ARTICLE, figures(one_step=0.030, composed=0.036)) == []
    assert (
        advise(ARTICLE, figures(one_step=0.010, composed=0.019)) == []
    )  # within the floor's noise
    assert advise(ARTICLE, figures(composed=0.3, jumps=1)) == []
    assert advise(RunConfig(), figures(composed=0.3)) == []


def test_folding_offers_what_is_left_to_change() -> None:
    assert advise(RunConfig(), figures(folded=FOLDED)) == []
    offers = [
        ({"coupling": "independent"}, {"coupling": "ot"}),
        ({"lambda_cons": 0.1}, {"lambda_cons": 1.0}),
        ({"lambda_cons": 3.0}, {"lambda_cons": 6.0}),
        ({"lambda_cons": 20.0}, {"steps": 6000}),
        ({"lambda_cons": 20.0, "seconds": 30.0}, {"seconds": 60.0}),
    ]
    for settings, change in offers:
        config = RunConfig(**settings)
        (advice,) = advise(config, figures(folded=0.31))
        assert (advice.kind, dict(advice.change)) == ("folding", change)
        assert "31%" in advice.sentence
        config.replace(**advice.change)


@pytest.mark.parametrize(
    ("change", "offer"),
    [
        ({"coupling": "ot"}, "Use coupling ot"),
        ({"steps": 6000}, "Use steps 6,000"),
        ({"seconds": 60.0}, "Use time limit 60 s"),
        ({"lambda_cons": 2.0}, "Use λ consistency 2"),
        (
            {"method": "semigroup", "parametrisation": "residual"},
            "Use method semigroup, form residual",
        ),
    ],
)
def test_the_offer_in_words(change: dict[str, Any], offer: str) -> None:
    assert Advice("kind", "Sentence.", change).offer == offer


def test_under_training_is_told_at_the_end_of_a_run_only() -> None:
    bad = figures(one_step=0.12, composed=0.12, earlier=0.2)
    (advice,) = advise(RunConfig(), bad)
    assert advice.kind == "under-training"
    assert "6.0 times" in advice.sentence
    assert "was still falling" in advice.sentence
    assert advice.change == {"steps": 6000}
    assert advise(RunConfig(), dataclasses.replace(bad, progress=0.99)) == []
    assert advise(RunConfig(), dataclasses.replace(bad, earlier=0.121)) == []  # no longer learning
    assert advise(RunConfig(), dataclasses.replace(bad, one_step=0.059)) == []
    assert advise(RunConfig(method="flow-matching"), bad) == []
    (short,) = advise(RunConfig(steps=20), dataclasses.replace(bad, step=20, earlier=None))
    assert "after 20 steps" in short.sentence
    assert "falling" not in short.sentence
    assert short.change == {"steps": 1000}


def test_the_most_important_comes_first_and_under_training_last() -> None:
    worst = figures(one_step=0.3, composed=0.6, folded=0.4, earlier=0.5)
    assert [one.kind for one in advise(ARTICLE, worst)] == ["semigroup-drift", "folding"]
