// Whole recordings classified: each gets the probability of every class, and those that are stated.
#pragma once

#include <string>

#include "tools/secinfer/options.h"
#include "train/streaming/stream_classifier.h"

namespace sec::tools {

// Prints a line, with options.json a JSON object: record, labels (those stated), classes, logits and
// probabilities. Age and sex, where the model asks for them, are read from the recording's comments; else
// they are taken as not known. Throws Error as read_signal does.
void classify_whole(const Options& options, train::Model& model, const std::string& record);

}  // namespace sec::tools
