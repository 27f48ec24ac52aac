"""What the window shows where memory runs out or the device fails, and that it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication

from flowmap_studio.runtime import recovery
from flowmap_studio.runtime.session import State
from flowmap_studio.views import texts
from flowmap_studio.views.language import speak

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
LOST = (
    "The training device failed at step 22 (CUDA error: unspecified launch failure); what was "
    "learned before is kept."
)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fails at the 22nd step of every run that does not insist on the CPU."""
    import torch

    from flowmap_studio.core import device_loss, trainer

    real = trainer.Trainer._train_step

    def step(made: Any, *arguments: Any) -> Any:
        if made.step == 21 and made.config.device != "cpu":
            raise torch.AcceleratorError("CUDA error: unspecified launch failure\nSee the manual.")
        return real(made, *arguments)

    monkeypatch.setattr(device_loss, "_lost", threading.Event())
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(trainer.Trainer, "_train_step", step)
    monkeypatch.setattr(recovery, "AUTOSAVE_SECONDS", 0.0)
    return device_loss


def fail(studio: Any) -> None:
    studio.configure(device="auto", target="rings")
    studio.click("trainButton")
    studio.until(lambda: studio.session.state is State.FAILED)


@pytest.mark.usefixtures("device")
def test_a_lost_device_is_told_and_one_press_goes_on(studio: Any) -> None:
    fail(studio)
    assert studio.message() == LOST
    assert studio.find("messageBar").property("kind") == "error"
    studio.click("messageCopy")
    assert "AcceleratorError: CUDA error" in QGuiApplication.clipboard().text()
    assert studio.find("messageRemedy").text() == "Go on on the CPU"
    studio.click("messageRemedy")
    assert studio.message() == ""
    studio.until(lambda: studio.session.state is State.IDLE)
    assert (studio.session.snapshot.step, len(studio.session.losses)) == (60, 60)
    assert studio.session.config.device == "cpu"
    studio.settled()  # and the stage shows it


@pytest.mark.usefixtures("device")
def test_another_run_takes_the_offer_away(studio: Any) -> None:
    fail(studio)
    studio.configure(device="cpu", target="rings", seed=1)
    studio.click("trainButton")
    assert studio.message() == ""
    studio.until(lambda: studio.session.state is State.IDLE)
    assert studio.session.snapshot.step == 60


@pytest.mark.usefixtures("device")
def test_the_next_start_offers_the_lost_run(
    open_studio: Callable[..., Any], small_preset: Path
) -> None:
    studio = open_studio(small_preset)
    fail(studio)
    studio.window.close()
    again = open_studio(small_preset)
    assert again.message() == "A run was cut off: rings · semigroup · ot · 21 steps."


def test_the_sentences_are_told_in_vietnamese(qapp: Any) -> None:
    memory = (
        "Memory ran out; the gradient of a batch is now taken in parts of 256 rows, which is "
        "slower and changes nothing else."
    )
    try:
        speak(qapp, "vi")
        assert "256 hàng" in texts.told(memory)
        assert texts.told(LOST).startswith("Thiết bị huấn luyện hỏng ở bước 22 (CUDA error")
        assert "ở bước 7;" in texts.told(
            "Not enough memory at step 7; choose a smaller batch or width."
        )
    finally:
        speak(qapp, "en")


def test_memory_that_suffices_for_parts_is_told_in_the_bar(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.core import gradients

    real = gradients.add_gradient

    def short(*arguments: Any, most: int | None = None) -> Any:
        if most is None:
            raise MemoryError
        return real(*arguments, most=most)

    monkeypatch.setattr(gradients, "add_gradient", short)
    studio.configure(target="rings", batch_size=256, ot_batch=256)
    studio.click("trainButton")
    studio.until(lambda: studio.message().startswith("Memory ran out; "))
    assert "in parts of 128 rows" in studio.message()
    assert studio.find("messageBar").property("kind") == "warning"
    studio.until(lambda: studio.session.state is State.IDLE)
    assert studio.session.snapshot.step == 60


def test_memory_that_never_suffices_says_what_to_do(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.core import gradients

    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(gradients, "add_gradient", full)
        studio.configure(target="rings")
        studio.click("trainButton")
        studio.until(lambda: studio.session.state is State.FAILED)
    assert studio.message() == "Not enough memory at step 1; choose a smaller batch or width."
    assert studio.state() == "failed"
    studio.configure(target="rings", batch_size=16)
    studio.train_to_the_end()
    assert studio.session.snapshot.step == 60
