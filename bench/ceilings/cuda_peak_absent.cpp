// The functions of bench/ceilings/cuda_peak.h for builds without the cuda device.
#include "bench/ceilings/cuda_peak.h"

namespace sec {

double run_cuda_peak(Stream&, DType, bool, Span) {
  fail("this program was built without the cuda device");
}

}  // namespace sec
