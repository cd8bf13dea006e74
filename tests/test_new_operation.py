"""A new operation is two files, a new engine is one: here they are added from a folder, and everything else follows."""

from __future__ import annotations

import collections
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from backend_process import Backend, backend

from backlot.backend.cli import build_parser
from backlot.backend.core.operation_lookup import engine, runner
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.shared import operations
from backlot.shared.errors import InputError, ParameterError, UnknownOperation
from backlot.shared.operations.engines import find_engines, read_engine
from backlot.shared.values import EncodedFile, Image

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    # The operation. It notes which process checks a request.
    "shared/operations/toy_shade.py": """
import os
from .schema import Input, Operation, Output, Parameter


class Counted(Operation):
    def check_parameters(self, given):
        if "TOY_CHECKS" in os.environ:
            with open(os.environ["TOY_CHECKS"], "a") as file:
                file.write(f"{os.getpid()}\\n")
        return super().check_parameters(given)


OPERATION = Counted(
    name="toy.shade",
    version=1,
    label="Toy Shade",
    summary="Make an image darker",
    inputs=(Input("image", "image", "Image", "any image"),),
    parameters=(
        Parameter("amount", "float", 0.5, "Amount", "How dark", minimum=0.0, maximum=1.0),
        Parameter("engine", "choice", "plain", "Engine", "How it is done", choices={"plain": "By a product"}),
    ),
    outputs=(Output("image", "image", ("png",), "The darker image"),),
)
""",
    "backend/materials/operations/toy_shade.py": """
from ....shared.values import Image
from ...core.operation_lookup import engine


def run(inputs, parameters, context):
    if parameters["engine"] != "plain":
        return engine("toy.shade", parameters["engine"])(inputs, parameters, context)
    image = inputs["image"]
    return {"image": Image((image.pixels * (1 - parameters["amount"])).astype(image.pixels.dtype), image.color_space)}
""",
    # An engine of the operation, and one of an operation that ships.
    "backend/style/operations/toy_shade_flat.py": """
from ....shared.operations import Engine, Parameter
from ....shared.values import Image

ENGINE = Engine(
    operation="toy.shade",
    name="flat",
    help="One value everywhere",
    parameters=(Parameter("level", "int", 7, "Level", "Engine flat: the value", minimum=-1, maximum=255),),
)


def run(inputs, parameters, context):
    pixels = inputs["image"].pixels.copy()
    pixels[:] = parameters["level"]
    return {"image": Image(pixels, inputs["image"].color_space)}
""",
    "backend/materials/operations/texture_synthesize_repeat.py": """
import numpy as np

from ....shared.operations import Engine
from ....shared.values import Image

ENGINE = Engine("texture.synthesize", "repeat", "The exemplar again and again")


def run(inputs, parameters, context):
    pixels, (width, height) = inputs["exemplar"].pixels, parameters["size"]
    times = (-(-height // pixels.shape[0]), -(-width // pixels.shape[1]), 1)
    return {"base_color": Image(np.tile(pixels, times)[:height, :width], "srgb"), "report": {"notes": []}}
""",
}
PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("added operations")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "picture.png").write_bytes(encode(Image(PICTURE), "png"))
    return root


@pytest.fixture
def known(folder: Path) -> Iterator[None]:
    """This process knows them, until the test ends."""
    operations.add_folder(folder)
    yield
    operations._roots.remove(folder)
    operations.__path__.remove(str(folder / "shared" / "operations"))
    operations._find_all()


@pytest.fixture(scope="module")
def toy_server(folder: Path) -> Iterator[Backend]:
    state = folder / "state"
    with backend(state, BACKLOT_OPERATIONS=str(folder), TOY_CHECKS=str(folder / "checks.txt")) as running:
        yield running


def run(server: Backend, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backlot", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=server.environment, cwd=server.state, check=False, timeout=60)


def pixels(path: Path) -> np.ndarray:
    return decode(EncodedFile.read(path)).pixels


@pytest.mark.usefixtures("known")
class TestInOneProcess:
    def test_the_check_follows_the_schema(self) -> None:
        toy, texture = operations.find("toy.shade"), operations.find("texture.synthesize")
        assert toy.check_parameters({"amount": 1}) == {"amount": 1.0, "engine": "plain", "level": 7}
        assert texture.check_parameters({"engine": "repeat"})["engine"] == "repeat"
        for schema, wrong in ((toy, {"amount": 2}), (toy, {"level": 256}), (toy, {"engine": "repeat"}), (texture, {"engine": "flat"})):
            with pytest.raises(ParameterError):
                schema.check_parameters(wrong)
        assert [p.engine for p in toy.parameters] == ["", "", "flat"]

    def test_released_choices_keep_their_numbers(self) -> None:
        assert list(operations.find("texture.synthesize").parameter("engine").choices) == ["patch", "gan", "repeat"]
        assert next(iter(operations.OPERATIONS)) == "texture.generate"

    def test_the_command_line_has_the_verb(self) -> None:
        words = "toy-shade a.png --out b.png --amount 0.25 --engine flat --level 3"
        arguments = build_parser().parse_args(words.split())
        assert (arguments.parameter_amount, arguments.parameter_engine, arguments.parameter_level) == (0.25, "flat", 3)

    def test_the_code_is_found(self) -> None:
        assert runner("toy.shade").__module__ == "backlot.backend.materials.operations.toy_shade"
        assert engine("toy.shade", "flat").__module__ == "backlot.backend.style.operations.toy_shade_flat"

    def test_the_reference_has_it(self) -> None:
        spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
        assert spec is not None
        assert spec.loader is not None
        reference = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reference)
        page = reference.page()
        assert "## `toy.shade` (version 1)" in page
        assert "`flat`: One value everywhere" in page
        assert "`repeat`: The exemplar again and again" in page


