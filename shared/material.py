"""What a generated material is described by: its family and its attributes.

The same list makes the sliders of ``texture.generate``, the conditioning vector of the model, the labels of the training data and
what a prompt is translated to. Attribute values are 0..1; colours are display-encoded sRGB, three numbers in 0..1.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of material.

    Attributes:
        name: Identifier, as in a prompt's report.
        label: For people.
        metres: Width in metres that 256 px cover at an attribute ``scale`` of 0.5.
        depth: Metres between the lowest and the highest point, for displacement, at a ``relief`` of 0.5.
        layout: The joint layout that suits the family (see ``LAYOUTS``), or ``none``.
    """

    name: str
    label: str
    metres: float
    depth: float
    layout: str = "none"


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("brick", "Brick", 1.4, 0.010, "running_bond"),
        Family("cobblestone", "Cobblestone", 1.2, 0.030, "cobble"),
        Family("tiles", "Tiles", 1.0, 0.004, "stack_bond"),
        Family("pavers", "Pavers", 1.2, 0.008, "herringbone"),
        Family("shingles", "Shingles", 2.0, 0.030, "shingles"),
        Family("planks", "Planks", 1.0, 0.006, "planks"),
        Family("weave", "Weave", 0.06, 0.001, "weave"),
        Family("plates", "Metal plates", 1.5, 0.004, "plates"),
        Family("wood", "Wood grain", 0.6, 0.001),
        Family("bark", "Bark", 0.6, 0.030),
        Family("grass", "Grass", 0.8, 0.040),
        Family("moss", "Moss", 0.4, 0.020),
        Family("leather", "Leather", 0.12, 0.001),
        Family("lava", "Lava", 2.0, 0.100),
        Family("snow", "Snow", 1.5, 0.040),
        Family("ice", "Ice", 1.5, 0.010),
        Family("plaster", "Plaster", 1.0, 0.005),
        Family("concrete", "Concrete", 1.5, 0.004),
        Family("sand", "Sand", 1.0, 0.020),
        Family("gravel", "Gravel", 0.5, 0.020, "pebbles"),
        Family("rock", "Rock", 2.0, 0.120),
        Family("marble", "Marble", 1.2, 0.0005),
        Family("rust", "Rust", 0.6, 0.003),
        Family("brushed_metal", "Brushed metal", 0.3, 0.0003),
        Family("mud", "Mud", 1.0, 0.020, "cracked"),
        Family("asphalt", "Asphalt", 0.8, 0.006),
    )
}

LAYOUTS: dict[str, str] = {
    "none": "No joints",
    "running_bond": "Bricks, each row shifted by half",
    "stack_bond": "A square or rectangular grid",
    "herringbone": "Blocks at right angles",
    "hexagons": "Honeycomb",
    "cobble": "Rounded stones in rough rows",
    "pebbles": "Stones of all sizes, at random",
    "cracked": "Polygons as of dried mud",
    "planks": "Long boards side by side",
    "shingles": "Overlapping rows with rounded ends",
    "weave": "Threads over and under",
    "plates": "Large plates with rivets",
}


@dataclasses.dataclass(frozen=True)
class Attribute:
    """One dimension of a material's description.

    Attributes:
        name: Identifier.
        label: Title case, for a slider.
        help: One line without a full stop.
        kind: ``color`` (three numbers) or ``number`` (one).
    """

    name: str
    label: str
    help: str
    kind: str = "number"


ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute("color", "Color", "Mean base colour", "color"),
        Attribute("gap_color", "Gap Color", "Colour of the lowest quarter: joints, cracks, hollows", "color"),
        Attribute("variation", "Variation", "How much the base colour varies"),
        Attribute("scale", "Scale", "Size of the features; one step of 0.5 is a factor of 1.7"),
        Attribute("relief", "Relief", "Contrast of the height"),
        Attribute("roughness", "Roughness", "Mean roughness: 0 a mirror, 1 chalk"),
        Attribute("metallic", "Metallic", "Mean share of bare metal"),
        Attribute("wear", "Wear", "Chips, scratches, worn edges"),
        Attribute("wetness", "Wetness", "Dark and glossy, water in the hollows"),
        Attribute("growth", "Growth", "Moss and lichen in the hollows"),
        Attribute("irregularity", "Irregularity", "From machine-made to found in nature"),
    )
}


def feature_factor(scale: float) -> float:
    """Size of the features in pixels against the family's reference, for the attribute ``scale`` in 0..1: 0.59 to 1.68."""
    return float(2.0 ** (1.5 * (scale - 0.5)))
