// The names of the networks, which the recipe parser checks. The networks themselves are not linked.
#include "model/networks.h"

namespace sec::model {

std::vector<std::string> network_models() {
  return {"se-ecgnet", "resnet34", "ecgnet", "bircnn"};
}

}  // namespace sec::model
