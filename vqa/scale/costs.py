"""What questions cost and what a number of users needs: arithmetic on measured figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from vqa.errors import ConfigError

USERS = (10, 1_000, 100_000)
MIXES = {"kept": "pictures seen lately", "new": "new pictures"}
_QUIET = 0.1  # share of one core below which hardly two questions meet, so none are batched
_MACHINE = 16  # cores


@dataclass(frozen=True)
class Habits:
    """What is assumed, not measured.

    Attributes:
        seconds: between two questions of a user who is there.
        new: share of the questions that are about a new picture.
        busy: share of a core's time that is planned for; the rest is for rushes.
        price: of one core for an hour, in any money.
    """

    seconds: float = 30.0
    new: float = 0.5
    busy: float = 0.5
    price: float = 0.05


@dataclass(frozen=True)
class Measured:
    """Core time of one question, all of the server's threads together.

    Attributes:
        alone: mix -> milliseconds, when questions come one by one.
        loaded: mix -> milliseconds, when many come at once.
        users: how many they were then.
        picture_kb: size of the pictures' files.
        memory: bytes of one process, the most.
        machine: processor and versions.
    """

    alone: dict[str, float]
    loaded: dict[str, float]
    users: int
    picture_kb: float
    memory: float
    machine: str

    @classmethod
    def of(cls, figures: dict) -> Measured:
        """From what `python -m vqa bench` wrote.

        Raises:
            ConfigError: something is missing.
        """
        try:
            served = figures["service"]["batched"]
            counts = sorted(int(users) for users in served["new"])
            cells = [
                {mix: float(served[mix][str(users)]["server_cpu_ms"]) for mix in MIXES}
                for users in (counts[0], counts[-1])
            ]
            setting = figures["setting"]
            return cls(
                *cells,
                users=counts[-1],
                picture_kb=float(figures["traffic"]["picture_kb"]),
                memory=float(max(size for _, size in figures["memory"]["samples"])),
                machine=f"{setting['cpu']}, cores: {setting['cores']}, PyTorch {setting['torch']}",
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ConfigError(
                f"The figures lack {error}; measure again with: python -m vqa bench --out DIR."
            ) from error


@dataclass(frozen=True)
class Need:
    """What a number of users needs.

    Attributes:
        rate: questions a second. ms: core time of one, milliseconds, of the mix of pictures.
        computing: cores that compute without a pause. cores: to be had.
        megabits: a second, for the pictures. memory: bytes, of one process for each core.
    """

    users: int
    rate: float
    ms: float
    computing: float
    cores: int
    megabits: float
    memory: float


def need(users: int, measured: Measured, habits: Habits) -> Need:
    """Users who are there at the same time."""
    rate = users / habits.seconds
    alone, loaded = (
        habits.new * cell["new"] + (1 - habits.new) * cell["kept"]
        for cell in (measured.alone, measured.loaded)
    )
    ms = alone if rate * alone / 1000 < _QUIET else loaded
    computing = rate * ms / 1000
    cores = ceil(computing / habits.busy)
    megabits = rate * measured.picture_kb * 8 / 1000
    return Need(users, rate, ms, computing, cores, megabits, cores * measured.memory)


def core_hours(ms: float) -> float:
    """Of a million questions that take `ms` of a core each."""
    return ms * 1e6 / 3.6e6


def text(measured: Measured, habits: Habits, replicas: dict | None, command: str) -> list[str]:
    """The paragraphs of docs/scale.md.

    Args:
        replicas: what `vqa.scale.hop.measure` returned, where it was measured.
        command: that wrote them.
    """
    parts = [
        f"Written by:\n\n```sh\n{command}\n```",
        f"Measured on: {measured.machine}. Core time counts every thread of the server: HTTP, "
        "decoding, network, answer.",
        _costs(measured, habits),
        f"core hours = ms x 1,000,000 / 3,600,000. The price of {habits.price:g} for a core hour "
        "is an example, not a measurement; give your own with `--price`.",
        _needs([need(users, measured, habits) for users in USERS], measured, habits),
    ]
    if replicas is not None:
        parts += _hop(replicas, measured, habits)
    return parts


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _costs(measured: Measured, habits: Habits) -> str:
    rows = []
    for when, cell in (
        ("one at a time", measured.alone),
        (f"{measured.users} users at once", measured.loaded),
    ):
        for mix, shown in MIXES.items():
            hours = core_hours(cell[mix])
            price = f"{hours * habits.price:.2f}"
            rows.append((shown, when, f"{cell[mix]:.2f}", f"{hours:.2f}", price))
    head = ("about", "asked", "core ms a question", "core hours a million", "price a million")
    return _table(head, rows)


def _needs(needs: Sequence[Need], measured: Measured, habits: Habits) -> str:
    rows = [
        (
            f"{n.users:,}",
            f"{n.rate:,.1f}",
            f"{n.ms:.2f}",
            f"{n.computing:.2f}",
            f"{n.cores:,}",
            f"{ceil(n.cores / _MACHINE):,}",
            f"{n.memory / 1e9:,.1f}",
            f"{n.megabits:,.1f}",
            f"{n.cores * 730 * habits.price:,.0f}",
        )
        for n in needs
    ]
    head = (
        "users at once",
        "questions a second",
        "core ms each",
        "cores computing",
        "cores to have",
        f"machines of {_MACHINE}",
        "memory, GB",
        "pictures, Mbit/s",
        "price a month",
    )
    return (
        f"A user who is there asks every {habits.seconds:g} s (assumed), "
        f"{100 * habits.new:.0f} % of the questions being about a new picture (assumed): "
        "questions a second = users / seconds; cores computing = questions a second x core ms / "
        f"1000; cores to have = that / {habits.busy:g}, rounded up, so that rushes find room; "
        f"memory = {measured.memory / 1e9:.2f} GB for each core's process; pictures = questions a "
        f"second x {measured.picture_kb:.1f} kB, the size of those measured with, and photographs "
        f"of phones are larger; a month has 730 hours.\n\n{_table(head, rows)}"
    )


def _hop(replicas: dict, measured: Measured, habits: Habits) -> list[str]:
    rows = [
        (size, *(f"{cell[name]:.2f}" for name in ("local_ms", "replica_ms", "front_ms")))
        for size, cell in sorted(replicas["calls"].items(), key=lambda item: int(item[0]))
    ]
    front = min(cell["front_ms"] for cell in replicas["calls"].values())
    most = 1000 / front * habits.busy
    head = ("questions in a call", "one process, ms", "replica, ms", "front's part, ms")
    return [
        "What Ray adds, in core ms for each question about pictures seen lately, without HTTP:",
        _table(head, rows),
        "The front hands a full load over in calls of many. By that part alone it passes on "
        f"{most:,.0f} questions a second (1000 / {front:.2f} x {habits.busy:g}); its HTTP comes on "
        "top, so plan fronts by what `python -m vqa bench` says a process takes.",
    ]
