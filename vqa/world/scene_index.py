"""A scene as bitmasks, so that a program runs in microseconds.

A set of objects is an int whose bit i stands for object i.
"""

from __future__ import annotations

from vqa.world.scene import ATTRIBUTES, DIRECTIONS, Scene

ATTRIBUTE_NAMES = ("size", "color", "material", "shape")  # bit k of a subset stands for the k-th


def ids_of(mask: int) -> list[int]:
    """The object ids in `mask`, ascending."""
    ids = []
    while mask:
        low = mask & -mask
        ids.append(low.bit_length() - 1)
        mask ^= low
    return ids


class SceneIndex:
    """Everything a program asks of a scene, computed once.

    Attributes:
        scene: the scene.
        size: number of objects.
        all: mask of every object.
        filters: attribute -> value -> mask of the objects with that value.
        relations: direction -> for each object a, mask of the objects that way of a.
        same: attribute -> for each object a, mask of the other objects sharing a's value.
        values: attribute -> for each object, its value.
        subsets: for each object, 16 masks: entry s holds the objects that agree with it in all
            attributes of `ATTRIBUTE_NAMES` whose bit is set in s.
    """

    def __init__(self, scene: Scene) -> None:
        objects = scene.objects
        self.scene = scene
        self.size = len(objects)
        self.all = (1 << self.size) - 1
        self.values = {a: [o.attribute(a) for o in objects] for a in ATTRIBUTES}
        self.filters = {a: dict.fromkeys(values, 0) for a, values in ATTRIBUTES.items()}
        for attribute, values in self.values.items():
            masks = self.filters[attribute]
            for i, value in enumerate(values):
                masks[value] |= 1 << i
        self.relations = {
            d: [sum(1 << j for j in ids) for ids in scene.relations[d]] for d in DIRECTIONS
        }
        self.same = {
            a: [self.filters[a][value] & ~(1 << i) for i, value in enumerate(values)]
            for a, values in self.values.items()
        }
        self.subsets = [self._subsets(i) for i in range(self.size)]

    def _subsets(self, i: int) -> list[int]:
        single = [self.filters[a][self.values[a][i]] for a in ATTRIBUTE_NAMES]
        masks = [self.all] * 16
        for s in range(1, 16):
            low = s & -s
            masks[s] = masks[s ^ low] & single[low.bit_length() - 1]
        return masks
