"""Lexicon: colours and the words that change them. The notation is told in ``senses.py``.

The eleven basic names have the values of pigments, not of a screen: "red bricks" are not ``#ff0000``. Whoever wants that writes it as hex.
The other names have the values of CSS Color Level 4, or of the paint or mineral that is called so (our own choice by eye).
"gray" and the joined spelling of two words ("steelblue") are added by ``lexicon.py``.
"""

from __future__ import annotations

from .senses import Row

C, T = "color", "tone"

_BASIC = """
white #ebe9e4, black #1c1b1b, grey #808080, red #a93529, orange #cf7430, yellow #d8b440, green #50803f, blue #325f9f, purple #6c4a8b,
pink #d894a6, brown #6d4d37
"""

_CSS = """
aliceblue #f0f8ff, antique white #faebd7, aqua #00ffff, aquamarine #7fffd4, azure #f0ffff, beige #f5f5dc, bisque #ffe4c4,
blanched almond #ffebcd, blue violet #8a2be2, burlywood #deb887, cadet blue #5f9ea0, chartreuse #7fff00, coral #ff7f50,
cornflower blue #6495ed, cornsilk #fff8dc, crimson #dc143c, cyan #00ffff, dark goldenrod #b8860b, dark slate grey #2f4f4f,
deep pink #ff1493, deep sky blue #00bfff, dim grey #696969, dodger blue #1e90ff, floral white #fffaf0, forest green #228b22,
fuchsia #ff00ff, gainsboro #dcdcdc, ghost white #f8f8ff, goldenrod #daa520, green yellow #adff2f, honeydew #f0fff0, hot pink #ff69b4,
indian red #cd5c5c, indigo #4b0082, khaki #f0e68c, lavender #e6e6fa, lavender blush #fff0f5, lawn green #7cfc00,
lemon chiffon #fffacd, light goldenrod #fafad2, light salmon #ffa07a, lime #00ff00, lime green #32cd32, magenta #ff00ff, maroon #800000,
medium blue #0000cd, medium orchid #ba55d3, medium purple #9370db, medium turquoise #48d1cc, midnight blue #191970, mint cream #f5fffa,
misty rose #ffe4e1, moccasin #ffe4b5, navajo white #ffdead, navy #000080, old lace #fdf5e6, olive #808000, olive drab #6b8e23,
orange red #ff4500, orchid #da70d6, papaya whip #ffefd5, peach puff #ffdab9, peru #cd853f, plum #dda0dd, powder blue #b0e0e6,
rebecca purple #663399, rosy brown #bc8f8f, royal blue #4169e1, saddle brown #8b4513, salmon #fa8072, sandy brown #f4a460,
sea green #2e8b57, seashell #fff5ee, sienna #a0522d, sky blue #87ceeb, slate blue #6a5acd, slate grey #708090, spring green #00ff7f,
steel blue #4682b4, tan #d2b48c, teal #008080, thistle #d8bfd8, tomato #ff6347, turquoise #40e0d0, violet #ee82ee, wheat #f5deb3,
white smoke #f5f5f5, yellow green #9acd32
"""

