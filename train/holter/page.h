// The report of a long recording as one HTML page, in the style of the report of a training run.
#pragma once

#include <string>
#include <vector>

#include "train/holter/holter.h"

namespace sec::train {

struct HolterAbout {
  std::string name;        // of the recording; empty: the page names no one
  std::string start_date;  // empty: not known, or not to be named
  std::string start_time;  // "HH:MM:SS"; empty: not known
  std::string model;       // the title of its recipe
  std::string program;
  bool beats_given = false;           // by an annotation file
  std::vector<std::string> warnings;  // about the signal
};

std::string holter_page(const Holter& holter, const HolterAbout& about);

}  // namespace sec::train
