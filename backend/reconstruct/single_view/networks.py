"""Depth of one picture from a network in a folder on this machine: ``transformers`` in safetensors, or ONNX.

Nothing is fetched from anywhere, no code from a model's folder is run, and weights that could hold code (pickles, TorchScript) are
refused. What the network's numbers mean is declared by the folder (``declaration.py``) or the artist.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from .declaration import FILE, Declaration, read_declaration, read_json

FAMILIES = ("depth_anything", "dpt", "zoedepth", "depth_pro")
"""Values of ``model_type`` in ``config.json`` that are read, Depth Anything V2 being the first."""
_UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".torchscript", ".ts", ".pt2")
_INSTALL = "pip install 'backlot[depth]'"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a network said.

    Attributes:
        values: ``(h, w)`` float32 or, of kind ``points``, ``(h, w, 3)``, at the network's own resolution.
        valid: ``(h, w)`` bool.
        kind: What the folder declares, or empty.
        unit: Scene units per unit of metric depth.
        metric: For ``points``: whether they are in metres.
    """

    values: np.ndarray
    valid: np.ndarray
    kind: str
    unit: float = 1.0
    metric: bool = False


def estimate(folder: Path, picture: torch.Tensor, focal: float, device: torch.device, kind: str = "") -> Estimate:
    """Runs the network in a folder.

    Args:
        folder: With ``config.json`` and ``model.safetensors``, or with an ``.onnx`` file; and ``backlot_depth.json``.
        picture: ``(3, H, W)`` float32, display-encoded sRGB in 0..1.
        focal: Of the camera, in pixels of the picture.
        device: Where it runs.
        kind: What the artist declares; needed where the folder has no declaration.

    Raises:
        InputError: Not a model, unsafe, not declared, contradicting declarations, or a package that is missing.
    """
    said = read_declaration(folder)
    onnx = sorted(folder.glob("*.onnx"))
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    if said is None and not kind:
        raise InputError(
            expected=f"{FILE} in {folder}, which says what the model's numbers mean, or the kind of depth as a parameter",
            got="neither",
            fix="Look it up in the model's description: Depth Anything V2 is inverse_affine, its metric versions are metric",
        )
    said = said or _from_files(folder)
    said = dataclasses.replace(said, kind=said.kind or kind)
    if kind and kind != said.kind:
        raise InputError(expected=f"{said.kind} depth, as {FILE} declares", got=f"{kind} as parameter", fix="Leave the kind as declared")
    if said.file or (onnx and not config):
        path = folder / said.file if said.file else onnx[0]
        return _run_onnx(path, said, picture, focal, device)
    if config:
        return _run_transformers(folder, config, said, picture, focal, device)
    unsafe = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in _UNSAFE)
    raise InputError(
        expected=f"config.json with model.safetensors, or an .onnx file, in {folder}",
        got=f"{', '.join(unsafe[:3])}, which could run code when it is read" if unsafe else "neither",
        fix="Get the version in safetensors, or export the model to ONNX" if unsafe else "Check that it is the model's own folder",
    )


def _from_files(folder: Path) -> Declaration:
    """How to feed the network, from its image processor's file: sizes and colour scaling only, never the kind."""
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return Declaration()
    said = read_json(path)
    result = Declaration()
    size = said.get("size")
    side = min(size.values()) if isinstance(size, dict) and size and all(isinstance(v, int) for v in size.values()) else size
    if isinstance(side, int) and 16 <= side <= 4096:
        result = dataclasses.replace(result, size=side)
    multiple = said.get("ensure_multiple_of")
    if isinstance(multiple, int) and 1 <= multiple <= 512:
        result = dataclasses.replace(result, multiple=multiple)
    mean, std = (_triple(said.get(key)) for key in ("image_mean", "image_std"))
    result = dataclasses.replace(result, mean=mean or result.mean, std=std or result.std)
    return result


def _triple(value: Any) -> tuple[float, float, float] | None:
    if not (isinstance(value, list) and len(value) == 3 and all(isinstance(x, (int, float)) for x in value)):
        return None
    return float(value[0]), float(value[1]), float(value[2])


