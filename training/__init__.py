"""Training: MNIST → network → evaluation → a published SavedModel version.

The flow, left to right: `data` → `augment` → `fit` (with `network`) → `evaluate` → `report` →
`export`. `__main__` is the command line. Nothing in `app` imports this package.
"""
