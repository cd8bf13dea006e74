"""From the words of a prompt to the attributes of a material, offline."""

from .reading import read_prompt
from .result import Prompt

__all__ = ["Prompt", "read_prompt"]
