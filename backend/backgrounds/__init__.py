"""Backgrounds: skies, far land and plates. Empty today; the operations `background.*` will live here."""
