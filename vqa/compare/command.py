"""`python -m vqa compare`: options in, a folder with report and plots out."""

from __future__ import annotations

import os
import platform
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from vqa.options import public
from vqa.outputs import check_new, made


def compare(options: Namespace) -> int:
    """Trains presets side by side and writes the report."""
    import torch

    from vqa.checkpoint import write_json
    from vqa.compare.contenders import read_contenders
    from vqa.compare.plots import draw
    from vqa.compare.report import markdown
    from vqa.compare.study import HELD_OUT, RELATIONS, Study
    from vqa.device import pick_device
    from vqa.world.families import FAMILIES

    contenders = read_contenders(options.presets)
    device = pick_device(options.device)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    check_new(options.out)
    with made(options.out), TemporaryDirectory(prefix="vqa-compare-") as scratch:
        study = Study(contenders, options.budget, Path(scratch), device, options.workers)
        rows = study.run()
        guess = study.guess()
    first = contenders[0].config
    report = {
        "command": public(options.typed),
        "budget": options.budget.text,
        "seed": first.seed,
        "languages": list(first.languages),
        "training_scenes": first.imagined,
        "held_out_scenes": HELD_OUT,
        "relations": list(RELATIONS),
        "machine": {
            "device": str(device),
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "commonest_answer": guess,
        "contenders": rows,
    }
    write_json(options.out / "report.json", report)
    text = markdown(report, list(FAMILIES))
    (options.out / "report.md").write_text(text, encoding="utf-8")
    draw(rows, guess, ["all", "relations", *FAMILIES], options.out)
    print(f"{options.out}: {', '.join(sorted(p.name for p in options.out.iterdir()))}")
    return 0


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