def test_without_the_folder_nothing_of_it_is_known() -> None:
    with pytest.raises(UnknownOperation):
        operations.find("toy.shade")
    assert "repeat" not in operations.find("texture.synthesize").parameter("engine").choices


def test_a_backend_announces_it(toy_server: Backend) -> None:
    with toy_server.client() as client:
        announced = client.wait_ready().operations
    assert [p["name"] for p in announced["toy.shade"]["parameters"]] == ["amount", "engine", "level"]
    texture = {p["name"]: p for p in announced["texture.synthesize"]["parameters"]}
    assert list(texture["engine"]["choices"]) == ["patch", "gan", "repeat"]


def test_it_runs_and_each_side_checks_once(toy_server: Backend, folder: Path) -> None:
    checks = folder / "checks.txt"
    checks.unlink(missing_ok=True)
    done = run(toy_server, "toy-shade", folder / "picture.png", "--amount", 0.5, "--out", folder / "dark.png")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(pixels(folder / "dark.png"), PICTURE // 2)
    count = collections.Counter(map(int, checks.read_text().split()))
    assert count.pop(toy_server.supervisor.pid) == 1
    assert list(count.values()) == [1], "the command line's process, and no worker"


def test_a_job_file_is_checked_once_on_each_side(toy_server: Backend, folder: Path) -> None:
    checks, job = folder / "checks.txt", folder / "job.json"
    checks.unlink(missing_ok=True)
    job.write_text('{"backlot_job": 1, "operation": "toy.shade", "inputs": {"image": "picture.png"}, "parameters": {"engine": "flat"}}')
    done = run(toy_server, "run", job)
    assert done.returncode == 0, done.stderr
    assert (pixels(folder / "outputs" / "image.png") == 7).all()
    assert sorted(collections.Counter(checks.read_text().split()).values()) == [1, 1]


def test_an_engine_of_an_operation_that_ships_runs(toy_server: Backend, folder: Path) -> None:
    out = folder / "texture"
    done = run(toy_server, "texture", folder / "picture.png", "--engine", "repeat", "--size", "32", "--out", out)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(pixels(out / "base_color.png"), np.tile(PICTURE, (8, 8, 1)))


def test_a_package_of_another_name_and_without_a_backend_knows_the_same(folder: Path, tmp_path: Path) -> None:
    """As in Blender, where the package is part of an extension repository and the backend is elsewhere."""
    shutil.copytree(ROOT / "shared", tmp_path / "copied" / "shared")
    (tmp_path / "copied" / "__init__.py").touch()
    code = (
        "from copied.shared.operations import OPERATIONS; p = {q.name: q for q in OPERATIONS['texture.synthesize'].parameters}; "
        "print(list(p['engine'].choices), p['minutes'], 'toy.shade' in OPERATIONS, OPERATIONS['toy.shade'].parameter('level').default)"
    )
    environment = {**os.environ, "BACKLOT_OPERATIONS": str(folder), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    here = operations.find("texture.synthesize").parameter("minutes")
    assert done.stdout.strip() == f"['patch', 'gan', 'repeat'] {here} True 7", done.stderr


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "a folder with shared/operations"),
        ({"shared/operations/echo_again.py": "from .system_echo import OPERATION\n"}, "'system.echo' twice"),
        ({"backend/io/operations/a.py": 'ENGINE = Engine("no.such", "x", "X")\n'}, "'no.such'"),
        ({"backend/io/operations/a.py": 'ENGINE = Engine("texture.maps", "x", "X")\n'}, "a choice 'engine' in texture.maps"),
        ({"backend/io/operations/a.py": 'ENGINE = Engine("texture.synthesize", "gan", "X")\n'}, "names of its own"),
        ({"backend/io/operations/a.py": 'ENGINE = Engine("texture.synthesize", "x", str(3))\n'}, "literals"),
        ({"backend/io/operations/a.py": 'ENGINE = Engine("texture.synthesize"\n'}, "literals"),
    ],
)
def test_what_cannot_be_added_is_refused_and_changes_nothing(tmp_path: Path, files: dict[str, str], said: str) -> None:
    before = dict(operations.OPERATIONS)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        operations.add_folder(tmp_path)
    assert before == operations.OPERATIONS
    assert tmp_path not in operations.roots()


def test_declarations_are_read_and_not_run(tmp_path: Path) -> None:
    file = tmp_path / "backend" / "io" / "operations" / "a.py"
    file.parent.mkdir(parents=True)
    file.write_text('raise SystemExit\nENGINE = Engine("a.b", "c", "D", order=-3)\n')
    found = read_engine(file)
    assert found == operations.Engine("a.b", "c", "D", order=-3)
    assert find_engines([tmp_path]) == [found]
