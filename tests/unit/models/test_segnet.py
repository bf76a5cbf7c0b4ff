"""SegNet and its heads: sizes worked out by hand, torch's own unpooling, errors."""

import pytest
import torch

from rotograd_replication import plugins
from rotograd_replication.models.backbones import segnet

FILTERS = [64, 128, 256, 512, 512]


def build(features, filters):
    return plugins.load("networks", "segnet").build(features, filters=filters)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def blocks(*pairs):
    """Parameters of 3 x 3 convolutions with bias, each with a batch normalisation."""
    return sum(9 * i * o + o + 2 * o for i, o in pairs)


def test_parameters_by_hand():
    """MTAN's layer list written out: encoder, then decoder from the coarsest level."""
    encoder = blocks(
        (3, 64), (64, 64),
        (64, 128), (128, 128),
        (128, 256), (256, 256), (256, 256),
        (256, 512), (512, 512), (512, 512),
        (512, 512), (512, 512), (512, 512),
    )  # fmt: skip
    decoder = blocks(
        (512, 512), (512, 512), (512, 512),
        (512, 256), (256, 256), (256, 256),
        (256, 128), (128, 128), (128, 128),
        (128, 64), (64, 64),
        (64, 64), (64, 64),
    )  # fmt: skip
    net = build(64 * 32 * 32, FILTERS)
    assert count(net.encoder) == encoder
    assert count(net.decoder) == decoder
    heads = plugins.load("heads", "convolutional")
    for outputs in (13, 1, 3):
        head = heads.build(1, outputs, 64 * 32 * 32, [64], shape=[64, 32, 32])
        assert count(head) == (9 * 64 * 64 + 64) + (64 * outputs + outputs)


def test_a_full_image_gives_the_papers_seven_million_features():
    with torch.device("meta"):
        net = build(7_077_888, FILTERS)
        assert net(torch.empty(2, 3, 288, 384)).shape == (2, 7_077_888)


def test_features_must_be_the_maps():
    with pytest.raises(ValueError, match=r"filters\[0\] x height x width.*512. Found 511"):
        build(511, [8])(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="at least one level"):
        build(8, [])


@pytest.mark.parametrize("size", [(16, 24), (20, 28), (9, 13)])
def test_unpool_is_torchs(size):
    x = torch.randn(2, 3, *size)
    pooled, places = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    values = torch.randn_like(pooled)
    theirs = torch.nn.functional.max_unpool2d(values, places, 2, output_size=size)
    assert torch.equal(segnet.unpool(values, places, size), theirs)


def test_weights_are_xavier_normal_and_the_output_is_after_a_relu():
    torch.manual_seed(0)
    net = build(64 * 16 * 16, [64, 128])
    weight = net.encoder[1][1][0].weight
    assert float(weight.detach().std()) == pytest.approx((2 / (2 * 9 * 128)) ** 0.5, rel=0.01)
    assert not net.encoder[1][1][0].bias.detach().any()
    assert (net(torch.randn(1, 3, 16, 16)) >= 0).all()


def test_stacked_convolutional_heads_are_separate():
    """K heads as one module against K pairs of torch's own convolutions."""
    torch.manual_seed(0)
    stack = plugins.load("heads", "convolutional").build(3, 2, 4 * 30, [5], shape=[4, 5, 6])
    x = torch.randn(3, 2, 4 * 30)
    found = stack(x)
    assert found.shape == (3, 2, 2, 5, 6)
    first, second = stack.layers
    for k in range(3):
        inner = torch.nn.functional.conv2d(
            x[k].view(2, 4, 5, 6),
            first.weight[5 * k : 5 * k + 5],
            first.bias[5 * k : 5 * k + 5],
            padding=1,
        )
        wanted = torch.nn.functional.conv2d(
            inner, second.weight[2 * k : 2 * k + 2], second.bias[2 * k : 2 * k + 2]
        )
        torch.testing.assert_close(found[k], wanted)


def test_heads_refuse_another_shape():
    build_heads = plugins.load("heads", "convolutional").build
    with pytest.raises(ValueError, match=r"C x H x W = 12.*Found \[2, 3, 4\]"):
        build_heads(1, 2, 12, [5], shape=[2, 3, 4])
