"""Named builders: one registry per replaceable part (image encoder, fusion, head, ...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from vqa.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps a name to the callable that builds it.

    Args:
        kind: what the names stand for, used in messages ("fusion", "image encoder").
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._builders: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Decorator that files a class or function under `name`; a taken name is a bug.

        A name like "torchvision:NAME" stands for all that begin with "torchvision:"; which one is
        meant, the builder has to find in its arguments.
        """

        def add(builder: Callable[..., T]) -> Callable[..., T]:
            if name in self._builders:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._builders[name] = builder
            return builder

        return add

    def names(self) -> list[str]:
        return sorted(self._builders)

    def build(self, name: str, /, **kwargs) -> T:
        """Builds the part filed under `name`.

        Raises:
            ConfigError: no such name; the message lists the choices.
        """
        head, colon, _ = name.partition(":")
        filed = name if name in self._builders else f"{head}{colon}NAME"
        if filed not in self._builders:
            choices = ", ".join(self.names())
            raise ConfigError(f"Unknown {self.kind} {name!r}; choose one of: {choices}.")
        return self._builders[filed](**kwargs)
