"""How a scene looks: camera, lamps, materials, exposure, all drawn at random per picture.

Ranges are centred on CLEVR's set-up (three area lamps, each axis jittered by up to 1.0; the
brightness of lamps, ground and materials was fitted to renders of CLEVR's generator, mean error
6 of 255) and reach beyond it, so that a model trained on our pictures meets other
renderers inside its experience (domain randomisation, Tobin et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vqa.world.geometry import CAMERA, CAMERA_JITTER
from vqa.world.scene import Scene

# Linear RGB / 255 (CLEVR's properties file).
COLOR_RGB = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
# Key, fill and back lamp: position, relative power, half side of the emitting square.
LAMPS = (
    ((6.45, -2.91, 4.26), 1.0, 0.9),
    ((-4.67, -4.01, 3.01), 0.48, 0.9),
    ((-1.11, 2.65, 5.82), 0.95, 0.9),
)
LAMP_JITTER = 1.0


@dataclass(frozen=True)
class Look:
    """Everything about a picture that is not in its labels. Arrays are float32, colours linear.

    Attributes:
        camera: (3,) position.
        lamps: (L, 3) positions; power: (L, 3) radiant power by channel; lamp_size: (L,) half side.
        ambient: light from everywhere, linear.
        sky: brightness of what glossy surfaces reflect above the horizon.
        bounce: share of the ground's light that reaches things from below.
        ground: (3,) albedo.
        albedo: (N, 3) colour of each object.
        gloss: (N,) strength of the highlight on rubber, share of mirrored light on metal.
        roughness: (N,) softness of mirrored lamps, radians.
        bevel: (N,) radius of rounded edges as a share of the object's half width.
        exposure: factor on linear light. blur: standard deviation in pixels of a 320 px image.
        grain: standard deviation of noise in units of 1/255.
    """

    camera: np.ndarray
    lamps: np.ndarray
    power: np.ndarray
    lamp_size: np.ndarray
    ambient: float
    sky: float
    bounce: float
    ground: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    roughness: np.ndarray
    bevel: np.ndarray
    exposure: float
    blur: float
    grain: float


def sample_camera(rng: np.random.Generator) -> np.ndarray:
    """(3,) camera position with CLEVR's jitter."""
    jitter = rng.uniform(-CAMERA_JITTER, CAMERA_JITTER, 3)
    return (np.array(CAMERA) + jitter).astype(np.float32)


def sample_look(
    scene: Scene, rng: np.random.Generator, camera: np.ndarray, variety: float = 1.0
) -> Look:
    """Draws a look for `scene`.

    Args:
        variety: 0 gives CLEVR's own set-up with only its lamp jitter, 1 the full training range.
    """

    def spread(center: float, factor: float) -> float:
        """Log-uniform within `factor` of the centre, narrowed by `variety`."""
        return float(center * factor ** (variety * rng.uniform(-1, 1)))

    count = len(scene)
    places = np.array([p for p, _, _ in LAMPS]) + rng.uniform(-LAMP_JITTER, LAMP_JITTER, (3, 3))
    places += variety * rng.normal(0, 0.3, (3, 3))
    power = np.array([[p * spread(1.0, 1.6)] * 3 for _, p, _ in LAMPS])
    power *= 1 + variety * rng.uniform(-0.06, 0.06, (3, 3))
    size = np.array([spread(s, 1.5) for _, _, s in LAMPS])
    metal = np.array([o.material == "metal" for o in scene.objects])
    cylinder = np.array([o.shape == "cylinder" for o in scene.objects])
    base = np.array([COLOR_RGB[o.color] for o in scene.objects]) / 255.0
    albedo = 0.74 * base * (1 + variety * rng.uniform(-0.12, 0.12, (count, 3)))
    albedo = albedo * (1 + variety * rng.uniform(-0.12, 0.12, (count, 1)))
    gloss = np.where(metal, 0.8, 0.02) * (1 + variety * rng.uniform(-0.25, 0.25, count))
    roughness = np.where(metal, 0.08, 0.45) * np.exp(variety * rng.uniform(-0.6, 0.6, count))
    bevel = np.where(cylinder, 0.06, 0.13) * np.exp(variety * rng.uniform(-0.7, 0.5, count))
    return Look(
        camera=camera.astype(np.float32),
        lamps=places.astype(np.float32),
        power=power.astype(np.float32),
        lamp_size=size.astype(np.float32),
        ambient=spread(0.23, 1.5),
        sky=spread(0.03, 2.5),
        bounce=spread(0.3, 1.5),
        ground=(0.54 * spread(1.0, 1.25) * (1 + variety * rng.uniform(-0.05, 0.05, 3))).astype(
            np.float32
        ),
        albedo=albedo.clip(0.005, 1.0).astype(np.float32),
        gloss=gloss.astype(np.float32),
        roughness=roughness.astype(np.float32),
        bevel=bevel.astype(np.float32),
        exposure=spread(1.0, 1.3),
        blur=float(max(0.0, 0.55 + variety * rng.uniform(-0.35, 0.5))),
        grain=float(max(0.0, 0.4 + variety * rng.uniform(-0.4, 1.2))),
    )


def plain_look(scene: Scene, camera: np.ndarray) -> Look:
    """CLEVR's own set-up without any jitter, seen from `camera` (3,)."""
    steady = np.random.default_rng(0)
    look = sample_look(scene, steady, camera, variety=0.0)
    lamps = np.array([place for place, _, _ in LAMPS], dtype=np.float32)
    return replace(look, lamps=lamps)
