"""Materials in Blender: asked for, chosen from variations, worn at their true scale, remembered, kept as assets.

    properties    what the scene stores             history      entries that survive saving and undo
    operators     the buttons                       panel        what the artist sees
    results       a job's outputs into the scene    sliders      settings of the panel, from a report or an old entry
    maps          images of the maps                nodes        the node tree
    scale         metres per UV unit                assets       material to asset, with preview
    pictures      thumbnails: cut, kept as text     lighting     a lit picture of a stack of maps

Registering imports no numpy: ``results``, ``maps``, ``scale``, ``assets``, ``pictures`` and ``lighting`` are loaded when needed.
"""
