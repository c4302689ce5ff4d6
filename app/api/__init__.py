"""HTTP: what comes in is turned into digits, what the network says into JSON. One router a file."""
