#include "engine/device_model.h"

#include "engine/cuda/backend.h"

namespace sec {

std::string model_of(Device device) {
  return device == Device::cuda ? cuda::model() : std::string(name_of(device));
}

}  // namespace sec
