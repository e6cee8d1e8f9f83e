#include "bench/kernels/dnnl.h"

#include <fmt/format.h>
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace sec {
namespace {

using dnnl::memory;
using kernels::ConvPass;

#if DNNL_CPU_RUNTIME != DNNL_RUNTIME_OMP
#error "oneDNN was found with another threading than OpenMP's: set SEC_DNNL_LIBRARY to one with it, or to OFF"
#endif

// oneDNN 2 describes an operation before it makes the primitive_desc; oneDNN 3 does both in one call.
template <typename Primitive, typename... Arguments, typename... Hint>
typename Primitive::primitive_desc prepare(const dnnl::engine& engine,
                                           const std::tuple<Arguments...>& arguments, const Hint&... hint) {
  return std::apply(
      [&](const Arguments&... a) {
#if DNNL_VERSION_MAJOR >= 3
        return typename Primitive::primitive_desc(engine, a..., hint...);
#else
        return typename Primitive::primitive_desc(typename Primitive::desc(a...), engine, hint...);
#endif
      },
      arguments);
}

memory::desc chosen_by_it(const memory::dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}

}  // namespace

// The convolution in oneDNN's terms, as PyTorch states it: images of H leads by L samples, taps along L.
struct DnnlConv::State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  memory::desc result_layout;  // our layout of the result
  int result = DNNL_ARG_DST;

  void copy(memory from, memory to) {
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }

  // An operand in oneDNN's layout `theirs`, filled from `values` in our layout.
  void give(int argument, const memory::desc& theirs, const memory::desc& ours, const float* values) {
    memory there(theirs, engine);
    copy(memory(ours, engine, const_cast<float*>(values)), there);  // reorder only reads the values
    arguments[argument] = there;
  }

  void expect(int argument, const memory::desc& theirs, const memory::desc& ours) {
    arguments[argument] = memory(theirs, engine);
    result_layout = ours;
    result = argument;
  }
};

DnnlConv::DnnlConv(ConvPass pass, const kernels::ConvShape& s, int threads, const float* x, const float* w,
                   const float* y) {
  omp_set_num_threads(threads);  // read when the primitive is made and when it runs
  state_ = std::make_unique<State>();
  State& state = *state_;
  const auto images = [&](std::int64_t length, std::int64_t channels) {
    return memory::desc({s.n, channels, s.h, length}, memory::data_type::f32,
                        {length * s.h * channels, 1, channels, s.h * channels});
  };
  const memory::desc our_x = images(s.l, s.c_in);
  const memory::desc our_y = images(s.l_out(), s.c_out);
  const memory::desc our_w({s.c_out, s.c_in, 1, s.k}, memory::data_type::f32,
                           {1, s.c_out, 1, s.c_in * s.c_out});
  const memory::desc any_x = chosen_by_it({s.n, s.c_in, s.h, s.l});
  const memory::desc any_y = chosen_by_it({s.n, s.c_out, s.h, s.l_out()});
  const memory::desc any_w = chosen_by_it({s.c_out, s.c_in, 1, s.k});
  const memory::dims stride = {1, s.stride};
  const memory::dims padding = {0, s.pad};
  constexpr auto algorithm = dnnl::algorithm::convolution_auto;

  const auto forward = prepare<dnnl::convolution_forward>(
      state.engine, std::tuple(dnnl::prop_kind::forward_training, algorithm, any_x, any_w, any_y, stride,
                               padding, padding));
  if (pass == ConvPass::forward) {
    state.give(DNNL_ARG_SRC, forward.src_desc(), our_x, x);
    state.give(DNNL_ARG_WEIGHTS, forward.weights_desc(), our_w, w);
    state.expect(DNNL_ARG_DST, forward.dst_desc(), our_y);
    state.primitive = dnnl::convolution_forward(forward);
  } else if (pass == ConvPass::dgrad) {
    const auto dgrad = prepare<dnnl::convolution_backward_data>(
        state.engine, std::tuple(algorithm, any_x, any_w, any_y, stride, padding, padding), forward);
    state.give(DNNL_ARG_DIFF_DST, dgrad.diff_dst_desc(), our_y, y);
    state.give(DNNL_ARG_WEIGHTS, dgrad.weights_desc(), our_w, w);
    state.expect(DNNL_ARG_DIFF_SRC, dgrad.diff_src_desc(), our_x);
    state.primitive = dnnl::convolution_backward_data(dgrad);
  } else {
    const auto wgrad = prepare<dnnl::convolution_backward_weights>(
        state.engine, std::tuple(algorithm, any_x, any_w, any_y, stride, padding, padding), forward);
    state.give(DNNL_ARG_SRC, wgrad.src_desc(), our_x, x);
    state.give(DNNL_ARG_DIFF_DST, wgrad.diff_dst_desc(), our_y, y);
    state.expect(DNNL_ARG_DIFF_WEIGHTS, wgrad.diff_weights_desc(), our_w);
    state.primitive = dnnl::convolution_backward_weights(wgrad);
  }
}

DnnlConv::~DnnlConv() = default;

void DnnlConv::run() {
  state_->primitive.execute(state_->stream, state_->arguments);
  state_->stream.wait();
}

std::vector<float> DnnlConv::result() {
  memory ours(state_->result_layout, state_->engine);
  state_->copy(state_->arguments.at(state_->result), ours);
  const auto* values = static_cast<const float*>(ours.get_data_handle());
  return {values, values + state_->result_layout.get_size() / sizeof(float)};
}

std::string dnnl_version() {
  const dnnl_version_t* version = ::dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace sec
