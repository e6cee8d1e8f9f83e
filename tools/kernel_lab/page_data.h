// The page of kernel_lab: one HTML file with its style, scripts and data. page/ has the sources.
#pragma once

#include <string>

#include "tools/kernel_lab/experiment.h"

namespace sec::lab {

// What the page shows, as JSON. data.js lists the members.
// `thread`: the thread that the page marks first. Throws Error if the block has no such thread, or if a source
// file of the kernel cannot be read.
std::string page_data(const Experiment& experiment, const Outcome& outcome, unsigned thread);

// The whole page.
std::string page_of(const std::string& title, const std::string& json);

}  // namespace sec::lab
