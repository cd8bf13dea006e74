"""Lexicon: degrees, negations, joining words, and words that are understood and change nothing. The notation is told in ``senses.py``."""

from __future__ import annotations

from .senses import Row

D, N, J, M, X = "degree", "negation", "join", "grammar", "filler"

GRAMMAR_ROWS: tuple[Row, ...] = (
    (D, "extremely, incredibly, super, ultra, intensely, insanely, utterly, wildly", "strength=1.6"),
    (
        D,
        "very, really, heavily, strongly, highly, badly, severely, heavy, severe, major, thickly, deeply, richly, particularly, much",
        "strength=1.35",
    ),
    (D, "completely, totally, fully, entirely, thoroughly, absolutely, all", "strength=1.5"),
    (D, "quite, fairly, rather, pretty, moderately, reasonably, more, well", "strength=0.85"),
    (D, "somewhat, partly, partially, sort of, kind of, semi", "strength=0.6"),
    (
        D,
        "slightly, lightly, mildly, softly, a bit, a little, a touch, subtly, faintly, minimally, bit, gently, less, slight, minor, mild",
        "strength=0.5",
    ),
    (D, "barely, hardly, scarcely, almost no, very slightly, just a little", "strength=0.25"),
    (D, "too, so, overly", "strength=1.2"),
    (D, "half, fifty percent", "strength=0.5 share=0.5"),
    (D, "a third, one third, third", "strength=0.35 share=0.333"),
    (D, "two thirds", "strength=0.7 share=0.667"),
    (D, "a quarter, one quarter, quarter", "strength=0.25 share=0.25"),
    (D, "three quarters", "strength=0.75 share=0.75"),
    (D, "mostly, mainly, primarily, largely, predominantly, chiefly", "strength=0.9 share=0.75"),
    (D, "some, patches of, bits of, hints of, hint of, traces of, touch of, spots of, patch of, a few, few", "strength=0.55"),
    (D, "lots of, a lot of, plenty of, many, full of, thick layer of, layers of, tons of", "strength=1.25"),
    (D, "layer of, thin layer of, covering of, coating of, dusting of, sprinkling of", "strength=0.8"),
    (N, "not, never, isn't, aren't, ain't, neither, non, cannot be, don't, doesn't, isnt, arent, hardly any", ""),
    (N, "without, no, lacking, free of, devoid of, zero, minus, w/o, excluding, free from, absent, sans, except, avoid", ""),
    (J, "with, featuring, having, has, plus, including, containing, showing, w", ""),
    (J, "covered, coated, filled, encrusted, dusted, topped, strewn, caked, smeared, crusted, littered, sprinkled, infested", ""),
    (J, "and, as well as, to", ""),
    (J, "or, nor", ""),
    (J, "but, however, yet, though, although", ""),
    (J, "on, over, onto, upon, atop, growing on, on top of", ""),
    (J, "in, between, inside, within, growing in, growing between, in between, among", ""),
    (J, "of, made of, made from, out of, made out of, from", ""),
    (J, "free", ""),
    (M, "a, an, the, is, are, be, been, was, were, it, its, it's, that, this, these, those, which, by, for, at, as, into", ""),
    (M, "i, me, my, we, you, please, want, need, give, make, create, generate, like, looks, look, looking, would, should", ""),
    (M, "growing, there, their, them, they, also, just, only, where, when, while, up, out, off, near, around, under", ""),
    (M, "mix, mixture, blend, mix of, mixture of, blend of, combination of, mixed, both, percent, covering, made, not only", ""),
    (M, "coloured, colored, colour, color, colours, colors, tinted, hue, tone, toned, shade, tint, painted in, hued", ""),
    (M, "type, kind, style, piece, sheet, slab, slabs, block, blocks, layer, layers, surface of, texture of, area, here", ""),
    (
        X,
        "texture, textures, material, materials, surface, pattern, pbr, shader, background, map, maps, albedo",
        "every result is a material",
    ),
    (X, "seamless, tileable, tiling texture, repeatable, seamlessly", "every result tiles"),
    (X, "realistic, photorealistic, photo, photograph, photographic, hyperrealistic, detailed, highly detailed", "no style can be set"),
    (X, "beautiful, nice, cool looking, masterpiece, high quality, best quality, hd, uhd, cinematic, stunning", "no style can be set"),
    (
        X,
        "wall, walls, floor, floors, flooring, ceiling, facade, interior, exterior, outdoor, indoor, bathroom, kitchen",
        "a place, not a material",
    ),
    (
        X,
        "garden, house, city, urban, castle, dungeon, pool, table, furniture, door, town, village, temple, river",
        "a place, not a material",
    ),
    (X, "top down, top view, close up, closeup, overhead, macro, orthographic, view, top down view", "the view is always straight on"),
    (X, "visible, clearly visible, typical, classic, traditional, common, standard, normal, ordinary, decorative", "changes nothing"),
    (X, "glowing, luminous, emissive, burning, hot, fluorescent, incandescent", "light of its own cannot be set"),
    (X, "transparent, translucent, see through", "transparency cannot be set"),
)
