"""PyTorch's own nets and files into Gluon's nets."""
import os

import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon.model_zoo import vision
from torch_nets import small_net

import gluonblocks as gb

torch = pytest.importorskip('torch', reason='PyTorch is not installed (the extra `torch`)')
nn, F = torch.nn, torch.nn.functional


class BasicBlock(nn.Module):
    """As torchvision writes it: the shortcut's layers come last."""

    def __init__(self, inplanes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False),
                                            nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(BasicBlock(4, 4, 1), BasicBlock(4, 4, 1))
        self.layer2 = nn.Sequential(BasicBlock(4, 6, 2), BasicBlock(6, 6, 1))
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


def pytorch_resnet():
    torch.manual_seed(0)
    net = ResNet()
    for _ in range(3):
        net(torch.rand(8, 3, 32, 32))  # moves the averages
    for name, param in net.named_parameters():
        if 'bn' in name or 'downsample.1' in name:
            nn.init.normal_(param, 1.0, 0.3)
    return net.eval()


@pytest.mark.parametrize('suffix', ['safetensors', 'pt', 'pth'])
def test_a_plain_pytorch_resnet_is_loaded_into_gluons_own(suffix, tmp_path):
    theirs, file = pytorch_resnet(), str(tmp_path / ('net.' + suffix))
    if suffix == 'safetensors':
        from safetensors.torch import save_file
        save_file(theirs.state_dict(), file)
    else:
        torch.save(theirs.state_dict(), file)
    ours = vision.ResNetV1(vision.BasicBlockV1, [2, 2], [4, 4, 6], classes=3)
    gb.load_torch(ours, file)
    X = np.random.RandomState(0).uniform(size=(4, 3, 32, 32)).astype('float32')
    with torch.no_grad():
        there = theirs(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(ours(nd.array(X)).asnumpy(), there, rtol=0,
                               atol=1e-5 * np.abs(there).max())


def test_a_pickle_of_more_than_tensors_is_refused_and_runs_nothing(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'harm'),)
    torch.save({'conv1.weight': Harm()}, str(tmp_path / 'net.pt'))
    with pytest.raises(ValueError, match='expected a state dict that contains only tensors'):
        gb.load_torch(small_net(), tmp_path / 'net.pt')
    assert not (tmp_path / 'harm').exists()
