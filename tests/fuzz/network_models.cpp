// The networks' names, that recipes are held to, without the networks, which no parser needs.
#include "model/networks.h"

namespace sec::model {

std::vector<std::string> network_models() {
  return {"se-ecgnet", "resnet34", "ecgnet", "bircnn"};
}

}  // namespace sec::model
