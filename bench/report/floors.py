"""The minimum work of a step of SE-ECGNet: operations and bytes.
Everything between two convolutions is assumed to happen while a tile is loaded or stored.
floors.h has the minimum work of single operations."""

BYTES = {"f32": 4, "tf32": 4, "bf16": 2}  # bytes per activation


def convolutions(leads, length, width):
    """The 103 convolutions of the network as (L, H, Ci, Co, K, stride, padding), in the order of a forward pass."""
    found = []

    def conv(l, h, c_in, c_out, k, stride, pad):
        found.append((l, h, c_in, c_out, k, stride, pad))
        return (l + 2 * pad - k) // stride + 1

    after = conv(length, leads, 1, width, 50, 2, 0)
    for _ in range(3):
        conv(after, leads, width, width, 1, 2, 0)
        after = conv(after, leads, width, width, 15, 2, 7)
    trunk = after
    for k in (3, 5, 7):
        after = trunk
        for _ in range(4 * 3):
            conv(after, leads, width, width, k, 1, k // 2)
        for _ in range(4):
            conv(after, 1, leads * width, leads * width, 1, 2, 0)
            after = conv(after, 1, leads * width, leads * width, k, 2, k // 2)
            for _ in range(3):
                conv(after, 1, leads * width, leads * width, k, 1, k // 2)
    return found


def outputs(l, k, stride, pad):
    return (l + 2 * pad - k) // stride + 1


def products(conv):
    """The multiply-adds of a convolution for one sample, without those that involve padding."""
    l, h, c_in, c_out, k, stride, pad = conv
    pairs = sum(0 <= t * stride + j - pad < l for t in range(outputs(l, k, stride, pad)) for j in range(k))
    return pairs * h * c_in * c_out


def floor(what, batch, leads, length, width, precision="f32"):
    """Operations and bytes of a training step ("train") or a forward pass ("infer") over a batch.

    Each of forward, dgrad and wgrad does 2 operations per product; the stem has no dgrad (its input has no gradient).
    Forward, each convolution's output is written once and read once. Backward, it is read by dgrad and wgrad,
    which need the activation, and its gradient is written once. That makes five passes in all.
    Other operations and the weights would add a few per cent. This is a lower bound, not a forecast.
    """
    convs = convolutions(leads, length, width)
    total = sum(products(c) for c in convs)
    elements = sum(outputs(l, k, stride, pad) * h * c_out for l, h, _, c_out, k, stride, pad in convs)
    if what == "train":
        return 2.0 * batch * (3 * total - products(convs[0])), 5.0 * batch * elements * BYTES[precision]
    return 2.0 * batch * total, 2.0 * batch * elements * BYTES[precision]


def conv_operations(batch, leads, length, width):
    """Operations of all convolutions in a training step, by pass."""
    convs = convolutions(leads, length, width)
    total = sum(products(c) for c in convs)
    stem = products(convs[0])
    return {"forward": 2.0 * batch * total, "dgrad": 2.0 * batch * (total - stem), "wgrad": 2.0 * batch * total}


def rates(operations, bytes_, seconds, ceilings):
    """A row's rates, and its percentage of the ceiling that bounds it (see ceilings.h)."""
    arithmetic = operations / (1e9 * ceilings["gflops"])
    memory = bytes_ / (1e9 * ceilings["gbytes"])
    return {"seconds": seconds, "gflops": 1e-9 * operations / seconds, "gbytes": 1e-9 * bytes_ / seconds,
            "percent": 100 * max(arithmetic, memory) / seconds, "bound": "fma" if arithmetic >= memory else "copy"}
