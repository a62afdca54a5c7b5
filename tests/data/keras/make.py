"""Makes the models beside it, seeded and untrained, with what Keras answers: `python make.py 3` and `python make.py 2`.

Needs tensorflow-cpu, keras (3) and tf_keras (2); see README.md.
"""

import json
import os
import sys
from pathlib import Path

VERSION = sys.argv[1]
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np  # noqa: E402

if VERSION == "2":
    import tf_keras as keras
else:
    import keras

L, Model, Sequential, Input = keras.layers, keras.Model, keras.Sequential, keras.Input
rng = np.random.default_rng(20261127)
TEXTS = [
    "Hello world, hello model!",
    "the QUICK brown fox",
    "",
    "É é naïve GROẞ  straße",
    "don't stop-now",
    "a b c a b",
]
WORDS = ["male", "female", "x", "male", "", "zzz"]


def rows(*shape, count=6):
    return rng.normal(size=(count, *shape)).astype(np.float32)


def randomise(model):
    for layer in model.layers:
        if isinstance(layer, Model):
            randomise(layer)
        elif not isinstance(layer, L.Normalization | L.TextVectorization | L.StringLookup | L.IntegerLookup):
            arrays = [rng.normal(size=array.shape) * 0.5 for array in layer.get_weights()]
            named = zip(arrays, layer.weights, strict=True)
            layer.set_weights([np.abs(array) + 0.3 if "variance" in kept.name else array for array, kept in named])


def save(name, model, given, suffixes=("keras",)):
    """`given`: an array, or lists and arrays by the inputs' names."""
    randomise(model)
    columns = given if isinstance(given, dict) else {model.inputs[0].name.split(":")[0]: given}
    fed = {key: np.asarray(value, object if isinstance(value[0], str) else None) for key, value in columns.items()}
    fed = {key: value.reshape(-1, 1) if value.ndim == 1 else value for key, value in fed.items()}
    if any(value.dtype == object for value in fed.values()):
        import tensorflow as tf

        fed = {key: tf.constant(value) if value.dtype == object else value for key, value in fed.items()}
    answers = model.predict(fed if isinstance(given, dict) else next(iter(fed.values())), verbose=0)
    answers = answers if isinstance(answers, list | tuple) else [answers]
    for suffix in suffixes:
        folder = Path(__file__).parent / f"{name}-k{VERSION}-{suffix}"
        folder.mkdir(exist_ok=True)
        model.save(folder / f"model.{suffix}")
        np.save(folder / "expected.npy", np.concatenate([a.reshape(len(a), -1) for a in answers], 1, dtype=np.float32))
        if isinstance(given, dict):
            lists = {key: value if isinstance(value, list) else value.tolist() for key, value in given.items()}
            lines = [json.dumps(dict(zip(lists, row, strict=True))) for row in zip(*lists.values(), strict=True)]
            (folder / "input.jsonl").write_text("\n".join(lines) + "\n")
        else:
            np.save(folder / "input.npy", given)


def inner(name):
    x = Input((4,))
    return Model(x, L.Dense(4, activation="tanh")(L.BatchNormalization()(L.Dense(5)(x))), name=name)


