"""Lexicon: adjectives and nouns that set attributes, layouts, and what lies in the joints. The notation is told in ``senses.py``."""

from __future__ import annotations

from .senses import Row

A, T, G, L = "attribute", "thing", "gap", "layout"

ATTRIBUTE_ROWS: tuple[Row, ...] = (
    # wetness
    (A, "soaked, drenched, flooded, sodden, waterlogged, dripping, submerged, soaking, soggy", "wetness=1"),
    (A, "wet, watery, rainy, rain soaked, after rain, rained on, slick, slippery", "wetness=0.8"),
    (A, "damp, moist, dewy, humid, clammy, misty", "wetness=0.4"),
    (A, "dry, dried, arid, parched, bone dry, dried out, sun baked, drained", "wetness=0"),
    (T, "puddles, puddle, water, rain, rainwater, standing water, raindrops, droplets, moisture, flood", "wetness=0.85"),
    (T, "dew, damp patches", "wetness=0.4"),
    # roughness: gloss
    (A, "mirror, mirrored, mirror like, mirror finish", "roughness=0.02 ~relief=0.1"),
    (A, "polished, high gloss, buffed, burnished, honed smooth", "roughness=0.08"),
    (A, "glossy, gloss, glazed, lacquered, enamelled, enameled, reflective, gleaming, glassy", "roughness=0.12"),
    (A, "shiny, shining, lustrous, glistening, sparkling, shimmering, sleek, vitreous", "roughness=0.18"),
    (A, "varnished, oiled, waxed, oily, greasy, waxy, sealed", "roughness=0.25"),
    (A, "satin, silky, semi gloss, eggshell finish, semigloss, pearly", "roughness=0.35"),
    (A, "honed, semi matte", "roughness=0.5 ~relief=0.2"),
    (A, "matte, matt, mat finish, unglazed, non reflective, flat finish, lustreless", "roughness=0.88"),
    (A, "dull, lacklustre, lackluster, tarnished", "roughness=0.75 ~wear=0.4"),
    (A, "chalky, powdery, floury, velvety, unvarnished", "roughness=0.95"),
    (A, "dusty", "roughness=0.88 ~wear=0.3 tone=muted"),
    (T, "dust, powder, flour", "roughness=0.88 ~wear=0.3"),
    (T, "varnish, lacquer, glaze, polish, shine, wax, enamel, lustre, luster", "roughness=0.15"),
    # roughness and relief together
    (A, "rough, gritty, abrasive, sandpapery, raspy, scabrous", "roughness=0.85 ~relief=0.65"),
    (A, "rough cut, rough hewn, hewn, rough sawn, sawn", "roughness=0.85 relief=0.7 ~irregularity=0.75"),
    (A, "smooth, sanded, silken, planed, trowelled, troweled", "relief=0.2 roughness=0.35"),
    (A, "sandblasted, etched, bush hammered, scoured, grainy, granular", "roughness=0.8 ~relief=0.5"),
    # relief
    (A, "bumpy, lumpy, knobbly, knobby, pitted, pockmarked, dimpled, nubby, gnarled, gnarly", "relief=0.82"),
    (A, "rugged, craggy, jagged, rocky relief, chunky, pronounced, prominent", "relief=0.9 ~roughness=0.8"),
    (A, "embossed, raised, textured, ribbed, ridged, grooved, corrugated, fluted, carved, hammered, quilted, tufted", "relief=0.75"),
    (A, "wavy, rippled, undulating, wrinkled, creased, crumpled, folded, bulging", "relief=0.68"),
    (A, "deep", "relief=0.8 tone=deep"),
    (A, "thick, fluffy, shaggy, bushy, lush, plush", "relief=0.7"),
    (A, "flat, level, even, planar, featureless, unembossed, flush", "relief=0.1"),
    (A, "shallow, subtle, low relief, trodden, compacted, trampled, packed, pressed", "relief=0.25"),
    (T, "bumps, ridges, ripples, dents, bulges, dimples, wrinkles, creases, lumps, waves, folds, pores", "relief=0.75"),
    (A, "porous, spongy, crusty, flaky, scaly", "relief=0.65 ~roughness=0.85"),
    # wear
    (A, "weathered, worn, worn out, aged, weather beaten, timeworn, well worn, used, eroded, shabby, tattered", "wear=0.7"),
    (A, "old, vintage, antique, retro, aging, ageing, historic, medieval, victorian, rustic", "wear=0.6"),
    (A, "ancient, prehistoric, roman, decrepit, dilapidated, derelict, abandoned, ruined, post apocalyptic", "wear=0.88 ~irregularity=0.7"),
    (A, "chipped, scratched, scuffed, scraped, dented, nicked, scarred, gouged, grazed, scored, battered", "wear=0.75"),
    (A, "distressed, damaged, broken, shattered, bullet ridden, smashed, fractured, split, splintered", "wear=0.85"),
    (A, "crumbling, decayed, decaying, rotten, rotting, disintegrating, ravaged, destroyed", "wear=0.92 ~relief=0.7"),
    (A, "peeling, flaking, blistered, cracked paint, peeled, chipping", "wear=0.8 ~variation=0.7"),
    (A, "cracked, cracking, crackled, fissured, crazed, crackle", "wear=0.7"),
    (A, "faded, sun bleached, bleached, washed out, discoloured, discolored", "wear=0.5 tone=muted"),
    (A, "dirty, grimy, filthy, stained, soiled, grubby, smudged, sooty, grungy, grunge, blotched, unclean", "wear=0.55 ~variation=0.7"),
    (A, "burnt, burned, charred, scorched, singed, blackened", "wear=0.7 color=#26211e"),
    (A, "new, brand new, unused, unworn, modern, contemporary, freshly made, untouched", "wear=0.05"),
    (A, "clean, pristine, immaculate, spotless, flawless, perfect, undamaged, intact, unblemished, tidy", "wear=0"),
    (A, "fresh, restored, renovated, refurbished, well kept, maintained, repaired", "wear=0.15"),
    (T, "scratches, chips, scuffs, nicks, wear, damage, tear, wear and tear, flaws, blemishes, defects, age, erosion", "wear=0.7"),
    (
        T,
        "dirt stains, stains, grime, soot, smudges, spots, filth, spills, graffiti, fingerprints, patina, decay, rot",
        "wear=0.6 ~variation=0.7",
    ),
    # growth
    (A, "overgrown, verdant, grown over, reclaimed by nature, vine covered, ivy covered", "growth=0.92"),
    (A, "lichened, lichen covered, mouldy, moldy, algae covered, mildewed, weedy, slimy, leafy", "growth=0.65"),
    (T, "lichen, lichens, algae, seaweed, mould, mold, mildew, fungus, slime", "growth=0.6"),
    (T, "weeds, vegetation, plants, greenery, ivy, vines, growth, foliage, leaves, ferns, sprouts, shrubs, shrubbery", "growth=0.7"),
    # metal
    (A, "metallic, metallised, metallized", "metallic=1"),
    (A, "painted, coated paint, powder coated, lacquered metal", "~metallic=0 ~roughness=0.45"),
    (A, "nonmetallic", "metallic=0"),
    (T, "paint", "~roughness=0.45"),
    # scale
    (A, "huge, enormous, giant, gigantic, massive, colossal, oversized", "scale=1"),
    (A, "large, big, coarse, wide, broad, bold, chunky sized, long, coarse grained, bigger, larger", "scale=0.82"),
    (A, "medium, mid sized, medium sized, average, moderate", "scale=0.5"),
    (A, "small, narrow, thin, little, slim, short, smaller, compact", "scale=0.22"),
    (A, "fine, fine grained, delicate, dense, finely grained, finer, close up weave, intricate", "scale=0.18"),
    (A, "tiny, minute, miniature, micro, minuscule, ultra fine", "scale=0.05"),
    # irregularity
    (A, "irregular, random, crooked, asymmetric, haphazard, chaotic, jumbled, warped, twisted, disordered, messy", "irregularity=0.88"),
    (A, "uneven, wonky, lopsided, imperfect, unequal, knotty, knotted", "irregularity=0.8 ~relief=0.65"),
    (A, "hand made, handmade, hand laid, hand cut, hand carved, handcrafted, hand hewn, artisanal, primitive", "irregularity=0.75"),
    (A, "natural, organic, wild, raw, untreated", "irregularity=0.8"),
    (
        A,
        "regular, uniform, orderly, neat, symmetrical, symmetric, precise, consistent, aligned, straight, repeating, geometric",
        "irregularity=0.12",
    ),
    (
        A,
        "machine made, machined, manufactured, industrial, factory made, prefabricated, synthetic, mass produced, milled",
        "irregularity=0.08",
    ),
    # variation of colour
    (
        A,
        "varied, colourful, colorful, multicoloured, multicolored, multicolour, multicolor, mixed colours, rainbow, variegated",
        "variation=0.92",
    ),
    (A, "mottled, speckled, spotted, patchy, flecked, dappled, blotchy, streaky, streaked, striped, stripy, banded", "variation=0.8"),
    (A, "veined, veiny, marbling, figured, contrasty, high contrast", "variation=0.75"),
    (A, "plain, solid, monochrome, single coloured, unicolour, homogeneous, low contrast, flawlessly even, simple", "variation=0.1"),
    (T, "speckles, flecks, specks, streaks, stripes, bands, blotches, knots, patterns, swirls", "variation=0.78"),
    # layouts
    (L, "running bond, stretcher bond, brick bond, brick pattern, offset rows, half bond, staggered, flemish bond", "layout=running_bond"),
    (L, "stack bond, stacked bond, stacked, grid, square, squares, rectangular, grid pattern, checkered, chequered", "layout=stack_bond"),
    (L, "herringbone, chevron, herringbone pattern, fishbone, zigzag, zig zag, herring bone", "layout=herringbone"),
    (L, "hexagonal, hexagon, hexagons, hex, honeycomb, honeycombed, six sided", "layout=hexagons"),
    (L, "rounded stones, rounded, cobbled pattern, round", "layout=cobble"),
    (L, "pebble pattern, pebble mosaic", "layout=pebbles"),
    (L, "polygonal, voronoi, crack pattern, mosaic of cracks", "layout=cracked"),
    (L, "plank pattern, long boards", "layout=planks"),
    (L, "fish scale, fishscale, scallop, overlapping, scale pattern, scale like", "layout=shingles"),
    (L, "plate pattern, plated", "layout=plates"),
    (L, "interlaced, interwoven, over and under, plaited, braided", "layout=weave"),
    # what lies in the hollows
    (G, "mortar, grout, grouting, pointing, joint, joints, jointing, caulk, seam, seams", ""),
    (G, "gaps, gap, crevices, crevice, hollows, grooves, groove, recesses, holes, pits, valleys, interstices", ""),
    (G, "veins, vein, veining, marbling veins", "~variation=0.6"),
    (G, "cracks, crack, fissures, fissure, fractures, cracklines, hairline cracks", "wear=0.65"),
)
