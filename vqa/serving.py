"""Serves page and API: `python app.py` or `python -m vqa serve`, then open the address it prints.

Nothing heavy is imported before the options are checked, so mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import ipaddress
import logging
import os
import re
import shutil
import signal
import socket
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

from vqa.errors import ConfigError, VQAError
from vqa.heap import return_large_blocks
from vqa.options import OneLineParser, number
from vqa.speech.names import AUTO, OFF, read_name

_STOP_SECONDS = 20  # for what was accepted to be answered
# Longer than clients and proxies keep an idle connection (60 to 90 s): the side that asks is to
# close it, else what it sends at that moment is lost.
_IDLE_SECONDS = 120
MCP_PATH = "/gradio_api/mcp/"
_SWEEP_SECONDS = 60
_UNITS = {"": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30}


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The options, checked. Leaves the process with code 2 and one line when one is wrong."""
    parser = OneLineParser(
        prog="app.py", description="Serve the page on which people ask pictures."
    )
    parser.add_argument(
        "--checkpoint",
        default="auto",
        metavar="NAME_OR_DIR",
        help="auto: each question goes to the shipped one that knows most about it",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps, ...")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all networks")
    parser.add_argument("--port", default=7860, type=number(0, 65535), help="0 for any free one")
    parser.add_argument("--share", action="store_true", help="also get a public link")
    parser.add_argument("--auth", type=_credentials, metavar="USER:PASSWORD")
    parser.add_argument("--queue-size", default=64, type=number(1, 10_000))
    parser.add_argument(
        "--replicas",
        type=_replicas,
        metavar="2 or 1-8",
        help="answer in this many processes of a Ray cluster; a range follows the load",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="of the cluster for --replicas, or auto; without it they run on this machine",
    )
    parser.add_argument("--max-upload", default="10mb", type=parse_size, metavar="SIZE")
    parser.add_argument(
        "--max-batch",
        default=32,
        type=number(1, 1024),
        help="questions answered together; 1: each by itself (32)",
    )
    parser.add_argument(
        "--mcp", action="store_true", help="also answer AI assistants, by the MCP protocol"
    )
    parser.add_argument(
        "--speech",
        default=AUTO,
        type=_speech,
        metavar="NAME",
        help="who writes down spoken questions: own, own:DIR, whisper, whisper:NAME_OR_DIR "
        "(needs transformers), off; auto: own where its checkpoint is",
    )
    parser.add_argument(
        "--flags",
        type=Path,
        metavar="DIR",
        help="let visitors correct answers; what they send is kept in DIR, to be trained on",
    )
    return parser.parse_args(argv)


