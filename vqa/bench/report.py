"""The report as a Markdown page, written from `figures.json` alone."""

from __future__ import annotations

from collections.abc import Sequence

_MIXES = {"kept": "kept pictures", "new": "new pictures"}
_MODES = {"batched": "batched", "alone": "one at a time"}
_USERS = "64"  # of the bars
_SETTLED = 0.5  # share of the requests after which memory should have settled
MB = 1e6


def markdown(figures: dict) -> str:
    """The page.

    Args:
        figures: what `figures.json` holds.
    """
    setting, traffic = figures["setting"], figures["traffic"]
    parts = [
        "# How quick it is",
        f"```sh\n{setting['command']}\n```",
        f"Machine: {setting['cpu']}, cores: {setting['cores']}, "
        f"PyTorch {setting['torch']}, no GPU. "
        "**Server and load generator share these cores.** Every figure here is from "
        "[figures.json](figures.json), which that command wrote; this page is written from it.",
        "## Bars",
        _bars(figures),
        "## What is asked",
        _asked(traffic, setting),
        *_loads(figures),
        "## Memory",
        _memory(figures["memory"]),
        "## One question, beside other models",
        _single(figures["single"]),
        "## Against the machine",
        _limit(figures),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bars(figures: dict) -> str:
    """What is aimed at and what was measured, with a plain yes or no."""
    rows = []
    single = figures["single"]
    vilt = next((o for o in single["others"] if o["name"].startswith("ViLT")), None)
    if vilt is not None:
        for name, ours in single["ours"].items():
            for mix in _MIXES:
                times = vilt["ms"] / ours[mix]
                what = f"ViLT's time over that of `{name}`, {_MIXES[mix]}"
                rows.append(_bar(what, "at least 20", times, times >= 20))
    service = figures["service"]
    for mix in _MIXES:
        both = [service[mode].get(mix, {}).get(_USERS) for mode in _MODES]
        if all(both):
            gain = both[0]["per_second"] / both[1]["per_second"]
            what = f"throughput with batching over without, {_USERS} users, {_MIXES[mix]}"
            rows.append(_bar(what, "at least 3", gain, gain >= 3))
            p99 = both[0]["p99_ms"]
            what = f"p99 at {_USERS} users, {_MIXES[mix]}, ms"
            rows.append(_bar(what, "at most 1,000", p99, p99 <= 1000))
    memory = figures["memory"]
    most = max(size for _, size in memory["samples"]) / MB
    rows.append(_bar("resident memory, MB, the most", "at most 1,200", most, most <= 1200))
    grown = 100 * (_growth(memory) - 1)
    what = f"its growth over the second half of {memory['requests']:,} requests, %"
    rows.append(_bar(what, "at most 2", grown, grown <= 2))
    return _table(["what", "bar", "measured", "met"], rows)


def _bar(what: str, bar: str, measured: float, met: bool) -> tuple[str, ...]:
    shown = f"{measured:,.1f}" if abs(measured) < 100 else f"{measured:,.0f}"
    return what, bar, shown, "yes" if met else "**no**"


def _asked(traffic: dict, setting: dict) -> str:
    return (
        f"{traffic['questions']:,} different questions in English and Chinese about "
        f"{traffic['pictures']} simulated scenes of 320x240 pixels (JPEG, "
        f"{traffic['picture_kb']:.0f} kB each), one after another, so that consecutive questions "
        f"are about different pictures. The server runs with `--checkpoint "
        f"{setting['checkpoint']}` and keeps no answers: every question is computed. Each user "
        "asks `POST /api/ask` again as soon as the answer is there, picture and all, over a "
        "connection that stays open; times are from the first byte sent to the last received. "
        f"Each load lasts {setting['seconds']} seconds after a start that does not count.\n\n"
        "- *kept pictures*: the server has encoded all of them before, as when people go on asking "
        "about a picture. Questions are hits in its store of encoded pictures.\n"
        "- *new pictures*: no file comes twice (each has another comment in its head), so every "
        "one is decoded and encoded, by the checkpoints that may answer. No question is a hit.\n\n"
        "*Batched*, two batches are under way at once, each on half of the cores, or one on all of "
        "them. *One at a time* is the same server with `--max-batch 1`: one question is under way, "
        "on all cores."
    )


def _loads(figures: dict) -> list[str]:
    head = ["users", "", "answers/s", "p50 ms", "p95 ms", "p99 ms", "questions in a batch"]
    head += ["server's computing, ms", "load generator's, ms", "failed"]
    parts = []
    for mix, title in _MIXES.items():
        rows = []
        for users in figures["service"]["batched"][mix]:
            for mode, name in _MODES.items():
                cell = figures["service"][mode][mix][users]
                rows.append(
                    [
                        users,
                        name,
                        f"{cell['per_second']:,.0f}",
                        *(f"{cell[f'p{p}_ms']:,.0f}" for p in (50, 95, 99)),
                        f"{cell['batch']:.1f}",
                        f"{cell['server_cpu_ms']:.1f}",
                        f"{cell['client_cpu_ms']:.2f}",
                        str(cell["failed"]),
                    ]
                )
        parts += [f"## Load: {title}", _table(head, rows)]
    parts.append(
        "*Computing* is processor time for each answer, of all threads. Where pictures are new, "
        "encoding them is nearly all of it, and takes the same arithmetic in a batch as alone; see "
        "below."
    )
    return parts


def _growth(memory: dict) -> float:
    """Memory at the end over memory when it should have settled."""
    samples = memory["samples"]
    settled = [size for done, size in samples if done >= _SETTLED * memory["requests"]]
    return settled[-1] / settled[0]


def _memory(memory: dict) -> str:
    samples = memory["samples"]
    picked = [samples[min(len(samples) - 1, len(samples) * k // 4)] for k in range(5)]
    rows = [["0", f"{memory['start'] / MB:,.0f}"]]
    rows += [[f"{done:,}", f"{size / MB:,.0f}"] for done, size in dict(picked).items()]
    return (
        f"{memory['requests']:,} questions from {_USERS} users, every second one about a new "
        f"picture, {memory['failed']} failed. The store of encoded pictures fills on the way and "
        f"holds {memory['cached'] / MB:,.0f} MB at the end.\n\n"
        + _table(["answers so far", "resident MB"], rows)
    )


def _single(single: dict) -> str:
    rows = [
        [
            f"`{name}`, {_MIXES[mix]}",
            "file to answer: decoding, preprocessing, model, words",
            "",
            f"{ours[mix]:.1f}",
        ]
        for name, ours in single["ours"].items()
        for mix in _MIXES
    ]
    rows += [
        [o["name"], o["does"], f"{o['weights']:.0f}", f"{o['ms']:.0f}"] for o in single["others"]
    ]
    text = (
        f"Median of {single['rounds']} rounds in one process, {single['threads']} computing "
        "threads, with the server's settings of the heap; in each round all take a turn, in an "
        "order drawn anew.\n\n" + _table(["", "what is timed", "million weights", "ms"], rows)
    )
    if not single["others"]:
        return text
    return text + (
        "\n\nOf the others the model alone is timed: decoding, scaling and tokenising come on top "
        "for them, while ours are included. They have random weights, which take the time of "
        "trained ones. They answer open questions about everyday photographs, which ours largely "
        "cannot: this compares speed, not what is known. `auto` encodes a new picture with a "
        "second checkpoint only where that one may know more about it."
    )


def _limit(figures: dict) -> str:
    limit = figures["machine_limit"]
    rows = []
    for name, c in limit["checkpoints"].items():
        possible = limit["gflops"] / c["gflop"]
        reached, whole = (1000 * limit["batch"] / c[key] for key in ("network_ms", "whole_ms"))
        rows.append(
            [
                f"`{name}`",
                f"{c['gflop']:.2f}",
                f"{possible:,.0f}",
                f"{reached:,.0f} ({100 * reached / possible:.0f} %)",
                f"{whole:,.0f} ({100 * whole / possible:.0f} %)",
                f"{1000 * limit['batch'] / c['kept_ms']:,.0f}",
            ]
        )
    head = ["", "GFLOP a question", "possible/s", "network alone/s", "files to answers/s"]
    text = _table([*head, "files to answers/s, kept pictures"], rows)
    served = figures["service"]["batched"]["new"]
    users = max(served, key=int)
    spoke = served[users]["checkpoints"]
    mean = sum(limit["checkpoints"][n]["gflop"] * k for n, k in spoke.items()) / sum(spoke.values())
    return (
        f"The machine multiplies matrices of 2048x2048 (float32) at {limit['gflops']:.0f} GFLOP/s "
        f"with {limit['threads']} threads. *Possible* is that rate over the operations of one "
        f"question about a new picture, counted by PyTorch; the others were measured in batches of "
        f"{limit['batch']}, without HTTP.\n\n{text}\n\n"
        f"Served over HTTP, {users} users get {served[users]['per_second']:,.0f} answers/s about "
        f"new pictures, of {limit['gflops'] / mean:,.0f} possible: {mean:.2f} GFLOP a question, "
        f"encoded by {' and '.join(f'`{name}`' for name in spoke)}."
    )
