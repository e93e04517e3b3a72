"""Replicas of a predictor on Ray Serve, behind what is used like one `Predictor`.

Page and API stay in front, in the process that asks. A question lost with a replica is asked again:
predictors keep nothing of a request, so asking twice does no harm.
"""

from __future__ import annotations

import io
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

# Before Ray is imported: it would send usage statistics.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# It would run replicas only while nothing else on the machine wants to.
os.environ.setdefault("RAY_worker_niceness", "0")

import ray
from ray import serve
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    WorkerCrashedError,
)
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from vqa.device import pick_device
from vqa.errors import BusyError, ConfigError, VQAError
from vqa.evidence import Evidence
from vqa.pictures import PictureFile, open_picture
from vqa.predictor import AUTO, Answer, Predictor, Request
from vqa.routing import Router, load_predictor
from vqa.scale.replica import Call, Replica

APP = "vqa"
CALLS_WANTED = 2  # under way for each replica: one computed, one waiting; more calls for replicas
_ASKERS = 2 * CALLS_WANTED  # for each replica: enough that a full front asks for more replicas
_MOST_ASKERS = 256
_STARTS = 3  # Ray gives a busy machine but 30 seconds each time
_END_SECONDS = 10  # for killed processes to go
_PATIENCE = 60.0  # seconds until a question that no replica answers is given up
_LOST = (
    RayActorError,
    WorkerCrashedError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayServeException,
)
_log = logging.getLogger(__name__)


class Fleet:
    """Asks replicas, from several threads at once; see `vqa.batching.BatchPredictor`.

    Args:
        handle: of the deployed `Replica`.
        local: the same checkpoint in this process; tells card and names, and is never asked.
        askers: how many calls may usefully be under way.
        patience: seconds until a question is given up, replicas having died or none being there.
    """

    cached_bytes = 0  # replicas keep pictures, this process none

    def __init__(
        self,
        handle: DeploymentHandle,
        local: Predictor | Router,
        askers: int,
        patience: float = _PATIENCE,
    ) -> None:
        self._handle = handle
        self._patience = patience
        self.askers = askers
        self.card = local.card
        self.choices: tuple[str, ...] = getattr(local, "choices", ())
        self.checkpoint = getattr(local, "checkpoint", None)

    def knows(self, request: Request) -> bool:
        """Always: files travel as they are and are decoded by the replica, if need be."""
        return True

    def ask_batch(
        self, requests: Sequence[Request], top_k: int = 5, checkpoint: str = AUTO
    ) -> list[Answer]:
        """Answers many at once, in order, by one replica; by another when that one dies.

        Raises:
            As `Predictor.ask_batch`. BusyError: no replica answered in time.
        """
        return self._reply(self._handle.ask, Call(tuple(requests), top_k, checkpoint))

    def evidence(self, request: Request, top_k: int = 5, checkpoint: str = AUTO) -> Evidence:
        """Which regions speak for each answer; see `Predictor.evidence`.

        Raises:
            As `ask_batch`.
        """
        if not isinstance(request.image, bytes | PictureFile):
            # A path means nothing on another machine.
            request = replace(request, image=open_picture(request.image))
        return self._reply(self._handle.evidence, Call((request,), top_k, checkpoint))

    def computed(self) -> float:
        """Seconds that a replica has computed, all threads together; where there is but one."""
        return self._handle.computed.remote().result(timeout_s=self._patience)

    def _reply(self, method: DeploymentHandle, call: Call):
        end, pause = monotonic() + self._patience, 0.05
        while True:
            try:
                left = max(end - monotonic(), 0.001)
                reply = method.remote(call).result(timeout_s=left)
                break
            except TimeoutError as error:
                raise BusyError(10) from error
            except _LOST as error:
                if monotonic() + pause > end:
                    raise BusyError(10) from error
                _log.warning("a replica was lost; its questions are asked again")
                sleep(pause)
                pause = min(2 * pause, 1.0)
        if isinstance(reply, VQAError):
            raise reply
        return reply


