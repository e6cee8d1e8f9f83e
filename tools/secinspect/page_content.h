// The data of a page: the network, and what it makes of one beat or recording.
#pragma once

#include "io/files/json.h"
#include "tools/secinspect/model.h"

namespace sec::tools {

// A page without a recording: the network's graph with its shapes, costs and first filters.
io::Json network_page(InspectedModel& model, Stream& stream);

// A page about the beat near --at, or about the whole recording. Writes --dump, too.
// Throws Error naming the record if it cannot be read, lacks a lead, or if the time is outside.
io::Json record_page(const Options& options, InspectedModel& model, Stream& stream);

}  // namespace sec::tools
