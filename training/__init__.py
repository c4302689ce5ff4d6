"""Training: MNIST → network → evaluation → a published SavedModel version.

The flow, left to right: `data` and what is `drawn` (with `hands`) → `batches`, distorted by
`augment` and `degrade` → `fit` (with `network`) → `evaluate` → `report` → `export`. A version that
is there is measured by `measure`, on `pictures` and `corruptions`. `__main__` is the command line.
Nothing in `app` imports this package.
"""