def networks():
    activations = [L.LeakyReLU(), L.ELU(0.3), L.PReLU(), L.ReLU(6.0, 0.1, 0.5), L.Activation("gelu"), L.Softmax()]
    activations += [L.ThresholdedReLU(0.2)] if VERSION == "2" else [L.Activation("soft_shrink"), L.Activation("glu")]
    x = Input((6,))
    save("activations", Model(x, L.Concatenate()([layer(L.Dense(6)(x)) for layer in activations])), rows(6))

    x = Input((3, 4, 2))
    moved = L.Permute((2, 1))(L.Reshape((4, -1))(L.Cropping2D(((1, 0), (0, 1)))(x)))
    scores = L.Softmax(axis=1)(L.PReLU(shared_axes=[1])(L.Dense(3)(moved)))
    both = L.Concatenate()([L.Flatten()(scores), L.Flatten(data_format="channels_first")(x)])
    save("shapes", Model(x, both), rows(3, 4, 2))

    x = Input((2, 3, 2))
    several = [L.BatchNormalization(axis=axis, scale=axis > 0)(x) for axis in (-1, 1)]
    several += [
        L.LayerNormalization(axis=[1, 2, 3])(x),
        L.LayerNormalization(epsilon=1e-5)(x),
        L.UnitNormalization()(x),
    ]
    save("normalisations", Model(x, L.Flatten()(L.Concatenate()(several))), rows(2, 3, 2))

    x = Input((4,))
    given = {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 2.0]}
    late = L.Normalization(**given)(L.Dense(4)(x))
    turned = L.Normalization(**given, invert=True)(late)
    early = L.Rescaling(3.0, 0.5)(L.Normalization(mean=1.0, variance=4.0)(x))
    save("normalization", Model(x, L.Concatenate()([late, turned, early, x])), rows(4) * 50)

    left, right, extra = Input((4,), name="left"), Input((4,), name="right"), Input((2,), name="extra")
    shared = L.Dense(4, activation="relu")
    one, two = shared(left), shared(right)
    merged = [kind()([one, two]) for kind in (L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Subtract)]
    joined = L.Concatenate()([*merged, L.Dot(1)([one, two]), L.Dot(1, normalize=True)([one, right]), extra])
    outputs = [L.Dense(3, activation="softmax", name="kind")(joined), L.Dense(1, name="value")(joined)]
    given = {"left": rows(4), "right": rows(4), "extra": rows(2)}
    save("merges", Model([left, right, extra], outputs), given, ("keras", "h5"))

    x = Input((4,))
    before = L.Dense(4)(x)
    after = L.Activation("relu")(before)
    save("read-twice", Model(x, L.Add()([before, after])), rows(4))

    once, chain = inner("once"), Sequential([Input((4,)), L.Dense(4), L.BatchNormalization(), L.Dense(4)])
    frozen = inner("frozen")
    frozen.layers[1].trainable = False
    x = Input((4,))
    save("nested", Model(x, L.Dense(2)(frozen(once(chain(once(x)))))), rows(4), ("keras", "h5"))

    x = Input((4,))
    save("arithmetic", Model(x, L.Dense(2)((x / 255.0) * 2.0 - x + L.Dense(4)(x))), rows(4) * 100, ("keras", "h5"))


def tables():
    word = Input((1,), name="word", dtype="string")
    code = Input((1,), name="code", dtype="int64")
    age = Input((1,), name="age")
    blocks = [
        L.StringLookup(vocabulary=["male", "female"], output_mode="one_hot", mask_token="")(word),
        L.CategoryEncoding(6, output_mode="one_hot")(L.IntegerLookup(vocabulary=[1, 2, 3], mask_token=0)(code)),
        L.Hashing(4, salt=3, mask_value=9, output_mode="one_hot")(code),
        L.Discretization([0.1, 18.0, 40.0], output_mode="one_hot")(age),
        L.Normalization(mean=20.0, variance=9.0)(age),
    ]
    given = {"word": WORDS, "code": [1, 2, 9, 0, -4, 3], "age": [0.1, 17.999, 18.0, 40.0, -5.0, 0.0999]}
    save("table", Model([word, code, age], L.Dense(3)(L.Concatenate()(blocks))), given)

    word = Input((1,), name="word", dtype="string")
    blocks = [
        L.Hashing(5, mask_value="", output_mode="one_hot")(word),
        L.StringLookup(vocabulary=["male", "female"], num_oov_indices=3, output_mode="one_hot")(word),
        L.CategoryEncoding(6, output_mode="one_hot")(
            L.StringLookup(vocabulary=["male", "female"], num_oov_indices=2, mask_token="")(word)
        ),
    ]
    given = {"word": [text for text in WORDS if text]}
    save("unknown-words", Model(word, L.Dense(3)(L.Concatenate()(blocks))), given)


def texts():
    kinds = {
        "tfidf-padded": {"output_mode": "tf_idf", "max_tokens": 40, "pad_to_max_tokens": True},
        "bigrams": {"output_mode": "multi_hot", "ngrams": 2},
        "characters": {"output_mode": "count", "split": "character", "standardize": "lower"},
    }
    for name, options in kinds.items():
        words = L.TextVectorization(**options)
        words.adapt(np.array(TEXTS[:4], object))
        text = Input((1,), name="text", dtype="string")
        save(f"text-{name}", Model(text, L.Dense(2)(words(text))), {"text": TEXTS})


networks()
tables()
texts()
