"""What is on stage: a map of the run's history at a flow time, and the evaluator of its clouds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from flowmap_studio.core.drawing.layers import STAGE_POINTS
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.evaluation import Evaluator
from flowmap_studio.runtime.frames import (
    DRAG_POINTS,
    LIGHT_POINTS,
    PLAY_POINTS,
    Frame,
    FrameRequest,
    MeasureRequest,
    Sampling,
)
from flowmap_studio.runtime.pace import Pace
from flowmap_studio.runtime.quality import QualityHistory
from flowmap_studio.runtime.snapshots import SnapshotHistory
from flowmap_studio.runtime.time_lattice import LatticeRequest, TimeLattice, lattice_fits

SETTLED_MS = 150
"""Clouds that have been at rest for so long are made exactly: that takes a third longer, and a hand
that goes on would wait for it."""
CORES_WHEN_IDLE = 2
"""Threads of an evaluation that a hand waits for; one of others while something trains."""


class OnStage(QObject):
    """Shown snapshot, flow time and the way its clouds are sampled; `Session` adds the run.

    Attributes:
        quality: Measured figures of the run.
        snapshots: The run's history.
        snapshot: The map on stage; None before there is one.
        frame: The newest clouds of it.
        live: Whether the stage follows the newest weights.
        t: Flow time in [0, 1].
        steps: Jumps of the composed cloud.
        sampling: How clouds are sampled besides.
        looks_up: Whether clouds of a map at rest are made for all times, to be looked up.
        rounds: Whether points that move are shown a little beside, and exactly at rest.

    Args:
        parent: Its owner.
    """

    frame_changed = Signal(object)  # Frame
    quality_changed = Signal()
    snapshots_changed = Signal()
    sampling_changed = Signal(object)  # Sampling
    failed = Signal(str, str)  # one sentence, details

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.quality = QualityHistory()
        self.snapshots = SnapshotHistory()
        self.snapshot: Snapshot | None = None
        self.frame: Frame | None = None
        self.live = True
        self.t = 1.0
        self.steps = 8
        self.sampling = Sampling()
        self.looks_up = self.rounds = True
        self._pace = Pace()
        self._moving = self._playing = self._measure_later = False
        self._serial = self._run = self._scene = 0
        self._lattice: TimeLattice | None = None
        self._settling = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._settling.timeout.connect(self._settle)
        self._evaluator = Evaluator()
        self._evaluator.frame_ready.connect(self._on_frame)
        self._evaluator.lattice_ready.connect(self._on_lattice)
        self._evaluator.failed.connect(self._on_evaluation_failed)

    @property
    def training(self) -> bool:
        """Whether a run goes on, which frames then leave the cores to."""
        raise NotImplementedError

    def set_time(self, t: float) -> None:
        """Show the clouds at flow time t in [0, 1]."""
        self.t = min(1.0, max(0.0, t))
        self._request_frame()

    def looked_up(self, request: FrameRequest) -> bool:
        """Whether there are clouds to look up for a request."""
        return self.looks_up and self._lattice is not None and self._lattice.serves(request)

    def set_steps(self, steps: int) -> None:
        """Compose the composed cloud of this many jumps."""
        self.steps = steps
        self._request_frame()
        self._request_measure()

    def set_sampling(self, **changes: Any) -> None:
        """Change fields of `Sampling`: solver, label, guidance or rival."""
        sampling = replace(self.sampling, **changes)
        if sampling != self.sampling:
            self.sampling = sampling
            self.sampling_changed.emit(sampling)
            self._request_frame()

    def set_moving(self, moving: bool) -> None:
        """Say whether the slider is in motion: frames are lighter then and full afterwards."""
        if self._moving and not moving:
            self._moving = False
            self._request_frame()
            self._catch_up()
        self._moving = moving

    def set_playing(self, playing: bool) -> None:
        """Say whether time moves by itself: nobody's hand waits for the frames then."""
        self._playing = playing

    def show_history(self, index: int) -> None:
        """Show the snapshot at this place of the training history instead of the newest."""
        if 0 <= index < len(self.snapshots):
            self.live = index == len(self.snapshots) - 1
            self._show(self.snapshots[index])

    def show_live(self) -> None:
        """Follow the newest snapshot again."""
        self.live = True
        if self.snapshots.newest is not None:
            self._show(self.snapshots.newest)

    # --- inside -----------------------------------------------------------------------------------

    def _show(self, snapshot: Snapshot) -> None:
        """Show a snapshot of the user's choice: what is still evaluated of others is stale."""
        self._scene += 1
        self._advance_to(snapshot)
        self._catch_up()

    def _advance_to(self, snapshot: Snapshot, following: bool = False) -> None:
        self.snapshot = snapshot
        self.snapshots_changed.emit()
        self._request_frame(following)

    def _request_frame(self, following: bool = False, first: bool = True) -> None:
        """Ask for the clouds at this time: first for those that are soon there.

        Of large ones these are some points, of others all, rounded off.
        """
        if self.snapshot is None:
            return
        self._serial += 1
        request = self._wanted(following)
        looked_up = self.looked_up(request)
        if looked_up:
            self._on_frame(self._lattice.at(request))
        elif request.large and first:
            request = replace(request, one_step_points=LIGHT_POINTS, composed_points=DRAG_POINTS)
        elif request.full and first:
            request = replace(request, rounded=self.rounds and request.jumps)
        if request.full or not looked_up:  # a slider at rest gets what the map itself says
            self._evaluator.submit(request)

    def _wanted(self, following: bool) -> FrameRequest:
        training = self.training
        patient = training and (self._playing or following)
        light = self._moving or training
        return FrameRequest(
            serial=self._serial,
            scene=self._scene,
            snapshot=self.snapshot,
            t=self.t,
            steps=self.steps,
            one_step_points=self._one_step_points(patient) if light else None,
            composed_points=self._composed_points(patient) if light else None,
            # A run goes on beside patient frames, and lets all others go first.
            threads=1 if patient else CORES_WHEN_IDLE,
            patient=patient,
            # A run's new maps are looked at, and exported, as they are.
            rounded=self.rounds and light and (self._moving or self._playing or not following),
            sampling=self.sampling.fitted(self.snapshot, training),
        )

    def _one_step_points(self, patient: bool) -> int:
        if patient:
            return STAGE_POINTS
        return self._pace.of(min(LIGHT_POINTS, self.sampling.points))

    def _composed_points(self, patient: bool) -> int:
        if patient:
            return PLAY_POINTS if self._playing else DRAG_POINTS
        return self._pace.of(DRAG_POINTS)

    def _request_measure(self) -> None:
        self._measure_later = not self.live or (self._moving and not self._playing)
        if self.snapshot is not None and not self._measure_later:
            request = MeasureRequest(self._run, self.snapshot, self.steps, self.training)
            self._evaluator.submit(request)

    def _catch_up(self) -> None:
        """Measure what was not measured while a hand was on the slider or an older map on stage."""
        if self._measure_later:
            self._request_measure()

    @Slot(object)
    def _on_frame(self, frame: Frame) -> None:
        # One gate. Of a map in training, clouds of slightly older weights are news too: where an
        # evaluation takes longer than the next snapshot, none would ever be shown otherwise.
        shown = self.frame
        older = shown is not None and frame.request.serial < shown.request.serial
        if older or frame.request.scene != self._scene:
            return
        self.frame = frame
        self._pace.learn(frame)
        self.frame_changed.emit(frame)
        newest = frame.request.serial == self._serial
        if newest and not frame.request.full and self._wanted(following=False).large:
            self._request_frame(first=False)
        exact = frame.request.full and not frame.rounded
        if newest and frame.request.full and not exact:
            self._settling.start()
        wanted = self.looks_up and exact and not self.looked_up(frame.request)
        if wanted and lattice_fits(frame):
            self._evaluator.grow(LatticeRequest(frame))

    @Slot()
    def _settle(self) -> None:
        """Nothing has moved for a while: what is shown rounded is shown exactly."""
        shown = self.frame
        newest = shown is not None and shown.request.serial == self._serial
        if newest and shown.rounded and self._wanted(following=False).full:
            self._request_frame(first=False)

    @Slot(object)
    def _on_lattice(self, lattice: TimeLattice) -> None:
        self._lattice = lattice

    @Slot(str, str)
    def _on_evaluation_failed(self, sentence: str, details: str) -> None:
        self.failed.emit(sentence, details)
