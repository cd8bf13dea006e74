"""What a backend would answer, made here: maps of bricks and a sheet of variations, small and quick."""

import numpy as np

from backlot.shared.values import Image

RNG = np.random.default_rng(5)
WIDTH_M, DEPTH_M = 1.4, 0.012
GAP = 4


def bricks(width=64, height=64):
    """The maps of a stack as texture.generate gives them: 8 bits, the height 16; metallic the same all over."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    row = y // (height // 4)
    joint = (y % (height // 4) < 3) | ((x + (row % 2) * (width // 4)) % (width // 2) < 3)
    noise = RNG.normal(0, 4, (height, width, 1))
    color = np.where(joint[..., None], [180.0, 175.0, 165.0], [150.0, 70.0, 50.0]) + noise
    height_map = np.where(joint, 9000, 50000) + RNG.integers(0, 999, (height, width))
    normal = np.zeros((height, width, 3), np.uint8) + np.array([128, 128, 255], np.uint8)
    normal[joint, 0] = 90
    return {
        "base_color": Image(color.clip(0, 255).astype(np.uint8), "srgb"),
        "height": Image(height_map.astype(np.uint16)[..., None], "data"),
        "normal": Image(normal, "data"),
        "roughness": Image(np.where(joint, 230, 160).astype(np.uint8)[..., None], "data"),
        "metallic": Image(np.zeros((height, width, 1), np.uint8), "data"),
        "ambient_occlusion": Image(np.where(joint, 150, 255).astype(np.uint8)[..., None], "data"),
    }


def attributes(roughness=0.8):
    """The attributes of one variation, as a report gives them."""
    return {"color": [0.6, 0.3, 0.2], "gap_color": [0.7, 0.7, 0.6], "roughness": roughness, "metallic": 0.0, "scale": 0.5, "wetness": 0.1}


def material(**report):
    """The outputs of texture.generate."""
    said = {
        "understood": ["brick"], "unknown": [], "attributes": attributes(), "families": {"brick": 0.9, "moss": 0.1}, "seed": 11,
        "width_m": WIDTH_M, "depth_m": DEPTH_M, "layout": "running_bond", **report,
    }  # fmt: skip
    return {**bricks(), "report": said}


def variations(seeds=(11, 12, 13, 14), columns=2, **report):
    """The outputs of texture.variations; each thumbnail has one grey of its own."""
    rows = -(-len(seeds) // columns)
    step = 160 + GAP
    sheet = np.zeros((max(1, rows * step - GAP), columns * step - GAP, 3), np.uint8)
    for number in range(len(seeds)):
        row, column = divmod(number, columns)
        sheet[row * step : row * step + 160, column * step : column * step + 160] = 20 * (number + 1)
    said = {
        "rows": rows, "columns": columns, "count": len(seeds), "seeds": list(seeds), "unknown": [], "gap": GAP,
        "families": [{"brick": 1.0}] * len(seeds), "notes": [],
        "attributes": [attributes(0.1 * (number + 1)) for number in range(len(seeds))], "width_m": WIDTH_M, **report,
    }  # fmt: skip
    return {"sheet": Image(sheet, "srgb"), "report": said}