@contextmanager
def fleet(
    checkpoint: str,
    device: str = "auto",
    replicas: tuple[int, int] = (2, 2),
    address: str | None = None,
    most: int = 32,
    patience: float = _PATIENCE,
) -> Iterator[Fleet]:
    """Replicas that are up while the context lasts.

    Args:
        checkpoint: a name or a folder; on a cluster every machine must have it, and this package.
        device: "auto", "cpu" or "cuda"; on "cuda" each replica has a GPU of its own.
        replicas: the fewest and the most; between them Ray follows the load.
        address: of a Ray cluster ("auto" for the one this machine is in), where the replicas stay
            when the context ends, for other fronts; None starts Ray on this machine, and stops it.
        most: questions that a replica answers together.
        patience: see `Fleet`.

    Raises:
        CheckpointError: see `vqa.checkpoint.load`. ConfigError: the device is none for replicas,
            there is no cluster at `address`, or the replicas do not start.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"Replicas run on auto, cpu or cuda, not on {device!r}.")
    kind = pick_device("auto").type if device == "auto" else device
    local = load_predictor(checkpoint, "cpu")
    where = str(Path(checkpoint).resolve()) if Path(checkpoint).is_dir() else str(checkpoint)
    try:
        _connect(address, replicas[1], kind)
        handle = _deploy(where, kind, replicas, most)
        yield Fleet(handle, local, min(_ASKERS * replicas[1], _MOST_ASKERS), patience)
    finally:
        if ray.is_initialized():
            # Ray prints what its processes find missing on their way out.
            with redirect_stdout(io.StringIO()):
                if address is None:
                    serve.shutdown()
                ray.shutdown()


def _connect(address: str | None, most: int, kind: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        _start(most, kind, quiet)
        return
    host, _, port = address.rpartition(":")
    try:
        if address != "auto":
            # Ray itself goes on trying for four minutes.
            socket.create_connection((host, int(port)), timeout=5).close()
        ray.init(address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"There is no Ray cluster at {address!r}, which is HOST:PORT or auto; "
            "start one with: ray start --head."
        ) from error


def _start(most: int, kind: str, quiet: dict) -> None:
    # As many replicas as were asked for, whatever number of cores there is.
    resources = {"num_cpus": most} | ({"num_gpus": most} if kind == "cuda" else {})
    for left in reversed(range(_STARTS)):
        try:
            with _all_or_none():
                ray.init("local", include_dashboard=False, **resources, **quiet)
            return
        except Exception as error:  # Ray raises just that when its processes come up too slowly
            if not left:
                why = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
                raise ConfigError(
                    f"Ray does not start on this machine ({why}); "
                    "free some cores and memory, or join a cluster with --ray."
                ) from error


@contextmanager
def _all_or_none() -> Iterator[None]:
    """Ends the processes that were started within, where that failed; Ray forgets them then."""
    import psutil  # Ray brings it along

    ours = psutil.Process()
    before = ours.children(recursive=True)
    try:
        yield
    except BaseException:
        ray.shutdown()
        left = [one for one in ours.children(recursive=True) if one not in before]
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(left, timeout=_END_SECONDS)
        raise


def _deploy(checkpoint: str, kind: str, replicas: tuple[int, int], most: int) -> DeploymentHandle:
    fewest, highest = replicas
    number = {"num_replicas": fewest}
    if fewest < highest:
        number = {
            "num_replicas": "auto",
            "autoscaling_config": {
                "min_replicas": fewest,
                "max_replicas": highest,
                "target_ongoing_requests": CALLS_WANTED,
                "upscale_delay_s": 5,
                "downscale_delay_s": 120,
            },
        }
    deployment = serve.deployment(
        name="Replica",
        ray_actor_options={"num_cpus": 1, "num_gpus": int(kind == "cuda")},
        max_ongoing_requests=4 * _ASKERS,
        health_check_period_s=5,
        health_check_timeout_s=15,
        graceful_shutdown_timeout_s=20,
        **number,
    )(Replica)
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    # No proxy of Ray's: page and API are in front.
    serve.start(proxy_location="Disabled")
    try:
        app = deployment.bind(checkpoint, kind, most, 1)
        return serve.run(app, name=APP, route_prefix=None)
    except RuntimeError as error:
        raise ConfigError(
            f"The replicas do not start ({str(error).splitlines()[0]}); "
            "every machine of the cluster needs this package and the checkpoint."
        ) from error
