"""``style.keyframes``: a shot in the style of a few frames that the artist painted."""

from .schema import Input, Operation, Output, Parameter, frames_input, report
from .style_parameters import KEYED_STRENGTH, LAYERS, frames_wanted

OPERATION = Operation(
    name="style.keyframes",
    version=1,
    label="Style from Keyframes",
    summary="Paint one to five frames of a shot, and have all of them painted",
    order=23,
    panel="style",
    apply="shot",
    inputs=(
        frames_input("the shot: rendered frames with their passes", ("color",), ("depth", "normal", "motion", "object_id"), whole=True),
        Input(
            "keyframes",
            "files",
            "Keyframes",
            "painted frames, named by their frame numbers; unpainted parts are transparent",
            required=False,
        ),
        Input("masks", "files", "Masks", "white where a keyframe is painted, named by frame numbers", required=False),
        Input("model", "file", "Model", "a model from an earlier run, to go on with or to render from", required=False),
    ),
    parameters=(
        Parameter(
            "size",
            "choice",
            "lite",
            "Size",
            "Size of the network; a model that is gone on with keeps its own",
            choices={"lite": "For processors, and for looks that are simple", "full": "Eight times as much work, for graphics cards"},
        ),
        Parameter(
            "minutes",
            "float",
            10.0,
            "Minutes",
            "Most time to train; 0 only renders, from a model",
            minimum=0.0,
            maximum=1440.0,
        ),
        frames_wanted('Frames to render, such as "1-8 12"; empty for all, "none" to train only'),
        KEYED_STRENGTH,
        LAYERS,
        Parameter(
            "detail",
            "float",
            0.5,
            "Detail",
            "How much the structure of the paint counts in unpainted frames, next to likeness",
            minimum=0.0,
            maximum=1.0,
            unit="factor",
            advanced=True,
        ),
        Parameter(
            "numbers",
            "text",
            "",
            "Frame Numbers",
            'Frames of the keyframes, in their order, such as "1 12 24"; empty to go by the file names',
            maximum=400,
            advanced=True,
        ),
        Parameter(
            "steps",
            "int",
            0,
            "Steps",
            "Train this many steps instead of the minutes, which gives the same bytes each time; 0 goes by the minutes",
            minimum=0,
            maximum=10_000_000,
            advanced=True,
        ),
    ),
    outputs=(
        Output("stylised", "sequence", ("exr", "png"), "The painted frames, as large as the render and scene-linear as EXR"),
        Output("model", "file", ("safetensors",), "What was learnt, with the keyframes: renders any frame, and can be gone on with"),
        report(
            "Missing passes, notes, errors over the training; by frame the share of tracked paint and the mean confidence",
        ),
    ),
)