_PAINT = """
cream #efe3c4, creamy #efe3c4, off white #e9e4d8, ivory #efe9d4, eggshell #e8e0cc, bone #e0d6bd, pearl #e6e1d8, vanilla #f0e2b6,
linen white #ece2d0, parchment #e6d9b8, ecru #c8b68f, sandy beige #cdb48a, buff #d6b779, fawn #b99a70, taupe #8b7d6f, greige #b5ab9c,
camel #b98d5a, caramel #b5773f, honey #c98f38, amber #c98a2b, mustard #c69a2f, ochre #bf8a36, yellow ochre #c49344, saffron #e0a52d,
lemon #e9d75a, straw yellow #d9c27a, maize #e3c15e, apricot #e6ab78, peach #ecb994, rose #c4707d, dusty pink #cfa19c, blush #dfb2a8,
salmon pink #e3968a, terracotta #b8623f, terra cotta #b8623f, brick red #96432f, rust red #8e3f26, rust brown #7c4529, rust orange #b3591f,
burnt orange #b9592a, burnt sienna #8a4630, raw sienna #b47a3e, burnt umber #6b4531, raw umber #75603f, umber #6a4f3a, sepia #6b4a2f,
chocolate #4f3222, chocolate brown #4f3222, coffee #54392a, espresso #38261d, cocoa #6b4733, chestnut #75412d, hazel #8c6a3f, tawny #a4703c,
tobacco #74532f, auburn #7a3b26, russet #85492c, oxblood #5a1f1f, burgundy #661d2a, wine red #6a1f2d, bordeaux #5e1c26, claret #701f31,
scarlet #bf2f20, vermilion #cc4027, cherry red #9c2130, ruby #8f1d35, blood red #7c1717, carmine #95212f,
cardinal #a3222f, venetian red #9a3a2b,
lilac #b39bc4, mauve #9d7f98, aubergine #3f2340, eggplant #3f2340, amethyst #8763ab, ultramarine #2a3a8c,
cobalt #274f9a, cobalt blue #274f9a,
prussian blue #1f3550, petrol #1f4f5c, cerulean #3a83b0, duck egg blue #b3cfcb, ice blue #bcd8e2, baby blue #a9c9e0, delft blue #2f4f86,
indigo blue #34406f, denim blue #46608a, sapphire #1f4690, azure blue #3c86c6, navy blue #1f2a4a, ocean blue #2b6486, arctic blue #b9d4dd,
sage #98a488, sage green #98a488, moss green #61703a, olive green #6c6b36, grass green #5a8536, emerald #2f8057, emerald green #2f8057,
jade #4f9374, jade green #4f9374, mint #a5d3b5, mint green #a5d3b5, bottle green #1f4230, hunter green #2c4a34, racing green #1d402f,
pistachio #aebf80, pea green #7f9142, avocado #626b33, army green #54583a, verdigris #5fa295, viridian #3f7f6a, celadon #abc4a6,
charcoal #38393b, charcoal grey #38393b, anthracite #303236, graphite #45474a, ash grey #a4a39c, pearl grey #bdbbb4, silver grey #adafb1,
smoke #8f9191, iron grey #55585b, stone grey #928d83, concrete grey #96948f, pebble grey #a8a397, gunmetal grey #4a4f54, lead grey #676b6f,
jet #141415, jet black #141415, pitch black #101010, ink #1d2130, ebony black #221e1c, raven #1b1b1f, midnight #1c2238, soot black #1f1e1d,
snow white #f0f1f2, chalk white #edebe4, milk white #efece2, milky #efece2, bone white #e0d6bd, sand yellow #cdae73, sand brown #b0946a,
mud brown #5b4836, earth brown #5f4a37, earth tones #7a6048, wood brown #7d5c3e, leather brown #6e4a30
"""

_METAL = "gold #c9a13f, golden #c9a13f, silver #b9babb, silvery #b9babb, copper #b06a48, bronze #8a6a3c, brass #b5954c, rose gold #c08f7c"


def _rows(text: str, extra: str = "") -> tuple[Row, ...]:
    pairs = [part.strip().rpartition(" ") for part in text.split(",")]
    return tuple((C, name, f"color={value} {extra}".strip()) for name, _, value in pairs)


COLOR_ROWS: tuple[Row, ...] = (
    *_rows(_BASIC),
    *_rows(_CSS),
    *_rows(_PAINT),
    *_rows(_METAL, "~family=brushed_metal"),
    (T, "light, lighter", "tone=light"),
    (T, "pale, pastel, whitish, soft coloured", "tone=pale"),
    (T, "dark, darker, blackish, darkened, shadowy", "tone=dark"),
    (T, "deep coloured, rich, intense, saturated", "tone=deep"),
    (T, "muted, subdued, desaturated, dusky, drab, greyed, toned down", "tone=muted"),
    (T, "vivid, vibrant, strong, neon, electric", "tone=vivid"),
    (T, "bright, brilliant", "tone=bright"),
    (T, "warm, warmer", "tone=warm"),
    (T, "cold, cool, cooler, chilly", "tone=cool"),
)
