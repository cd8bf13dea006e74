"""``system.fault``: goes wrong in a chosen way, so that tests can see what the backend makes of it.

Known only where the environment has ``BACKLOT_FAULTS=1``.
"""

from .schema import Input, Operation, Output, Parameter, report

OPERATION = Operation(
    name="system.fault",
    version=1,
    label="Fault",
    summary="Go wrong in a chosen way, to test how the backend copes",
    order=91,
    inputs=(Input("image", "image", "Image", "any image, or none", required=False),),
    parameters=(
        Parameter(
            "kind",
            "choice",
            "error",
            "Kind",
            "What goes wrong",
            choices={
                "none": "Nothing",
                "segfault": "The process reads memory that is not there",
                "exit": "The process ends",
                "hang": "The job neither ends nor hears that it is cancelled",
                "out_of_memory": "More memory is asked for than any machine has",
                "error": "An exception that nobody expected",
            },
        ),
        Parameter("emit", "int", 0, "Emit", "Frames given before anything goes wrong", minimum=0, maximum=1000),
        Parameter("attempts", "int", 99, "Attempts", "How many attempts go wrong before one succeeds", minimum=0, maximum=99),
    ),
    outputs=(
        report("Number of the attempt, process id of the worker, frames found from an earlier one"),
        Output("frames", "sequence", ("txt",), "As many small files as asked for"),
    ),
    hidden=True,
    known_if="BACKLOT_FAULTS",
)
