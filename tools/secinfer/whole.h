// Classifies whole recordings: gives the probability of every class, and the labels that are assigned.
#pragma once

#include <string>

#include "tools/secinfer/options.h"
#include "train/streaming/stream_classifier.h"

namespace sec::tools {

// Prints a line or, with options.json, a JSON object:
// record, labels (the assigned ones), classes, logits and probabilities.
// If the model has inputs for age and sex, they are read from the recording's comments;
// missing ones count as unknown. Throws the errors of read_signal.
void classify_whole(const Options& options, train::Model& model, const std::string& record);

}  // namespace sec::tools
