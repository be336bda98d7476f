"""As much of PyTorch as bench/gpu/torch_peers.py uses, without arithmetic: GpuCheckTest runs the script with it.

A call that the script makes of nothing that is here is an AttributeError, and fails the test. Times are made up;
index_add_ by deterministic algorithms is refused, as by some versions of PyTorch.
"""
from types import SimpleNamespace

__version__ = "stub"
version = SimpleNamespace(cuda="stub")
_deterministic = False


class Tensor:
    def __init__(self, *shape):
        self.shape = shape

    def __mul__(self, other):
        return self

    def __sub__(self, other):
        return self

    def copy_(self, other):
        assert self.shape == other.shape

    def index_add_(self, dimension, index, source):
        assert dimension == 0 and index.shape[0] == source.shape[0] and source.shape[1:] == self.shape[1:]
        if _deterministic:
            raise RuntimeError("index_add_ has no deterministic implementation\nand a second line")

    def requires_grad_(self):
        return self


def _sizes(sizes):
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple) else sizes


def rand(*sizes, device):
    return Tensor(*_sizes(sizes))


def empty(*sizes, device):
    return Tensor(*_sizes(sizes))


def empty_like(a):
    return Tensor(*a.shape)


def full(sizes, value, device):
    return Tensor(*sizes)


def randint(most, sizes, device):
    assert most > 0
    return Tensor(*sizes)


def device(kind, ordinal):
    return (kind, ordinal)


def matmul(a, b, out):
    assert a.shape[1] == b.shape[0] and out.shape == (a.shape[0], b.shape[1])


def softmax(x, dimension):
    assert dimension == 1


def native_layer_norm(x, sizes, gamma, beta, eps):
    assert list(x.shape[1:]) == sizes and gamma.shape == beta.shape == x.shape[1:]


def set_float32_matmul_precision(precision):
    assert precision == "highest"


def use_deterministic_algorithms(on):
    global _deterministic
    _deterministic = on


class _Event:
    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        pass

    def synchronize(self):
        pass

    def elapsed_time(self, end):
        return 5.0


cuda = SimpleNamespace(
    Event=_Event, synchronize=lambda: None, set_device=lambda d: None, empty_cache=lambda: None,
    get_device_name=lambda d: "stub", is_available=lambda: True)
backends = SimpleNamespace(
    cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)),
    cudnn=SimpleNamespace(allow_tf32=True, deterministic=False, benchmark=False, version=lambda: 1))
utils = SimpleNamespace(deterministic=SimpleNamespace(fill_uninitialized_memory=True))


def _conv2d(x, w, stride, padding):
    assert x.shape[1] == w.shape[1], "channels"
    assert not backends.cudnn.allow_tf32 and not backends.cuda.matmul.allow_tf32
    size = [(x.shape[i] + 2 * padding[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3)]
    return Tensor(x.shape[0], w.shape[0], *size)


def _convolution_backward(dy, x, w, bias, stride, padding, dilation, transposed, output_padding, groups, mask):
    assert dy.shape == _conv2d(x, w, stride, padding).shape and sum(mask) == 1 and groups == 1


def _embedding_backward(dy, index, rows, padding, scale):
    assert dy.shape[0] == index.shape[0] and padding == -1 and not scale


nn = SimpleNamespace(functional=SimpleNamespace(conv2d=_conv2d))
ops = SimpleNamespace(aten=SimpleNamespace(
    convolution_backward=_convolution_backward, embedding_dense_backward=_embedding_backward))


class _AdamW:
    def __init__(self, parameters, lr, weight_decay, fused):
        assert fused and all(p.grad is not None for p in parameters)

    def step(self):
        pass


optim = SimpleNamespace(AdamW=_AdamW)
