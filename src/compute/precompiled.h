// The one precompiled header of the rooms that compute. ATen and the autograd pieces that are used, never torch/torch.h
// (a 720 MB header against 470, and twice the time a file).
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
