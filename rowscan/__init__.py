"""The command line: `serve`, `predict`, `health`, `train`, `evaluate`, `export`, `bench`.

    words ─ __main__ ─▶ what must start at once: health, serve
                     ─▶ training's own command line, where it is installed
                     ─▶ cli ─▶ predict: files ─▶ local or remote ─▶ rows ─▶ lines

It stands beside `app` and `training` and may use both; neither imports it.
"""
