#include "compute/weight_gradient.h"

namespace ballot {

bool adds_in_place(const at::Tensor& weight, at::ScalarType type) {
  return weight.defined() && weight.is_leaf() && weight.requires_grad() && weight.scalar_type() == type;
}

at::Tensor gradient_to_add_to(const at::Tensor& weight) {
  at::Tensor& gradient = weight.mutable_grad();
  if (!gradient.defined()) gradient = at::zeros(weight.sizes(), weight.options().requires_grad(false));
  return gradient;
}

at::Tensor product_gradient(const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& x) {
  if (!weight.requires_grad()) return {};
  if (!adds_in_place(weight, dy.scalar_type())) return at::mm(dy.t(), x).to(weight.scalar_type());
  at::Tensor& gradient = weight.mutable_grad();
  if (gradient.defined())
    gradient.addmm_(dy.t(), x);
  else
    gradient = at::mm(dy.t(), x);
  return {};
}

}  // namespace ballot
