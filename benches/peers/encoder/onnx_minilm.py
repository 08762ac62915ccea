"""all-MiniLM-L6-v2 as ONNX, made from its safetensors: no second copy of the weights is needed.

Two forms of the same network, for batches of texts of one length (so nothing
is padded and no mask is needed): `plain`, in the standard operators that an
exporter writes, which ONNX Runtime fuses by itself; and `fused`, in its own
operators for attention, skip layer normalisation and bias GELU.
"""

import json
import os

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from safetensors.numpy import load_file

EPSILON = 1e-12


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.known = [], [], set()

    def weight(self, name, array):
        if name not in self.known:
            self.known.add(name)
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind, inputs, domain="", **attributes):
        out = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], domain=domain, **attributes))
        return out


def build(folder, path, fused):
    p = load_file(os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    size = hidden // heads
    g = Graph()
    f32 = lambda name: p[name].astype(np.float32)
    own = "com.microsoft"

    def linear(x, name, bias=True):
        y = g.op("MatMul", [x, g.weight(f"{name}.weight.T", f32(f"{name}.weight").T)])
        return g.op("Add", [y, g.weight(f"{name}.bias", f32(f"{name}.bias"))]) if bias else y

    def norm(x, name):
        parts = [g.weight(f"{name}.{part}", f32(f"{name}.{part}")) for part in ("weight", "bias")]
        return g.op("LayerNormalization", [x, *parts], axis=-1, epsilon=EPSILON)

    def skip_norm(x, y, name, linear_name):
        parts = [g.weight(f"{name}.{part}", f32(f"{name}.{part}")) for part in ("weight", "bias")]
        bias = g.weight(f"{linear_name}.bias", f32(f"{linear_name}.bias"))
        return g.op("SkipLayerNormalization", [y, x, *parts, bias], own, epsilon=EPSILON)

    ids = "ids"  # batch x length
    words = g.op("Gather", [g.weight("words", f32("embeddings.word_embeddings.weight")), ids])
    places = f32("embeddings.position_embeddings.weight") + f32("embeddings.token_type_embeddings.weight")[0]
    length = g.op("Shape", [ids], start=1, end=2)
    zero, one = (g.weight(n, np.array(v, np.int64)) for n, v in (("zero", [0]), ("one", [1])))
    position = g.op("Slice", [g.weight("places", places), zero, length, zero, one])
    x = norm(g.op("Add", [words, position]), "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}"
        attention = f"{layer}.attention"
        if fused:
            parts = [f"{attention}.self.{s}" for s in ("query", "key", "value")]
            w = g.weight(f"{layer}.qkv", np.concatenate([f32(f"{s}.weight").T for s in parts], 1))
            b = g.weight(f"{layer}.qkv.bias", np.concatenate([f32(f"{s}.bias") for s in parts]))
            c = g.op("Attention", [x, w, b], own, num_heads=heads)
            y = linear(c, f"{attention}.output.dense", bias=False)
            x = skip_norm(x, y, f"{attention}.output.LayerNorm", f"{attention}.output.dense")
            up = linear(x, f"{layer}.intermediate.dense", bias=False)
            bias = g.weight(f"{layer}.up.bias", f32(f"{layer}.intermediate.dense.bias"))
            y = linear(g.op("BiasGelu", [up, bias], own), f"{layer}.output.dense", bias=False)
            x = skip_norm(x, y, f"{layer}.output.LayerNorm", f"{layer}.output.dense")
            continue
        shape = g.weight("heads", np.array([0, 0, heads, size], np.int64))
        q, k, v = (
            g.op("Transpose", [g.op("Reshape", [linear(x, f"{attention}.self.{s}"), shape])], perm=perm)
            for s, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        root = g.weight("root", np.array(np.sqrt(size), np.float32))
        scores = g.op("Div", [g.op("MatMul", [q, k]), root])
        c = g.op("MatMul", [g.op("Softmax", [scores], axis=-1), v])
        c = g.op("Transpose", [c], perm=[0, 2, 1, 3])
        c = g.op("Reshape", [c, g.weight("flat", np.array([0, 0, hidden], np.int64))])
        x = norm(g.op("Add", [linear(c, f"{attention}.output.dense"), x]), f"{attention}.output.LayerNorm")
        up = linear(x, f"{layer}.intermediate.dense")
        half, unit, two = (
            g.weight(n, np.array(v, np.float32)) for n, v in (("half", 0.5), ("unit", 1), ("two", np.sqrt(2)))
        )
        erf = g.op("Add", [g.op("Erf", [g.op("Div", [up, two])]), unit])
        gelu = g.op("Mul", [g.op("Mul", [up, erf]), half])
        x = norm(g.op("Add", [linear(gelu, f"{layer}.output.dense"), x]), f"{layer}.output.LayerNorm")
    mean = g.op("ReduceMean", [x, g.weight("axis", np.array([1], np.int64))], keepdims=0)
    graph = helper.make_graph(
        g.nodes, "minilm",
        [helper.make_tensor_value_info(ids, TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info(mean, TensorProto.FLOAT, ["batch", hidden])], g.weights)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(own, 1)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
