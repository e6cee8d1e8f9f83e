// Names of observed operations. Operations with parameters are called after their layer, the others after the
// operation that they follow.
#pragma once

#include <vector>

#include "train/inspect/observe.h"

namespace sec::train {

// Sets `name` and `group` of all nodes behind the inputs. Names are unique: a second "x" is called "x#2".
void name_nodes(std::vector<ObservedNode>& nodes);

}  // namespace sec::train
