"""How good a library model is: measures on whole sets of materials, none of which needs a network from elsewhere.

``tests/test_evaluate.py`` shows that each moves the right way under blur, noise, mode dropping, copying and seams.
"""