def prepare(picture: torch.Tensor, said: Declaration, size: tuple[int, int] | None = None) -> torch.Tensor:
    """The picture as the network takes it: ``(1, 3, h, w)`` float32. ``size`` (height, width) overrules the declaration."""
    height, width = picture.shape[1:]
    scale = said.size / min(height, width)
    scale = min(scale, 3 * said.size / max(height, width))  # a panorama would otherwise not fit in memory
    h, w = size or tuple(max(said.multiple, round(s * scale / said.multiple) * said.multiple) for s in (height, width))
    small = F.interpolate(picture[None], size=(h, w), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    mean, std = (torch.tensor(v, device=picture.device)[:, None, None] for v in (said.mean, said.std))
    return (small - mean) / std


def _run_transformers(
    folder: Path, config: dict[str, Any], said: Declaration, picture: torch.Tensor, focal: float, device: torch.device
) -> Estimate:
    family = config.get("model_type")
    if family not in FAMILIES:
        raise InputError(
            expected=f"a depth network of type {', '.join(FAMILIES)} in {folder / 'config.json'}",
            got=repr(family)[:80],
            fix="Export other networks (Depth Anything 3, MoGe-2) to ONNX",
        )
    if config.get("auto_map") or config.get("use_pretrained_backbone"):
        raise InputError(expected="a model that is whole in its folder", got="one that asks for code or weights from elsewhere")
    if not list(folder.glob("*.safetensors")):
        raise InputError(expected=f"weights as model.safetensors in {folder}", got="none", fix="Get the version in safetensors")
    if family == "depth_anything":
        trained = "metric" if config.get("depth_estimation_type") == "metric" else "inverse_affine"
        if said.kind != trained:
            raise InputError(
                expected=f"{trained} depth, which this network's config.json was trained for", got=f"{said.kind} as declared",
                fix="Correct the declaration: disparity taken for depth bends every surface",
            )  # fmt: skip
    try:
        from transformers import AutoModelForDepthEstimation  # takes seconds, and is not always installed
    except ImportError as error:
        raise InputError(expected="the package transformers", got="a Python without it", fix=f"Install it with: {_INSTALL}") from error
    try:
        model = AutoModelForDepthEstimation.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
    except Exception as error:  # the library raises OSError, ValueError, KeyError, RuntimeError and safetensors' own
        reason = (str(error).splitlines() or [""])[0][:160]
        raise InputError(
            expected=f"a depth network in {folder}", got=f"one that cannot be read ({reason})", fix="Get the files again"
        ) from error
    with torch.inference_mode():
        model = model.float().eval().to(device)
        depth = model(pixel_values=prepare(picture.to(device), said)).predicted_depth.float()
    values = depth.reshape(depth.shape[-2:]).cpu().numpy()
    return _checked(values, None, said, _focal_factor(said, focal, values.shape[0] / picture.shape[1]))


def _run_onnx(path: Path, said: Declaration, picture: torch.Tensor, focal: float, device: torch.device) -> Estimate:
    if not path.is_file():
        raise InputError(expected=f"the network at {path}", got="no such file")
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(expected="the package onnxruntime", got="a Python without it", fix=f"Install it with: {_INSTALL}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    providers = [p for p in [*wanted, "CPUExecutionProvider"] if p in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        takes = {i.name: i for i in session.get_inputs()}
        name = said.input or next(iter(takes))
        shape = takes[name].shape
        fixed = (shape[2], shape[3]) if len(shape) == 4 and all(isinstance(n, int) for n in shape[2:]) else None
        fed = prepare(picture.cpu(), said, fixed).numpy()
        feeds = {name: fed.astype(np.float16) if "float16" in takes[name].type else fed}
        for other, number in said.numbers.items():
            feeds[other] = np.asarray(number, np.int64).reshape([1] * len(takes[other].shape))
        gives = [o.name for o in session.get_outputs()]
        got = dict(zip(gives, session.run(gives, feeds), strict=True))
        values = np.asarray(got[said.output or gives[0]], np.float32)
        mask = np.asarray(got[said.mask], np.float32) if said.mask else None
        scale = float(np.asarray(got[said.scale]).reshape(-1)[0]) if said.scale else 1.0
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(
            expected=f"a depth network in {path}, fed as {FILE} says", got=f"an error ({reason})", fix=f"Check {FILE}"
        ) from error
    values = values.squeeze()
    if said.kind == "points":
        if values.ndim != 3 or 3 not in (values.shape[0], values.shape[-1]):
            raise InputError(expected="a map of points with 3 channels", got=f"shape {values.shape}")
        values = values if values.shape[-1] == 3 else np.moveaxis(values, 0, -1)
        return _checked(values * np.float32(scale), mask, said, 1.0)
    if values.ndim == 3 and said.channel >= 0:
        values = values[said.channel] if values.shape[0] <= values.shape[-1] else values[..., said.channel]
    if values.ndim != 2:
        fix = f"Name the right output, or its channel, in {FILE}"
        raise InputError(expected="a depth map with one channel", got=f"an output of shape {values.shape}", fix=fix)
    return _checked(values * np.float32(scale), mask, said, _focal_factor(said, focal, values.shape[0] / picture.shape[1]))


def _focal_factor(said: Declaration, focal: float, scale: float) -> float:
    return focal * scale / said.focal if said.focal else 1.0


def _checked(values: np.ndarray, mask: np.ndarray | None, said: Declaration, factor: float) -> Estimate:
    valid = np.isfinite(values) if values.ndim == 2 else np.isfinite(values).all(-1)
    if mask is not None and mask.squeeze().shape == valid.shape:
        valid &= mask.squeeze() > 0.5
    return Estimate((values * np.float32(factor)).astype(np.float32), valid, said.kind, said.unit, bool(said.scale))
