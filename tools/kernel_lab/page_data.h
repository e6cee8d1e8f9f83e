// The data of kernel_lab's page. page/ has the sources of the page.
#pragma once

#include <string>

#include "tools/kernel_lab/experiment.h"

namespace sec::lab {

// What the page shows, as JSON. data.js lists the members.
// `thread`: the thread that the page marks first. Throws Error if the block has no such thread, or if a source
// file of the kernel cannot be read.
std::string page_data(const Experiment& experiment, const Outcome& outcome, unsigned thread);

}  // namespace sec::lab
