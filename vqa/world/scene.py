"""Scenes with exact labels, in memory and in CLEVR's file format.

A scene is a list of objects standing on the ground plane z = 0, with attributes, positions and
the pairwise relations left / right / front / behind. The facts (attribute values, directions,
margins) are those of CLEVR (Johnson et al. 2017, section 3 and its published generator).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vqa.errors import DataError

COLORS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
SHAPES = ("cube", "sphere", "cylinder")
SIZES = ("large", "small")
MATERIALS = ("rubber", "metal")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "color": COLORS,
    "shape": SHAPES,
    "size": SIZES,
    "material": MATERIALS,
}

# Unit directions on the ground plane, those of the camera without jitter.
DIRECTIONS: dict[str, tuple[float, float]] = {
    "left": (-0.6563, -0.7545),
    "right": (0.6563, 0.7545),
    "front": (0.7545, -0.6563),
    "behind": (-0.7545, 0.6563),
}
RELATION_MARGIN = 0.2  # b is left of a when (b - a) . left > 0.2
RADIUS = {"large": 0.7, "small": 0.35}


@dataclass(frozen=True)
class SceneObject:
    """One object.

    Attributes:
        color, shape, size, material: values of `ATTRIBUTES`.
        position: (x, y, z) of the centre in world units.
        rotation: turn about the vertical axis, degrees in [0, 360).
        pixel: (u, v, distance): projected centre in pixels of a 320x240 image and its distance
            from the camera in world units.
        visible_pixels: how many pixels of a 320x240 image show the object; None when unknown.
    """

    color: str
    shape: str
    size: str
    material: str
    position: tuple[float, float, float]
    rotation: float = 0.0
    pixel: tuple[float, float, float] = (0.0, 0.0, 0.0)
    visible_pixels: int | None = None

    def attribute(self, name: str) -> str:
        return getattr(self, name)


@dataclass(frozen=True)
class Scene:
    """Objects and their relations.

    Attributes:
        objects: the objects; an object's id is its place in this tuple.
        relations: direction -> for each object a, the ids of the objects that stand that way
            of a ("left"[a] are the objects left of a).
        filename: name of the picture, empty when there is none.
        index: number of the picture in its set.
    """

    objects: tuple[SceneObject, ...]
    relations: dict[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    filename: str = ""
    index: int = 0

    def __len__(self) -> int:
        return len(self.objects)


def relations_of(positions: list[tuple[float, float, float]]) -> dict:
    """Relations of objects at `positions` (world units), as `Scene.relations` holds them."""
    relations = {}
    for name, (dx, dy) in DIRECTIONS.items():
        along = [x * dx + y * dy for x, y, _ in positions]
        relations[name] = tuple(
            tuple(j for j, b in enumerate(along) if j != i and b - a > RELATION_MARGIN)
            for i, a in enumerate(along)
        )
    return relations


def make_scene(objects: list[SceneObject], filename: str = "", index: int = 0) -> Scene:
    """A scene of `objects` with its relations computed from their positions."""
    relations = relations_of([o.position for o in objects])
    return Scene(tuple(objects), relations, filename, index)


def scene_to_clevr(scene: Scene, split: str = "new") -> dict:
    """The scene as one entry of CLEVR's scenes.json."""
    objects = []
    for o in scene.objects:
        entry = {name: o.attribute(name) for name in ("shape", "size", "material", "color")}
        entry["3d_coords"] = list(o.position)
        entry["rotation"] = o.rotation
        entry["pixel_coords"] = list(o.pixel)
        if o.visible_pixels is not None:
            entry["visible_pixels"] = o.visible_pixels
        objects.append(entry)
    directions = {name: [dx, dy, 0.0] for name, (dx, dy) in DIRECTIONS.items()}
    directions |= {"above": [0.0, 0.0, 1.0], "below": [0.0, 0.0, -1.0]}
    return {
        "split": split,
        "image_index": scene.index,
        "image_filename": scene.filename,
        "objects": objects,
        "directions": directions,
        "relationships": {k: [list(ids) for ids in v] for k, v in scene.relations.items()},
    }


def scene_from_clevr(entry: dict) -> Scene:
    """Reads one entry of CLEVR's scenes.json; relations are taken as written.

    Raises:
        DataError: a field is missing or holds an unknown value; names the picture.
    """
    name = str(entry.get("image_filename", "?"))
    try:
        objects = []
        for o in entry["objects"]:
            for attribute, values in ATTRIBUTES.items():
                if o[attribute] not in values:
                    raise DataError(
                        f"Scene {name}: {attribute} {o[attribute]!r} is not one of "
                        f"{', '.join(values)}; correct the scene file."
                    )
            objects.append(
                SceneObject(
                    color=o["color"],
                    shape=o["shape"],
                    size=o["size"],
                    material=o["material"],
                    position=tuple(o["3d_coords"]),
                    rotation=float(o.get("rotation", 0.0)),
                    pixel=tuple(o["pixel_coords"]),
                    visible_pixels=o.get("visible_pixels"),
                )
            )
        if "relationships" in entry:
            relations = {
                k: tuple(tuple(ids) for ids in entry["relationships"][k]) for k in DIRECTIONS
            }
        else:
            relations = relations_of([o.position for o in objects])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"Scene {name}: field {error} is missing or malformed; "
            "the file must follow CLEVR's scenes.json."
        ) from error
    return Scene(tuple(objects), relations, name, int(entry.get("image_index", 0)))
