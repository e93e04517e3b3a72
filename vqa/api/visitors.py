"""What Gradio keeps of every visitor, cut down to what the page needs and for as long as it does.

Gradio gives each session a copy of the whole page's description, for links that we make ourselves
(`vqa.page.links`), and never forgets the names of sessions and uploads. Nothing of it can be set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from time import monotonic
from types import SimpleNamespace

import gradio.utils
from gradio import Blocks
from gradio.routes import App, file_upload_statuses
from gradio.state_holder import SessionState, StateHolder

IDLE_SECONDS = 300.0  # longer than an upload may take
_TIDY_SECONDS = 60.0


class _Session(SessionState):
    """Without the page's description and the values that were sent and shown, 110 kB and 15 ms."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: object) -> None:
        pass


class Visitors(StateHolder):
    """Makes sessions that hold what is in `gr.State` and little more."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)


class Idle:
    """Tells which names have lain idle for a while.

    Args:
        seconds: how long.
        now: a clock, in seconds.
    """

    def __init__(self, seconds: float = IDLE_SECONDS, now: Callable[[], float] = monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._since: dict[str, float] = {}

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of the idle `names` that were so at every call since `seconds` ago."""
        now = self._now()
        self._since = {name: self._since.get(name, now) for name in names}
        return [name for name, since in self._since.items() if now - since >= self._seconds]


class Tidying:
    """Drops what nobody will come back for: answers never fetched, names of sessions and uploads.

    Args:
        page: whose queue and files.
        now: a clock, in seconds.
    """

    def __init__(self, page: Blocks, now: Callable[[], float] = monotonic) -> None:
        self._page = page
        self._sessions, self._uploads = Idle(now=now), Idle(now=now)

    async def for_ever(self) -> None:
        """Once a minute, in the loop that serves, so that no request sees half of it."""
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            self.once()

    def once(self) -> None:
        """To be called every minute or so."""
        queue, uploads = self._page._queue, file_upload_statuses
        names = queue.pending_event_ids_session.keys() | queue.pending_messages_per_session.keys()
        busy = {event.session_hash for event in queue.event_ids_to_events.values()}
        for name in self._sessions.among(names - busy):
            queue.pending_messages_per_session.pop(name, None)
            queue.pending_event_ids_session.pop(name, None)
        for name in self._uploads.among(uploads._signals.keys() | uploads._statuses.keys()):
            uploads._signals.pop(name, None)
            uploads.stop_tracking(name)
        # The files themselves go by `sweep_uploads`.
        for files in self._page.temp_file_sets:
            files.clear()


def keep_little(app: App, page: Blocks) -> asyncio.Task:
    """Makes a server that starts keep little; to be called in its loop before the first request.

    Returns:
        The tidying, to be cancelled when the server stops.
    """
    # It would load matplotlib, 25 MB, around every event, for plots that the page has none of.
    gradio.utils.MatplotlibBackendMananger = nullcontext
    app.state_holder = Visitors()
    app.state_holder.set_blocks(page)
    return asyncio.create_task(Tidying(page).for_ever())
