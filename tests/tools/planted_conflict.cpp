// planted_conflict PITCH DATA.json PAGE.html: records the kernel of conflicts.cu as kernel_lab records convolutions.
#include <cstdio>
#include <cstdlib>

#include "io/files/atomic_file.h"
#include "tests/tools/conflicts.h"
#include "tools/kernel_lab/page_data.h"
#include "tools/kernel_lab/recorder.h"
#include "tools/page/page.h"

int main(int argc, char** argv) {
  using namespace sec;
  if (argc != 4) {
    std::fputs("usage: planted_conflict PITCH DATA.json PAGE.html\n", stderr);
    return 2;
  }
  try {
    std::vector<float> numbers;
    for (int i = 0; i < 32; ++i) {
      numbers.push_back(1.0F + static_cast<float>(i));
    }
    Stream stream{Device::simt};
    const Tensor x = Tensor::from(stream, {32}, numbers);
    Tensor y = Tensor::zeros(stream, {32});
    const auto array = [](const char* name, const Tensor& tensor) {
      return lab::Array{name, false, reinterpret_cast<std::uintptr_t>(tensor.read().data),
                        128,  4,     {1, 32, 1, 1}};
    };
    lab::Watch watching;
    watching.kernels = {"pitched_copy"};
    lab::watch(watching, {array("x", x), array("y", y)});
    kernels::simt::copy_with_pitch(std::atoi(argv[1]), stream, x.read(), y.write());
    lab::Outcome outcome;
    outcome.trace = lab::take_trace();
    const auto* const copied = y.read().as<float>("y");
    outcome.equal = std::equal(numbers.begin(), numbers.end(), copied);
    outcome.operands = {{"x", {1, 32, 1, 1}, numbers}, {"y", {1, 32, 1, 1}, {copied, copied + 32}}};
    lab::Experiment experiment;
    experiment.shape = {.n = 1, .l = 32, .h = 1, .c_in = 1, .c_out = 1, .k = 1};
    const std::string data = lab::page_data(experiment, outcome, 0);
    io::write_atomically(argv[2], data);
    io::write_atomically(argv[3], tools::page_of("A planted bank conflict", data));
    return outcome.equal ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "planted_conflict: %s\n", error.what());
    return 1;
  }
}