def _speech(text: str) -> str:
    try:
        read_name(text, (AUTO, OFF))
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def parse_size(text: str) -> int:
    """Bytes in a size like "10mb", "500 KB" or "1.5gb".

    Raises:
        argparse.ArgumentTypeError: it is no such size, or smaller than 1 KB.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]b)?\s*", text.lower())
    size = int(float(found[1]) * _UNITS[found[2] or ""]) if found else 0
    if size < 2**10:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size of at least 1kb, like 10mb")
    return size


def _replicas(text: str) -> tuple[int, int]:
    fewest, dash, most = text.partition("-")
    try:
        read = number(1, 1000)
        found = read(fewest), read(most if dash else fewest)
    except argparse.ArgumentTypeError:
        found = (2, 1)
    if found[0] > found[1]:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of replicas like 2, or fewest and most like 1-8, up to 1000"
        )
    return found


def _credentials(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    if not user or not password:
        # Not the text itself: it may hold a password.
        raise argparse.ArgumentTypeError("it must have the form USER:PASSWORD")
    return user, password


def check_address(host: str, port: int) -> int:
    """The port to listen on: `port`, or a free one for 0.

    Raises:
        ConfigError: the port is taken or not allowed, or the host is not of this machine.
    """
    with contextlib.suppress(ValueError):
        host = str(ipaddress.ip_address(host.strip("[]")))
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(os.name != "nt"))
            probe.bind(address)
            return probe.getsockname()[1]
    except OSError as error:
        raise ConfigError(
            f"Cannot listen on {host} port {port} ({error.strerror or error}); "
            "choose another with --port or --host."
        ) from error


def serve(predictor, name: str, options: argparse.Namespace) -> None:
    """Serves page and API until SIGTERM or Ctrl-C, then answers what was accepted.

    Args:
        predictor: answers the questions (see `vqa.batching.BatchPredictor`).
        name: of the checkpoint, as the page shows it.
        options: from `parse_args`.
    """
    # Before Gradio is imported: it would send usage statistics and ask for its newest version.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # Nor is its dashboard served, for which it would make tables of 10,000 events after each event.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**15)
    # It would serve files from there.
    os.environ.pop("GRADIO_ALLOWED_PATHS", None)
    from vqa.api.discretion import log_discreetly, sweep_uploads, upload_folder

    uploads = upload_folder()
    sweep_uploads(uploads)
    from vqa.api.app import build_api
    from vqa.api.gate import ApiLimits
    from vqa.batching import Batcher
    from vqa.flags import Flags
    from vqa.page.layout import CheckpointInfo, PageLimits, build_page
    from vqa.page.style import page_style
    from vqa.speech.listening import choose

    log_discreetly()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # It warns of every form that is none, and the sender is told anyway.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    stop = _stop_signal()
    port = check_address(options.host, options.port)
    flags = Flags(options.flags) if options.flags else None
    batcher = Batcher(
        predictor,
        most=options.max_batch,
        waiting=options.queue_size,
        **side_by_side(predictor, options),
    )
    listener, unheard = choose(options.speech, getattr(predictor, "device", "cpu"))
    api = build_api(
        batcher, ApiLimits(options.max_upload), options.queue_size, options.auth, listener
    )
    # As many at once as the batcher makes good use of; Gradio has 40 threads for everything.
    limits = PageLimits(options.max_upload, options.queue_size, min(options.queue_size, 24))
    summary = {"en": predictor.card.get("summary"), "zh": predictor.card.get("summary_zh")}
    said = {code: text for code, text in summary.items() if text}
    choices = batcher.choices
    heard = None if listener is None else listener.card
    info = CheckpointInfo(
        "" if choices else name, said, choices, _examples(predictor), _cards(predictor), heard
    )
    page = build_page(batcher, info, limits, flags, listener)
    if options.share:
        print("Asking for a public link, which may take half a minute ...", flush=True)
    # Gradio explains a failed link in many lines; one of our own follows instead.
    with contextlib.redirect_stdout(io.StringIO()):
        page.launch(
            server_name=options.host,
            server_port=port,
            auth=options.auth,
            max_file_size=options.max_upload,
            share=options.share,
            quiet=True,
            run_history=False,
            ssr_mode=False,
            prevent_thread_lock=True,
            state_session_capacity=1000,
            mcp_server=options.mcp,
            app_kwargs={"lifespan": _beside(api, page)},
            **page_style(),
        )
    # Read for each new connection. Gradio hands no such option on; uvicorn's 5 s also close one
    # with a question not yet read when the process was held up for so long (on uvloop).
    page.server.config.timeout_keep_alive = _IDLE_SECONDS
    print(f"The page is at {page.local_url}", flush=True)
    if listener is None:
        print(f"No microphone: {unheard}", flush=True)
    if options.mcp:
        print(f"AI assistants connect to {page.local_url.rstrip('/')}{MCP_PATH}", flush=True)
    if page.share_url:
        print(f"Public link, for everybody who has it: {page.share_url}", flush=True)
    elif options.share:
        print("No public link: its service cannot be reached; the local page stays up.", flush=True)
    # What is loaded stays. Left out, the collector is quick and comes by more often: what failed
    # holds its picture until then.
    gc.collect()
    gc.freeze()
    # In turns: on Windows a signal does not end a wait.
    swept = time.monotonic()
    while not stop.wait(1):
        if time.monotonic() > swept + _SWEEP_SECONDS:
            sweep_uploads(uploads)
            swept = time.monotonic()
    _stop(api, batcher, page)
    shutil.rmtree(uploads, ignore_errors=True)


def side_by_side(predictor, options: argparse.Namespace) -> dict:
    """How a `Batcher` shares out the work."""
    askers = getattr(predictor, "askers", None)
    if askers is not None:
        # Replicas wait for others themselves.
        return {"wait_ms": 0.0, "askers": min(askers, options.queue_size)}
    import torch

    cores = torch.get_num_threads()
    if predictor.device.type != "cpu" or cores < 2 or options.max_batch == 1:
        return {}
    return {"askers": 2, "cores": cores}


def _check_mcp(options: argparse.Namespace) -> None:
    """Raises ConfigError when --mcp cannot be had; Gradio would go on without it."""
    if options.mcp and options.auth:
        raise ConfigError(
            "--mcp and --auth do not go together: assistants cannot log in; leave one out."
        )
    if options.mcp and find_spec("mcp") is None:
        raise ConfigError("--mcp needs the package mcp; run pip install -r requirements-mcp.txt.")


def _check_ray(options: argparse.Namespace) -> None:
    """Raises ConfigError when --replicas cannot be had."""
    if options.ray and not options.replicas:
        raise ConfigError("--ray is for replicas; say how many with --replicas.")
    if options.replicas and find_spec("ray") is None:
        raise ConfigError("--replicas needs Ray; run pip install -r requirements-scale.txt.")


def _beside(api, page):
    """A lifespan for Gradio's app that puts the API beside it.

    `launch` stays, for the sake of its public link, login and limits. The API is not among
    Gradio's routes: its middleware allows every site to read answers, with the visitor's login,
    wherever the host is not localhost.
    """
    from vqa.api.gate import Front
    from vqa.api.page_gate import PageGate
    from vqa.api.visitors import keep_little

    # Events that the browser handles alone have no function here.
    inputs = {number: len(event.inputs) for number, event in page.fns.items() if event.fn}
    names = {
        event.api_name: number
        for number, event in page.fns.items()
        if event.api_name and event.api_visibility == "public"
    }

    @contextlib.asynccontextmanager
    async def lifespan(app):
        # Built when the server starts, before the first request.
        gated = PageGate(app.middleware_stack, inputs, names, api.limits, api.attempts)
        app.middleware_stack = Front(api, gated)
        tidying = keep_little(app, page)
        yield
        tidying.cancel()

    return lifespan


def _stop_signal() -> threading.Event:
    """Set by SIGTERM and Ctrl-C; a second one ends the process at once."""
    stop = threading.Event()

    def handle(number, frame):
        stop.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def _stop(api, batcher, page) -> None:
    """Takes nothing more, waits until what was accepted is answered, closes."""
    end = time.monotonic() + _STOP_SECONDS
    # /readyz says 503 from here on; the address stays open to say so.
    api.stop()
    while api.active and time.monotonic() < end:
        time.sleep(0.02)
    everybody = batcher.close(max(end - time.monotonic(), 0))
    # The page's last answers leave through Gradio's queue, which drops them when it closes.
    time.sleep(0.3)
    with contextlib.redirect_stdout(io.StringIO()):
        page.close()
    said = "Stopped." if everybody else "Stopped; some questions were left unanswered."
    with contextlib.suppress(BrokenPipeError):  # who read along may have gone
        print(said, flush=True)


def _examples(predictor) -> Path | None:
    """The folder of examples in a checkpoint's own; None where the page's own ones fit, which
    show simulated scenes."""
    checkpoint = getattr(predictor, "checkpoint", None)
    if checkpoint is None or checkpoint.card.get("training", {}).get("recipe") == "scenes":
        return None
    return checkpoint.folder / "examples"


def _cards(predictor) -> tuple[dict, ...]:
    """The cards of all checkpoints that may speak."""
    own = [predictor.card] if getattr(predictor, "checkpoint", None) else []
    return tuple(own or (p.card for p in getattr(predictor, "predictors", {}).values()))


def main(argv: list[str] | None = None) -> int:
    """Runs the app; returns the exit code: 0, 2 after an error that the user can mend, 130 when
    interrupted while starting."""
    options = parse_args(sys.argv[1:] if argv is None else argv)
    return_large_blocks()
    try:
        _check_mcp(options)
        check_address(options.host, options.port)
        _check_ray(options)
        name = os.path.basename(os.path.normpath(options.checkpoint))
        if options.replicas:
            from vqa.scale.ray_app import fleet

            print("Starting the replicas ...", flush=True)
            with fleet(
                options.checkpoint,
                options.device,
                options.replicas,
                options.ray,
                options.max_batch,
            ) as found:
                serve(found, name, options)
            return 0
        from vqa import load_predictor

        predictor = load_predictor(options.checkpoint, device=options.device)
        predictor.warm_up()
        serve(predictor, name, options)
    except VQAError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before there was anything to stop in order
        print("app.py: stopped.", file=sys.stderr)
        return 130
    return 0
