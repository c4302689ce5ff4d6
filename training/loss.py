"""The loss: logits and labels of a batch → what training makes smaller."""

from __future__ import annotations

import tensorflow as tf

from app.inference.contract import CLASSES
from training.signatures import digit_logits

STRANGER_WEIGHT = 0.3  # of telling strangers apart, beside telling digits apart


def batch_figures(
    logits: tf.Tensor,
    labels: tf.Tensor,
    smoothing: float,
    teacher_logits: tf.Tensor | None = None,
    teacher_share: float = 0.0,
) -> tf.Tensor:
    """Return the mean (loss, accuracy) of a batch, float32 (2,).

    Of logits (batch, 10) the loss is the cross-entropy. Of logits (batch, 11) the last one says
    whether it is a stranger, label 10: its binary cross-entropy over all counts STRANGER_WEIGHT
    beside the digits' own; the accuracy is the digits'. `smoothing`, 0..1, moves that share of each
    target evenly to all classes (Szegedy et al. 2016, arXiv:1512.00567). `teacher_share`, 0..1, of
    each target is then what `teacher_logits`, shaped as `logits`, say.
    """
    digits = tf.cast(labels < CLASSES, tf.float32)  # (batch,)
    count = tf.maximum(tf.reduce_sum(digits), 1.0)
    targets = tf.one_hot(labels, CLASSES) * (1 - smoothing) + smoothing / CLASSES
    strangers = 1 - digits
    if teacher_logits is not None:
        targets += teacher_share * (tf.nn.softmax(digit_logits(teacher_logits)) - targets)
        if teacher_logits.shape[-1] > CLASSES:
            strangers += teacher_share * (tf.sigmoid(teacher_logits[:, CLASSES]) - strangers)
    of_digits = digit_logits(logits)
    losses = tf.nn.softmax_cross_entropy_with_logits(targets, of_digits)
    loss = tf.reduce_sum(digits * losses) / count
    if logits.shape[-1] > CLASSES:
        strange = tf.nn.sigmoid_cross_entropy_with_logits(strangers, logits[:, CLASSES])
        loss += STRANGER_WEIGHT * tf.reduce_mean(strange)
    hits = tf.cast(tf.argmax(of_digits, axis=1, output_type=labels.dtype) == labels, tf.float32)
    return tf.stack([loss, tf.reduce_sum(digits * hits) / count])
