"""``backlot models``: the material models on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...shared.errors import InputError
from ...shared.events import Progress
from ...shared.model_folders import models_folder
from .report import progress, table


def add_verbs(verbs: Any) -> None:
    """Adds the verb and its own verbs."""
    parser = verbs.add_parser("models", help="list, show, import, export, verify and remove material models")
    actions = parser.add_subparsers(dest="action_name", metavar="ACTION", required=True)
    actions.add_parser("list", help="every model by name").set_defaults(action=_list)
    show = actions.add_parser("show", help="a model's card: licence, data, command, measures")
    show.add_argument("name")
    show.set_defaults(action=_show)
    bring = actions.add_parser("import", help="examine a model file and keep a copy")
    bring.add_argument("file", type=Path)
    bring.add_argument("--name", default="", help="what to call it (default: the file's name)")
    bring.add_argument("--licence", default="", help="its licence, where its card does not say")
    bring.add_argument("--replace", action="store_true", help="replace one of that name")
    bring.set_defaults(action=_import)
    bring_in = actions.add_parser("fetch", help="download weights that do not come with Backlot, after a yes")
    bring_in.add_argument("name", choices=["vgg19"], help="vgg19: for style.vgg, 548 MB from pytorch.org")
    bring_in.add_argument("--yes", action="store_true", help="agree to the download")
    bring_in.set_defaults(action=_fetch)
    export = actions.add_parser("export", help="copy a model to a file")
    export.add_argument("name")
    export.add_argument("file", type=Path, help="file or folder")
    export.add_argument("--replace", action="store_true", help="overwrite the file")
    export.set_defaults(action=_export)
    verify = actions.add_parser("verify", help="check sha256, licence and data card; exit code 2 if something is wrong")
    verify.add_argument("model", nargs="*", help="names or files (default: all models)")
    verify.set_defaults(action=_verify)
    remove = actions.add_parser("remove", help="delete one of your own models")
    remove.add_argument("name")
    remove.set_defaults(action=_remove)


def model_path(text: str) -> Path:
    """The file of a model that the person at the command line named, or gave as a file."""
    from ..io.models import registry

    path = Path(text)
    return path if path.suffix == registry.SUFFIX and path.is_file() else registry.find_model(text)


def _list(arguments: argparse.Namespace) -> int:
    from ..io.models import registry

    rows = []
    for info in registry.list_models():
        about = [info.card.architecture, info.card.licence or "?", info.card.title] if info.card else ["?", "?", info.problem]
        rows.append([info.name, "shipped" if info.shipped else "own", f"{info.size / 1e6:.1f} MB", *about])
    if rows:
        table(rows, ["name", "from", "size", "architecture", "licence", "what"])
    else:
        print(f"there are none; your own would be in {models_folder()}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from ..io.models import registry

    path = registry.find_model(arguments.name)
    tensors, card = registry.load_model(path)
    print(f"{arguments.name}: {card.title or 'untitled'}")
    print(f"file: {path}, {path.stat().st_size / 1e6:.1f} MB, {sum(t.numel() for t in tensors.values())} numbers in {len(tensors)} tensors")
    print(f"sha256: {registry.tensor_digest(tensors)}")
    for label in ("licence", "architecture", "config", "data", "base", "command", "created", "metrics"):
        value = getattr(card, label)
        if isinstance(value, Mapping):
            print(f"{label}:" + ("" if value else " not stated"))
            for name, one in value.items():
                print(f"  {name}: {one}")
        else:
            print(f"{label}: {value or 'not stated'}")
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from ..style.vgg.checkpoint import fetch

    with progress("fetch") as report:
        path = fetch(arguments.yes, lambda fraction, words: report(Progress("", fraction, words)))
    print(f"{path.stem}: {path}")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from ..io.models import registry

    if arguments.file.suffix == ".pth":
        from ..style.vgg.checkpoint import NAME, keep

        path = keep(arguments.file, name=arguments.name or NAME)
        print(f"{path.stem}: {path}")
        return 0
    path = registry.import_model(arguments.file, arguments.name, arguments.licence, replace=arguments.replace)
    for gap in registry.verify(path):
        print(f"note: {gap}")
    print(f"{path.stem}: {path}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from ..io.models import registry

    print(registry.export_model(arguments.name, arguments.file, replace=arguments.replace))
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from ..io.models import registry

    wrong = 0
    for text in arguments.model or [info.name for info in registry.list_models()]:
        findings = registry.verify(Path(text) if text.endswith(registry.SUFFIX) else registry.find_model(text))
        wrong += bool(findings)
        print(f"{'PROBLEM' if findings else 'ok':8}{text}" + "".join(f"\n{'':8}{finding}" for finding in findings))
    return InputError.exit_code if wrong else 0


def _remove(arguments: argparse.Namespace) -> int:
    from ..io.models import registry

    registry.remove_model(arguments.name)
    print(f"removed {arguments.name}")
    return 0
