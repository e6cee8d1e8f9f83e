// Small folders of generated recordings in the formats that training on whole recordings reads.
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "io/wfdb/signal.h"
#include "tests/io/files.h"

namespace sec::train {

// Sample t of a lead: a sine of 3 Hz if `fast`, else of 1 Hz. Its phase depends on the recording.
inline int generated(int recording, int lead, int t, double rate, bool fast) {
  const double turns = (fast ? 3.0 : 1.0) * t / rate + 0.13 * recording;
  return static_cast<int>(std::lround((100 + 10 * lead) * std::sin(2 * std::numbers::pi * turns)));
}

// A folder in the Tianchi contest's format: labels.txt, classes.txt, train/1.txt, train/2.txt and so on.
// Every second recording has the label "fast", every third has the label "third".
// Some recordings lack age or sex, as in the contest.
inline void write_tianchi_folder(const io::TemporaryFolder& folder, int recordings) {
  std::filesystem::create_directories(folder / "train");
  std::string labels;
  for (int r = 1; r <= recordings; ++r) {
    const bool fast = r % 2 == 0;
    std::string text = "I II V1 V2 V3 V4 V5 V6\n";
    for (int t = 0; t < 5000; ++t) {
      for (int lead = 0; lead < 8; ++lead) {
        text += std::to_string(generated(r, lead, t, 500, fast)) + (lead < 7 ? ' ' : '\n');
      }
    }
    folder.write("train/" + std::to_string(r) + ".txt", text);
    labels += std::to_string(r) + ".txt\t" + (r % 5 == 0 ? "" : "40") + "\t" +
              (r % 4 == 0   ? ""
               : r % 4 == 1 ? "MALE"
                            : "FEMALE") +
              (fast ? "\t\xE5\xBF\xAB" : "\tslow") + (r % 3 == 0 ? "\tthird" : "") + "\t\n";
  }
  folder.write("labels.txt", labels);
  folder.write("classes.txt", "\xE5\xBF\xAB\nslow\nthird\n");
}

// Writes a WFDB record of 10 s at 100 Hz with these leads, and with these comments in its header.
inline void write_record(const io::TemporaryFolder& folder, const std::string& name, int recording, bool fast,
                         const std::vector<std::string>& leads, const std::vector<std::string>& comments = {},
                         int samples = 1000) {
  io::DigitalRecord record;
  record.header.name = name;
  record.header.rate = 100;
  record.header.comments = comments;
  for (int lead = 0; lead < static_cast<int>(leads.size()); ++lead) {
    io::WfdbSignal signal;
    signal.format = 16;
    signal.gain = 1000;
    signal.resolution = 16;
    signal.description = leads[static_cast<std::size_t>(lead)];
    record.header.signals.push_back(signal);
    record.signals.emplace_back();
    for (int t = 0; t < samples; ++t) {
      record.signals.back().push_back(generated(recording, lead, t, 100, fast));
    }
  }
  io::write_digital(folder.path(), record);
}

}  // namespace sec::train
