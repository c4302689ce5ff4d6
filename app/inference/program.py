"""One compiled program: images (n, 28, 28) → scores, by XLA, called past Python's checks."""

from __future__ import annotations

import mmap
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from app.inference.contract import CLASSES, NOVELTY, PROBABILITIES, Scores
from app.inference.quiet_tensorflow import tf
from app.inference.sizes import most_images

PROCESSOR: Final = "/CPU:0"  # where the memory lies that is read

Tensor = Any  # TensorFlow carries no types
Signature = Any


class Program:
    """A compiled pass over the images that lie in its memory, so many in a turn.

    To make a tensor of the images and to call a function with it takes Python 110 µs, as long as an
    image takes the network. So the function has the memory itself for a tensor, from the start, and
    is called with what it has captured, as TensorFlow itself does at the end of all its checks.
    """

    def __init__(self, signature: Signature, size: int) -> None:
        """Compile `signature` for turns of `size` images, and run it once."""
        self._size = size
        most_turns = most_images(size) // size
        with tf.device(PROCESSOR):  # of the calling thread, for constants too
            self._images, memory = _shared_memory(most_images(size))
            batches = partial(_in_turns, signature, memory, size, most_turns)
            compiled = tf.function(batches, jit_compile=True)
            self._function = compiled.get_concrete_function(tf.TensorSpec((), tf.int32))
            self._turns = [tf.constant(turns) for turns in range(most_turns + 1)]
        self._captured = self._function.captured_inputs
        self.read(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE), np.float32))

    def read(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (n, 28, 28), no more than its turns hold."""
        count = len(images)
        self._images[:count] = images
        turns = self._turns[-(-count // self._size)]
        probabilities, novelty = self._function.inference_fn.call_flat(turns, *self._captured)
        return Scores(probabilities.numpy()[:count], novelty.numpy()[:count])


def _in_turns(
    signature: Signature, memory: Tensor, size: int, most_turns: int, turns: Tensor
) -> tuple[Tensor, Tensor]:
    """Read the first `turns` times `size` images of the memory; of the others nothing is told."""
    images = tf.reshape(memory, (most_turns, size, IMAGE_SIDE, IMAGE_SIDE))

    def turn(at: Tensor, probabilities: Tensor, novelty: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scores = signature(image=images[at])
        return (
            at + 1,
            probabilities.write(at, scores[PROBABILITIES.name]),
            novelty.write(at, scores[NOVELTY.name]),
        )

    none_yet = (
        tf.TensorArray(tf.float32, most_turns, element_shape=(size, CLASSES)),
        tf.TensorArray(tf.float32, most_turns, element_shape=(size,)),
    )
    _, probabilities, novelty = tf.while_loop(
        lambda at, *_: at < turns, turn, (tf.constant(0), *none_yet)
    )
    return probabilities.concat(), novelty.concat()


def _shared_memory(size: int) -> tuple[NDArray[np.float32], Tensor]:
    """Return an array (size, 28, 28) and a tensor over the same memory.

    A page begins where TensorFlow wants a tensor to begin; from elsewhere it would take a copy.
    """
    memory = mmap.mmap(-1, 4 * size * IMAGE_SIDE * IMAGE_SIDE)
    images = np.frombuffer(memory, np.float32).reshape(size, IMAGE_SIDE, IMAGE_SIDE)
    return images, tf.experimental.dlpack.from_dlpack(images.__dlpack__())
