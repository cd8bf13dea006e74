"""``sequence.movie``: a sequence of pictures as a movie for looking at."""

from .schema import Input, Operation, Output, Parameter, report

OPERATION = Operation(
    name="sequence.movie",
    version=1,
    label="Preview Movie",
    summary="Make an H.264 movie of a sequence of pictures, to look at",
    order=30,
    verb="movie",
    panel="style",
    apply="movie",
    inputs=(
        Input("pictures", "sequence", "Pictures", "the frames as EXR, PNG, JPEG and so on, by the number in their names that varies"),
        Input("beside", "sequence", "Beside", "frames to show left of them, by the same numbers, such as the render", required=False),
    ),
    parameters=(
        Parameter("fps", "float", 24.0, "Frame Rate", "Frames per second; 23.976 and 29.97 are exact", minimum=1, maximum=240),
        Parameter(
            "quality",
            "choice",
            "high",
            "Quality",
            "How much is kept, for how large a file",
            choices={
                "high": "Hardly distinguishable from the pictures",
                "medium": "A little softer in fine grain, in half to a third of the size",
                "low": "Grain is smoothed, in a third to a tenth of the size",
            },
        ),
    ),
    outputs=(
        Output("movie", "file", ("mp4",), "The movie: H.264, 8 bits, 4:2:0, Rec.709, as the pictures look in sRGB, over black"),
        report("Frames, frame rate, seconds, size, encoder; which frames stand for missing ones"),
    ),
)
